//go:build !unix && !windows

package world

import "net"

// setGroupOptions does nothing: there are no groups where this is built.
func setGroupOptions(*net.UDPConn, bool) error { return nil }
