//go:build !unix && !windows

package world

import "net"

// setGroupOptions has no effect: this system has no groups.
func setGroupOptions(*net.UDPConn, bool) error { return nil }
