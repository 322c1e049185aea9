package tcp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/go-marketplace/marketplace/world"
)

// The devices of this package.
type (
	// listener is a socket that listens. Its values are a bound, and an
	// accepted for each connection that comes in.
	listener struct {
		network world.Network
		clock   world.Clock
		at      Addr
	}

	// acceptedConn is a connection that has come in, and dialedConn one that
	// is to be made. Their values are an opened, any number of received, and
	// then perhaps a peerEnded. They take write and endWriting.
	acceptedConn struct {
		tuning tuning
		conn   world.Ref
	}
	dialedConn struct {
		network       world.Network
		limit         time.Duration
		tuning        tuning
		remote, local Addr
	}
)

// DeviceName implements [world.Device].
func (l listener) DeviceName() string {
	return "tcp.listener(" + strconv.Quote(l.network.NetworkName()) + ", " + strconv.Quote(l.clock.ClockName()) + ", " + l.at.String() + ")"
}

// DeviceName implements [world.Device].
func (c acceptedConn) DeviceName() string {
	// What has no end of its own comes last.
	return "tcp.acceptedConn(" + c.tuning.name() + "#" + strconv.FormatUint(c.conn.Generation, 10) + "." +
		strconv.FormatUint(c.conn.Number, 10) + " of " + c.conn.Device + ")"
}

// DeviceName implements [world.Device].
func (c dialedConn) DeviceName() string {
	limit := ""
	if c.limit != defaultDialLimit {
		limit = "limit " + c.limit.String() + ", "
	}
	return "tcp.dialedConn(" + strconv.Quote(c.network.NetworkName()) + ", " + limit + c.tuning.name() + c.local.String() + ", " + c.remote.String() + ")"
}

// name returns what makes t part of a name: nothing, in most programs.
func (t tuning) name() string {
	if t == (tuning{defaultLingerLimit, defaultReadBuffer}) {
		return ""
	}
	return fmt.Sprintf("linger %v, buffer %d, ", t.linger, t.buffer)
}

// Open implements [world.Device].
func (c acceptedConn) Open(_ context.Context, env world.Env) (world.Handle, error) {
	thing, err := env.Take(c.conn)
	if err != nil {
		return nil, fmt.Errorf("tcp: the connection is gone: %w", err)
	}
	conn, ok := thing.(net.Conn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("tcp: %v is a %T, and not a net.Conn", c.conn, thing), thing.Close())
	}
	return handle(conn, c.tuning, env), nil
}

// Open implements [world.Device].
func (c dialedConn) Open(ctx context.Context, env world.Env) (world.Handle, error) {
	limited, cancel := context.WithTimeout(ctx, c.limit)
	defer cancel()
	conn, err := c.network.Dial(limited, "tcp", c.remote.HostPort())
	if err != nil {
		return nil, err
	}
	return handle(conn, c.tuning, env), nil
}

// Open implements [world.Device].
func (l listener) Open(ctx context.Context, env world.Env) (world.Handle, error) {
	socket, err := l.network.Listen(ctx, "tcp", l.at.HostPort())
	if err != nil {
		return nil, err
	}
	return newOpenListener(socket, l, env), nil
}

// handle returns the handle of a connection.
func handle(c net.Conn, t tuning, env world.Env) world.Handle {
	if plain, ok := c.(*net.TCPConn); ok && world.Polls(env) {
		if p := newPolled(plain, t, env); p != nil {
			return p
		}
	}
	return newConn(c, t, env)
}
