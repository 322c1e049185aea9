package world

import (
	"net"
	"os"
	"syscall"
)

// setGroupOptions enables multicast loopback, which package net disables: this socket
// receives what sockets of this host send to its group.
func setGroupOptions(c *net.UDPConn, is4 bool) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		if is4 {
			failed = syscall.SetsockoptInt(syscall.Handle(fd), syscall.IPPROTO_IP, syscall.IP_MULTICAST_LOOP, 1)
		} else {
			failed = syscall.SetsockoptInt(syscall.Handle(fd), syscall.IPPROTO_IPV6, syscall.IPV6_MULTICAST_LOOP, 1)
		}
	})
	if err != nil {
		return err
	}
	return os.NewSyscallError("setsockopt", failed)
}
