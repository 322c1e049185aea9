package world

import "syscall"

// Socket options that package syscall does not have.
const (
	ipMulticastAll   = 49 // IP_MULTICAST_ALL
	ipv6MulticastAll = 29 // IPV6_MULTICAST_ALL, since Linux 4.20
)

// setOwnGroupOnly makes the socket receive datagrams to its own group only. Package
// net binds the socket to all addresses, and by default Linux then delivers
// datagrams to every group that any socket of this host has joined.
func setOwnGroupOnly(fd int, is4 bool) error {
	if is4 {
		return syscall.SetsockoptInt(fd, syscall.IPPROTO_IP, ipMulticastAll, 0)
	}
	err := syscall.SetsockoptInt(fd, syscall.IPPROTO_IPV6, ipv6MulticastAll, 0)
	if err == syscall.ENOPROTOOPT {
		return nil // Linux before 4.20
	}
	return err
}
