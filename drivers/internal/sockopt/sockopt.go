// Package sockopt opens TCP sockets of the operating system with options that
// [world.SystemNetwork] leaves at the defaults of package net.
package sockopt

import (
	"context"
	"net"
	"net/netip"

	"github.com/go-marketplace/marketplace/world"
)

// Options are the options of a socket that listens. The zero Options are the
// defaults of package net.
type Options struct {
	// NoReuse turns SO_REUSEADDR off, which package net turns on. It has no
	// effect on systems where the option has another meaning than on Unix.
	NoReuse bool

	// Backlog is how many connections the system keeps until they are accepted.
	// Zero is as many as the system allows, and it never keeps more than that.
	// It has no effect on systems other than Unix, which do not change the
	// backlog of a socket that listens already; package net takes no backlog.
	Backlog int
}

// Listen listens at an address, as [world.Network.Listen] does. On a network
// other than that of the operating system the options have no effect.
func (o Options) Listen(ctx context.Context, n world.Network, address string) (net.Listener, error) {
	if o == (Options{}) || n != world.SystemNetwork() {
		return n.Listen(ctx, "tcp", address)
	}
	var c net.ListenConfig
	if o.NoReuse {
		c.Control = noReuse
	}
	l, err := c.Listen(ctx, "tcp", address)
	if err != nil || o.Backlog == 0 {
		return l, err
	}
	if err := setBacklog(l.(*net.TCPListener), o.Backlog); err != nil {
		_ = l.Close() // it has taken no connection
		return nil, &net.OpError{Op: "listen", Net: "tcp", Addr: l.Addr(), Err: err}
	}
	return l, nil
}

// Dial connects to an address, as [world.Network.Dial] does, from an address of
// this host. If that is the zero Addr, the system chooses. On a network other
// than that of the operating system it has no effect.
func Dial(ctx context.Context, n world.Network, from netip.Addr, address string) (net.Conn, error) {
	if !from.IsValid() || n != world.SystemNetwork() {
		return n.Dial(ctx, "tcp", address)
	}
	d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))}
	return d.DialContext(ctx, "tcp", address)
}
