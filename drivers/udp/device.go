package udp

import (
	"context"
	"strconv"
	"time"

	"github.com/go-marketplace/marketplace/drivers/inet"
	"github.com/go-marketplace/marketplace/world"
)

// The devices of this package.
type (
	// socket is a socket for datagrams. Its values are an opened, and any number
	// of received and burst. Its command is send.
	socket struct {
		network   world.PacketNetwork
		addresses *inet.Addresses
		buffer    int
		at        Addr
	}

	// name is the lookup of the name of a host. Its only value is a found. It ends
	// when that is too old.
	name struct {
		network     world.PacketNetwork
		limit, life time.Duration
		host        string
	}
)

// DeviceName implements [world.Device].
func (s socket) DeviceName() string {
	buffer := ""
	if s.buffer != defaultReceiveBuffer {
		buffer = "buffer " + strconv.Itoa(s.buffer) + ", "
	}
	return "udp.socket(" + strconv.Quote(s.network.NetworkName()) + ", " + buffer + s.at.String() + ")"
}

// DeviceName implements [world.Device].
func (n name) DeviceName() string {
	times := ""
	if n.limit != defaultLookupLimit || n.life != defaultLookupLife {
		times = "limit " + n.limit.String() + ", life " + n.life.String() + ", "
	}
	return "udp.name(" + strconv.Quote(n.network.NetworkName()) + ", " + times + strconv.Quote(n.host) + ")"
}

// Open implements [world.Device].
func (s socket) Open(ctx context.Context, env world.Env) (world.Handle, error) {
	at, err := s.addresses.Resolve(s.at)
	if err != nil {
		return nil, err
	}
	c, err := s.network.ListenPacket(ctx, "udp", at.HostPort())
	if err != nil {
		return nil, err
	}
	return newConn(c, s, env), nil
}

// Open implements [world.Device].
func (n name) Open(ctx context.Context, _ world.Env) (world.Handle, error) {
	limited, cancel := context.WithTimeout(ctx, n.limit)
	defer cancel()
	addrs, err := n.network.LookupNetIP(limited, "ip", n.host)
	if err != nil {
		return nil, err
	}
	return newAnswer(found{addrs}, n.life), nil
}
