package world

import (
	"context"
	"net"
)

// A Network makes connections. Devices hold it as a value, so its dynamic type must
// be comparable. [SystemNetwork] is one; package
// [github.com/go-marketplace/marketplace/world/simnet] has a simulated one.
type Network interface {
	// NetworkName returns the name of the network. It becomes part of the names
	// of devices: two networks that are used in one machine have different
	// names, and the same network has the same name in the next run.
	NetworkName() string

	// Listen listens on an address, as [net.ListenConfig.Listen] does. The
	// context ends the call, not the listener.
	Listen(ctx context.Context, network, address string) (net.Listener, error)

	// Dial connects to an address, as [net.Dialer.DialContext] does. The
	// context ends the call, not the connection.
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
// values of it are equal.
//
// It leaves the options of sockets at the defaults of package net. So keep-alive
// probes are sent, TCP_NODELAY is on, and where the system has SO_REUSEADDR in
// the Unix sense a listener sets it: an address can be listened on again while
// old connections of it linger, but not while somebody listens there.
func SystemNetwork() Network { return systemNetwork{} }

// systemNetworkName is the name that no other network may have.
const systemNetworkName = "system"

type systemNetwork struct{}

func (systemNetwork) NetworkName() string { return systemNetworkName }

func (systemNetwork) Listen(ctx context.Context, network, address string) (net.Listener, error) {
	// SO_REUSEADDR is package net's choice on each system: on Windows it would
	// let two programs share a port, so it is not set there. SO_REUSEPORT is
	// never set: a port that is taken must say so.
	var c net.ListenConfig
	return c.Listen(ctx, network, address)
}

func (systemNetwork) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, network, address)
}
