package tcp

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-marketplace/marketplace/drivers/inet"
	"github.com/go-marketplace/marketplace/world"
)

// conn is the handle of a connection. This file is about reading and closing, and
// write.go about writing.
type conn struct {
	net.Conn
	env    world.Env
	tuning tuning
	idle   *idle // nil without a limit
	out    writer
	done   chan struct{} // closed when closing begins
	once   sync.Once

	// These belong to the goroutine that calls Recv.
	reading chan struct{} // full while a read is under way
	told    bool          // Recv has returned the opening value
	in      buffer
	readErr error // Recv returns it after the bytes that came with it

	finished atomic.Bool // there is nothing more to read
}

func newConn(c net.Conn, t tuning, env world.Env) *conn {
	h := &conn{Conn: c, env: env, tuning: t, in: newBuffer(t.buffer), idle: newIdle(t), done: make(chan struct{}), reading: make(chan struct{}, 1)}
	h.out.init(c, h.idle)
	if s, ok := c.(*secureConn); ok {
		s.under.idle = h.idle
		h.in = newBuffer(min(t.buffer, recordLimit)) // one read never returns more
	}
	return h
}

// opened returns the opening value.
func (c *conn) opened() opened {
	o := opened{Local: inet.Of(c.LocalAddr()), Remote: inet.Of(c.RemoteAddr())}
	if s, ok := c.Conn.(*secureConn); ok {
		o.Session = sessionOf(s.ConnectionState())
	}
	if c.idle != nil {
		o.Idle = c.env.Keep(c.idle)
	}
	return o
}

// Recv implements [world.Handle].
func (c *conn) Recv() (any, error) {
	if !c.told {
		c.told = true
		return c.opened(), nil
	}
	if c.finished.Load() {
		<-c.done // the connection lives on when there is nothing more to read
		return nil, world.ErrClosed
	}
	return c.receive()
}

// receive reads once. Close waits until it returns, by means of c.reading.
func (c *conn) receive() (any, error) {
	c.reading <- struct{}{}
	defer func() { <-c.reading }()
	for c.readErr == nil {
		if c.isClosing() {
			return nil, world.ErrClosed
		}
		n, err := c.Conn.Read(c.in.space())
		c.readErr = err
		if n > 0 {
			c.idle.touch()
			return received{c.in.take(n)}, nil
		}
	}
	c.finished.Store(true)
	switch {
	case c.isClosing():
		return nil, world.ErrClosed
	case c.readErr == io.EOF:
		return peerEnded{}, nil
	}
	return nil, c.readErr
}

func (c *conn) isClosing() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// Close implements [world.Handle].
func (c *conn) Close() error {
	return c.shut(func() error {
		switch {
		case c.out.failed.Load():
			return reset(c.Conn)
		case c.out.hasWritten() && !c.finished.Load():
			c.linger()
		}
		return c.Conn.Close()
	})
}

// Abort implements [world.Aborter]: it resets the connection.
func (c *conn) Abort() error { return c.shut(func() error { return reset(c.Conn) }) }

// shut closes the connection in some way, once.
func (c *conn) shut(how func() error) error {
	var err error
	c.once.Do(func() {
		close(c.done)
		_ = c.idle.Close()
		if err = how(); errors.Is(err, net.ErrClosed) {
			err = nil
		}
	})
	return err
}

// reset closes a connection with a reset instead of a clean end, which would tell the
// peer that everything was sent. With TLS, the peer gets no close_notify either.
func reset(c net.Conn) error {
	if s, ok := c.(*secureConn); ok {
		c = s.under.Conn
	}
	if l, ok := c.(interface{ SetLinger(sec int) error }); ok {
		_ = l.SetLinger(0) // fails only if the connection is gone already
	}
	return c.Close()
}

// lingerBytes is how many bytes linger reads, at most, from a peer that goes on
// sending.
const lingerBytes = 4 << 20

// linger waits a while until the peer has closed its side. To close a connection with
// unread bytes resets it, and the peer may lose what it has not read yet.
func (c *conn) linger() {
	stopped := false
	linger(c.Conn, c.tuning.linger, func() bool {
		if c.SetReadDeadline(time.Unix(1, 0)) != nil { // which ends the read under way
			return false
		}
		c.reading <- struct{}{}
		stopped = true
		return c.SetReadDeadline(time.Time{}) == nil
	})
	if stopped {
		<-c.reading
	}
}

// linger closes the direction to the peer and discards what comes, until the peer
// closes its side or the limit is over. The function stopReading ends a read that is
// under way.
func linger(c net.Conn, limit time.Duration, stopReading func() bool) {
	s, secure := c.(*secureConn)
	if secure {
		c = s.under.Conn // there is no need to decrypt what still comes
	}
	half, ok := c.(halfCloser)
	if !ok {
		return
	}
	over := time.AfterFunc(limit, func() { _ = c.Close() })
	defer over.Stop()
	if secure && s.CloseWrite() != nil {
		return
	}
	if half.CloseWrite() == nil && stopReading() {
		_, _ = io.CopyN(io.Discard, c, lingerBytes)
	}
}

// halfCloser is a connection that can close the direction to the peer alone.
type halfCloser interface{ CloseWrite() error }

// A buffer is what a connection reads into. It is small at first, and grows while
// reads fill it.
type buffer struct {
	limit int
	size  int
	bytes []byte
}

const firstBuffer = 4 << 10

func newBuffer(limit int) buffer { return buffer{limit: limit, size: min(firstBuffer, limit)} }

// space returns the bytes to read into.
func (b *buffer) space() []byte {
	if len(b.bytes) != b.size {
		b.bytes = make([]byte, b.size)
	}
	return b.bytes
}

// take returns the n bytes that were read. If they fill at least half of the buffer,
// it returns the buffer itself, and otherwise a copy.
func (b *buffer) take(n int) []byte {
	full := b.bytes
	switch {
	case n == b.size:
		b.size = min(2*b.size, b.limit)
	case n < b.size/8 && b.size > firstBuffer:
		b.size /= 2
	}
	if n >= len(full)/2 {
		b.bytes = nil
		return full[:n:n]
	}
	return append(make([]byte, 0, n), full[:n]...)
}
