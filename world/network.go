package world

import (
	"context"
	"net"
)

// A Network makes connections. Devices hold it as a value, so its dynamic type must
// be comparable. [SystemNetwork] is one; package
// [github.com/go-marketplace/marketplace/world/simnet] has a simulated one.
type Network interface {
	// NetworkName returns the name of the network, which is part of the names of
	// devices. Two networks that one machine uses must have different names, and
	// a network must have the same name in the next run.
	NetworkName() string

	// Listen listens on an address, as [net.ListenConfig.Listen] does. The end of
	// ctx ends the call, not the listener.
	Listen(ctx context.Context, network, address string) (net.Listener, error)

	// Dial connects to an address, as [net.Dialer.DialContext] does. The end of
	// ctx ends the call, not the connection.
	Dial(ctx context.Context, network, address string) (net.Conn, error)
}

// A TryWriter is a connection that can write without blocking. A [Network] whose
// connections are not of type [*net.TCPConn] should give them this method: without
// it, a driver needs a goroutine each time it writes.
//
// A type that embeds a TryWriter and changes what Write does has to change
// TryWrite, too.
type TryWriter interface {
	// TryWrite writes as much of b as it can without blocking, and returns how
	// many bytes that is. If n is less than len(b) and err is nil, writing more
	// would block.
	TryWrite(b []byte) (n int, err error)
}

// SystemNetwork returns the network of the operating system, named "system". All
// its values are equal.
//
// Sockets have the default options of package net. So the system sends keep-alive
// probes, TCP_NODELAY is on, and on Unix a listener sets SO_REUSEADDR: a program can
// listen on an address again while old connections of it linger, but not while
// another listener is open there.
func SystemNetwork() Network { return systemNetwork{} }

// systemNetworkName is the name that no other network may have.
const systemNetworkName = "system"

type systemNetwork struct{}

func (systemNetwork) NetworkName() string { return systemNetworkName }

func (systemNetwork) Listen(ctx context.Context, network, address string) (net.Listener, error) {
	// Package net sets SO_REUSEADDR except on Windows, where two programs could
	// share a port with it. It never sets SO_REUSEPORT, so listening on a port in
	// use fails.
	var c net.ListenConfig
	return c.Listen(ctx, network, address)
}

func (systemNetwork) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, network, address)
}
