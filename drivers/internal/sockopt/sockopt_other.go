//go:build !unix

package sockopt

import (
	"net"
	"syscall"
)

// noReuse does nothing: package net does not turn the option on here.
func noReuse(string, string, syscall.RawConn) error { return nil }

// setBacklog does nothing: the system does not change the backlog of a listening socket.
func setBacklog(*net.TCPListener, int) error { return nil }
