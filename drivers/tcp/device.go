package tcp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"time"
	"unique"

	"github.com/go-marketplace/marketplace/drivers/inet"
	"github.com/go-marketplace/marketplace/drivers/internal/sockopt"
	"github.com/go-marketplace/marketplace/world"
)

// The devices of this package.
type (
	// listener is a listening socket. Its values are a bound, and an accepted for
	// each incoming connection.
	listener struct {
		network   world.Network
		clock     world.Clock
		security  security // of its connections
		addresses *inet.Addresses
		at        Addr
		options   sockopt.Options // of its socket
		rate      rate            // at which connections are accepted
	}

	// acceptedConn is an incoming connection, and dialedConn an outgoing one.
	// Their values are an opened, any number of received, and perhaps a
	// lastReceived or a peerEnded. Their commands are write and endWriting. With
	// TLS, they are open after the handshake.
	acceptedConn struct {
		tuning   unique.Handle[tuning] // fast to compare
		security security
		conn     world.Ref
	}
	dialedConn struct {
		network       world.Network
		limit         time.Duration
		from          netip.Addr // of this host; not valid if the system chooses
		tuning        unique.Handle[tuning]
		security      security // as remote names it
		addresses     *inet.Addresses
		remote, local Addr
	}
)

// tuning has the settings of the device of a connection.
type tuning struct {
	clock     world.Clock // measures handshake and idle
	handshake time.Duration
	linger    time.Duration
	idle      time.Duration // 0 for none
	keepAlive keepAlive
	buffer    int // the largest, in bytes
}

// keepAlive has the keep-alive settings. If they are not set, those of package net
// hold.
type keepAlive struct {
	set    bool
	config net.KeepAliveConfig
}

// DeviceName implements [world.Device].
func (l listener) DeviceName() string {
	return "tcp.listener(" + strconv.Quote(l.network.NetworkName()) + ", " + strconv.Quote(l.clock.ClockName()) + ", " +
		optionsName(l.options) + l.rate.name() + l.at.String() + ")"
}

// optionsName returns the text of options in the name of a device. It is empty for
// the zero Options.
func optionsName(o sockopt.Options) string {
	if o == (sockopt.Options{}) {
		return ""
	}
	return fmt.Sprintf("backlog %d, no reuse %v, ", o.Backlog, o.NoReuse)
}

// DeviceName implements [world.Device].
func (c acceptedConn) DeviceName() string {
	secured := ""
	if !c.security.isPlain() {
		secured = "tls " + strconv.Quote(c.security.name) + ", "
	}
	// The name of the other device comes last, because nothing marks its end.
	return "tcp.acceptedConn(" + c.tuning.Value().name() + secured + "#" + strconv.FormatUint(c.conn.Generation, 10) + "." +
		strconv.FormatUint(c.conn.Number, 10) + " of " + c.conn.Device + ")"
}

// DeviceName implements [world.Device].
func (c dialedConn) DeviceName() string {
	limit := ""
	if c.limit != defaultDialLimit {
		limit = "limit " + c.limit.String() + ", "
	}
	from := ""
	if c.from.IsValid() {
		from = "from " + strconv.Quote(c.from.String()) + ", "
	}
	return "tcp.dialedConn(" + strconv.Quote(c.network.NetworkName()) + ", " + limit + from + c.tuning.Value().name() + c.local.String() + ", " + c.remote.String() + ")"
}

// normalTuning is the default.
var normalTuning = Config{}.settings().tuning.Value()

// name returns the text of t in the name of a device. It is empty for the default.
func (t tuning) name() string {
	if t == normalTuning {
		return ""
	}
	return fmt.Sprintf("clock %q, handshake %v, linger %v, idle %v, keep-alive %v, buffer %d, ",
		t.clock.ClockName(), t.handshake, t.linger, t.idle, t.keepAlive, t.buffer)
}

// Open implements [world.Device].
func (c acceptedConn) Open(ctx context.Context, env world.Env) (world.Handle, error) {
	thing, err := env.Take(c.conn)
	if err != nil {
		return nil, lost(err)
	}
	conn, ok := thing.(net.Conn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("tcp: %v is a %T, and not a net.Conn", c.conn, thing), thing.Close())
	}
	t := c.tuning.Value()
	t.apply(conn, env)
	if !c.security.isPlain() {
		remote := conn.RemoteAddr().String()
		if conn, err = c.security.asServer(ctx, conn, t); err != nil {
			if ctx.Err() == nil { // no process sees the connection, so the log has to say it
				env.Logger().Warn("tcp: a TLS handshake with a client failed", slog.String("remote", remote), slog.Any("error", err))
			}
			return nil, err
		}
	}
	return handle(conn, t, env), nil
}

// Open implements [world.Device].
func (c dialedConn) Open(ctx context.Context, env world.Env) (world.Handle, error) {
	if world.Reopened(env) {
		return nil, lost(world.ErrNotKept) // another connection would not be the same
	}
	remote, err := c.addresses.Resolve(c.remote)
	if err != nil {
		return nil, err
	}
	if _, err := c.security.client(remote.Host()); err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, c.limit)
	defer cancel()
	conn, err := sockopt.Dial(limited, c.network, c.from, remote.HostPort())
	if err != nil {
		return nil, err
	}
	t := c.tuning.Value()
	t.apply(conn, env)
	if !c.security.isPlain() {
		if conn, err = c.security.asClient(ctx, conn, remote.Host(), t); err != nil {
			return nil, err
		}
	}
	return handle(conn, t, env), nil
}

// handle returns the handle of a connection.
func handle(c net.Conn, t tuning, env world.Env) world.Handle {
	var p world.Handle
	switch c := c.(type) {
	case *net.TCPConn:
		p = newPolled(c, t, env)
	case *secureConn:
		p = newPolledTLS(c, t, env)
	}
	if p != nil {
		return p
	}
	return newConn(c, t, env)
}

// apply sets the keep-alive settings of a connection, if t has any.
func (t tuning) apply(c net.Conn, env world.Env) {
	k, ok := c.(interface {
		SetKeepAliveConfig(net.KeepAliveConfig) error
	})
	if !ok || !t.keepAlive.set {
		return
	}
	if err := k.SetKeepAliveConfig(t.keepAlive.config); err != nil {
		env.Logger().Warn("tcp: keep-alive could not be set", slog.String("remote", c.RemoteAddr().String()), slog.Any("error", err))
	}
}

// Open implements [world.Device].
func (l listener) Open(ctx context.Context, env world.Env) (world.Handle, error) {
	if _, err := l.security.server(); err != nil {
		return nil, err
	}
	at, err := l.addresses.Resolve(l.at)
	if err != nil {
		return nil, err
	}
	socket, err := l.options.Listen(ctx, l.network, at.HostPort())
	if err != nil {
		return nil, err
	}
	return newOpenListener(socket, l, env), nil
}
