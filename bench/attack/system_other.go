//go:build !linux

package main

import (
	"errors"
	"net"
)

// highestMemory returns the highest resident memory that a process has had, in
// bytes. Here it cannot be found out.
func highestMemory(int) (int64, bool) { return 0, false }

// unsent returns how many bytes the system of the peer has not yet got. Here it
// cannot be found out.
func unsent(*net.TCPConn) (int, error) { return 0, errors.ErrUnsupported }
