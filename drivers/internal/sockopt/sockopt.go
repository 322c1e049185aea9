// Package sockopt opens TCP sockets of the operating system with options that package
// net does not offer, or that [world.SystemNetwork] leaves at their defaults: SO_REUSEADDR
// and the backlog of a listening socket, and the source address of a connection.
package sockopt

import (
	"context"
	"net"
	"net/netip"

	"github.com/go-marketplace/marketplace/world"
)

// Options are the options of a listening socket. The zero Options are the defaults of
// package net.
type Options struct {
	// NoReuse turns SO_REUSEADDR off, which package net turns on. It has an effect
	// on Unix only; elsewhere the option has another meaning.
	NoReuse bool

	// Backlog is how many connections the system keeps until they are accepted.
	// Zero is as many as the system allows, which is the most in any case. It has
	// an effect on Unix only: package net takes no backlog, and other systems do
	// not change that of a listening socket.
	Backlog int
}

// Listen listens at an address, as [world.Network.Listen] does. The options have no
// effect on a network other than that of the operating system.
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
		_ = l.Close() // nothing was accepted
		return nil, &net.OpError{Op: "listen", Net: "tcp", Addr: l.Addr(), Err: err}
	}
	return l, nil
}

// Dial connects to an address, as [world.Network.Dial] does, from an address of this
// host. If that is the zero Addr, the system chooses. It has no effect on a network other
// than that of the operating system.
func Dial(ctx context.Context, n world.Network, from netip.Addr, address string) (net.Conn, error) {
	if !from.IsValid() || n != world.SystemNetwork() {
		return n.Dial(ctx, "tcp", address)
	}
	d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))}
	return d.DialContext(ctx, "tcp", address)
}
