//go:build unix

package sockopt

import (
	"net"
	"os"
	"syscall"
)

// noReuse turns off the option that package net has turned on.
func noReuse(_, _ string, c syscall.RawConn) error {
	return control(c, "setsockopt", func(fd int) error {
		return syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 0)
	})
}

// setBacklog changes the backlog of a listening socket: a second call of listen does
// nothing else.
func setBacklog(l *net.TCPListener, n int) error {
	c, err := l.SyscallConn()
	if err != nil {
		return err
	}
	return control(c, "listen", func(fd int) error { return syscall.Listen(fd, n) })
}

func control(c syscall.RawConn, call string, f func(fd int) error) error {
	var failed error
	if err := c.Control(func(fd uintptr) { failed = os.NewSyscallError(call, f(int(fd))) }); err != nil {
		return err
	}
	return failed
}
