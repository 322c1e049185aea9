package udp

import (
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/go-marketplace/marketplace/drivers/inet"
	"github.com/go-marketplace/marketplace/internal/retry"
	"github.com/go-marketplace/marketplace/world"
)

// conn is the handle of a socket. This file is about its life, receive.go about
// receiving, and send.go about sending.
type conn struct {
	socket net.PacketConn
	at     Addr
	env    world.Env
	in     receiver      // belongs to the goroutine that calls Recv
	out    sender        // belongs to the goroutine that calls Try and Do
	done   chan struct{} // closed when closing begins
	once   sync.Once
}

func newConn(c net.PacketConn, s socket, env world.Env) *conn {
	h := &conn{socket: c, at: s.at, env: env, done: make(chan struct{})}
	h.in.init(c, s.buffer)
	h.out.init(c)
	return h
}

// Recv implements [world.Handle].
func (c *conn) Recv() (any, error) {
	if !c.in.told {
		c.in.told = true
		return opened{inet.Of(c.socket.LocalAddr())}, nil
	}
	for pause := retry.FirstPause; ; pause = retry.Longer(pause) {
		v, err := c.in.receive()
		switch {
		case c.isClosing():
			return nil, world.ErrClosed
		case err == nil:
			return v, nil
		case !passes(err):
			return nil, err
		}
		c.env.Logger().Warn("udp: receiving failed; trying again",
			slog.String("at", c.at.String()), slog.Any("error", err), slog.Duration("in", pause))
		if !c.wait(pause) {
			return nil, world.ErrClosed
		}
	}
}

// wait waits, and reports false if the socket is closed meanwhile.
func (c *conn) wait(d time.Duration) bool {
	over := time.NewTimer(d)
	defer over.Stop()
	select {
	case <-over.C:
		return true
	case <-c.done:
		return false
	}
}

func (c *conn) isClosing() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// Try implements [world.Handle].
func (c *conn) Try(commands []any) (done int, err error) {
	if c.out.try == nil || len(commands) == 0 {
		return 0, nil
	}
	done, err = c.out.try(commands)
	if err != nil {
		err = explain(err, commands[done])
	}
	return done, err
}

// Do implements [world.Handle].
func (c *conn) Do(command any) error {
	s, ok := command.(send)
	if !ok {
		return errCommand
	}
	return explain(c.out.write(s.Body, c.out.target(s.To)), s)
}

// Close implements [world.Handle].
func (c *conn) Close() (err error) {
	c.once.Do(func() {
		close(c.done)
		err = c.socket.Close()
	})
	return err
}
