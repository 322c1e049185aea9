package tcp

import (
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/go-marketplace/marketplace/drivers/inet"
	"github.com/go-marketplace/marketplace/internal/retry"
	"github.com/go-marketplace/marketplace/world"
)

// openListener is the handle of a listener.
type openListener struct {
	listener
	socket net.Listener
	env    world.Env
	told   bool // the opening value
	quota  quota
	closed chan struct{}
	once   sync.Once
}

func newOpenListener(socket net.Listener, l listener, env world.Env) *openListener {
	return &openListener{listener: l, socket: socket, env: env, quota: quota{rate: l.rate}, closed: make(chan struct{})}
}

// Recv implements [world.Handle].
func (l *openListener) Recv() (any, error) {
	if !l.told {
		l.told = true
		return bound{inet.Of(l.socket.Addr())}, nil
	}
	conn, err := l.accept()
	if err != nil {
		return nil, err
	}
	return accepted{Conn: l.env.Keep(conn), Remote: inet.Of(conn.RemoteAddr())}, nil
}

// accept waits until the rate allows a connection, and accepts the next one. If the
// system is short of a resource, it waits and tries again.
func (l *openListener) accept() (net.Conn, error) {
	for pause := retry.FirstPause; ; pause = retry.Longer(pause) {
		if !l.waitForQuota() {
			return nil, world.ErrClosed
		}
		conn, err := l.socket.Accept()
		switch {
		case l.isClosed():
			if err == nil {
				_ = conn.Close() // nobody takes it
			}
			return nil, world.ErrClosed
		case err == nil:
			if l.quota.every > 0 {
				l.quota.count(l.clock.Now())
			}
			return conn, nil
		case !retry.Accepts(err):
			return nil, err
		}
		l.env.Logger().Warn("tcp: accepting a connection failed; trying again",
			slog.String("listener", l.at.String()), slog.Any("error", err), slog.Duration("in", pause))
		if !l.wait(pause) {
			return nil, world.ErrClosed
		}
	}
}

// waitForQuota waits until the rate allows a connection, and reports false if the
// listener is closed meanwhile. Connections wait in the queue of the system.
func (l *openListener) waitForQuota() bool {
	if l.quota.every == 0 {
		return true
	}
	d := l.quota.wait(l.clock.Now())
	return d <= 0 || l.wait(d)
}

// wait waits, and reports false if the listener is closed meanwhile.
func (l *openListener) wait(d time.Duration) bool {
	over := make(chan struct{})
	timer := l.clock.AfterFunc(d, func() { close(over) })
	select {
	case <-over:
		return true
	case <-l.closed:
		timer.Stop()
		return false
	}
}

func (l *openListener) isClosed() bool {
	select {
	case <-l.closed:
		return true
	default:
		return false
	}
}

// Try implements [world.Handle]. A listener takes no commands.
func (l *openListener) Try(commands []any) (int, error) {
	if len(commands) == 0 {
		return 0, nil
	}
	return 0, errCommand
}

// Do implements [world.Handle].
func (l *openListener) Do(any) error { return errCommand }

var errCommand = errors.New("tcp: the device takes no such command")

// Close implements [world.Handle].
func (l *openListener) Close() (err error) {
	l.once.Do(func() {
		close(l.closed)
		err = l.socket.Close()
	})
	return err
}
