package tcp

import (
	"bytes"
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/go-marketplace/marketplace/world"
)

// polledTLS is polled with TLS. The ground waits for bytes in the socket, and not for
// those that package tls has taken from there, so TryRecv returns all of these
// together.
type polledTLS struct {
	*conn
	secure *secureConn
	socket *socket
}

// newPolledTLS takes a connection over after the handshake. It returns nil if it
// cannot, or if one TryRecv could return more than the buffer of t.
func newPolledTLS(c *secureConn, t tuning, env world.Env) world.Handle {
	plain, ok := c.under.Conn.(*net.TCPConn)
	if !ok || t.buffer < drainLimit {
		return nil
	}
	s := takeOver(plain, env)
	if s == nil {
		return nil
	}
	c.under.Conn, c.under.try = source{s}, s.Write
	return &polledTLS{conn: newConn(c, t, env), secure: c, socket: s}
}

// source is a socket whose Read returns errors that package tls understands.
type source struct{ *socket }

func (s source) Read(b []byte) (int, error) {
	n, err := s.socket.Read(b[:min(len(b), recordLimit)])
	switch {
	case err == syscall.EAGAIN:
		return 0, errLater
	case err != nil:
		return 0, s.failure("read", err)
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

// Descriptor implements [world.Pollable].
func (p *polledTLS) Descriptor() int { return p.socket.fd }

// drained has the buffers that connections drain into.
var drained = sync.Pool{New: func() any { return new([drainLimit]byte) }}

// TryRecv implements [world.Pollable].
func (p *polledTLS) TryRecv() (any, error) {
	if p.finished.Load() {
		return nil, world.ErrDrained
	}
	b := drained.Get().(*[drainLimit]byte)
	defer drained.Put(b)
	n, err := p.secure.drain(b[:])
	if err == nil {
		if n == 0 {
			return nil, nil
		}
		return received{bytes.Clone(b[:n])}, nil
	}
	p.finished.Store(true)
	switch {
	case n > 0: // the socket may never become readable again
		last := lastReceived{Bytes: bytes.Clone(b[:n])}
		if err != io.EOF {
			last.Reason, _ = world.Reduce(err).(*world.Error)
		}
		return last, nil
	case err == io.EOF:
		return peerEnded{}, nil
	}
	return nil, err
}

// Close implements [world.Handle].
func (p *polledTLS) Close() error {
	return p.shut(func() error {
		switch {
		case p.out.failed.Load():
			return reset(p.secure)
		case p.out.hasWritten() && !p.finished.Load():
			p.linger()
		}
		return p.secure.Close()
	})
}

// linger sends a close_notify, and waits for the peer to close its side.
func (p *polledTLS) linger() {
	if _, err := p.secure.TryCloseWrite(); err != nil {
		return
	}
	c := p.socket.giveBack()
	if c == nil {
		return
	}
	defer c.Close()
	over := time.AfterFunc(p.tuning.linger, func() { _ = c.Close() })
	defer over.Stop()
	if _, err := c.Write(p.secure.under.takeRest()); err == nil {
		linger(c, p.tuning.linger, func() bool { return true })
	}
}
