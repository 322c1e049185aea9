//go:build !linux

package tcp

import (
	"net"

	"github.com/go-marketplace/marketplace/world"
)

// newPolled returns nil: no ground waits for descriptors on this system.
func newPolled(*net.TCPConn, tuning, world.Env) world.Handle { return nil }

// newPolledTLS returns nil as well.
func newPolledTLS(*secureConn, tuning, world.Env) world.Handle { return nil }
