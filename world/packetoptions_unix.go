//go:build unix

package world

import (
	"net"
	"os"
	"syscall"
)

// setGroupOptions enables multicast loopback, which package net disables: sockets of
// this host receive what this socket sends to its group. It also makes this socket
// receive datagrams to its own group only.
func setGroupOptions(c *net.UDPConn, is4 bool) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		if is4 {
			failed = syscall.SetsockoptByte(int(fd), syscall.IPPROTO_IP, syscall.IP_MULTICAST_LOOP, 1)
		} else {
			failed = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IPV6, syscall.IPV6_MULTICAST_LOOP, 1)
		}
		if failed == nil {
			failed = setOwnGroupOnly(int(fd), is4)
		}
	})
	if err != nil {
		return err
	}
	return os.NewSyscallError("setsockopt", failed)
}
