package world

import "syscall"

// The numbers of options that package syscall does not have.
const (
	ipMulticastAll   = 49 // IP_MULTICAST_ALL
	ipv6MulticastAll = 29 // IPV6_MULTICAST_ALL, since Linux 4.20
)

// setOwnGroupOnly keeps away from the socket what is sent to groups that only
// others on this host are members of. Package net binds the socket to all
// addresses, and by default that is what Linux goes by.
func setOwnGroupOnly(fd int, is4 bool) error {
	if is4 {
		return syscall.SetsockoptInt(fd, syscall.IPPROTO_IP, ipMulticastAll, 0)
	}
	err := syscall.SetsockoptInt(fd, syscall.IPPROTO_IPV6, ipv6MulticastAll, 0)
	if err == syscall.ENOPROTOOPT {
		return nil // an older Linux
	}
	return err
}
