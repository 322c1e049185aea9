//go:build !unix

package tcp

import "net"

// rawWriter returns nil: there is no way to write without waiting.
func rawWriter(*net.TCPConn) func([]byte) (int, error) { return nil }
