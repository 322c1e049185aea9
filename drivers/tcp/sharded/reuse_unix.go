//go:build unix

package sharded

import (
	"os"
	"syscall"
)

// noReuse takes back the option that package net has set on a socket.
func noReuse(_, _ string, c syscall.RawConn) error {
	var failed error
	err := c.Control(func(fd uintptr) {
		failed = os.NewSyscallError("setsockopt", syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 0))
	})
	if err != nil {
		return err
	}
	return failed
}
