package tcp

import (
	"bytes"
	"net"
	"os"
	"sync"
	"syscall"

	"github.com/go-marketplace/marketplace/internal/nonblock"
	"github.com/go-marketplace/marketplace/world"
)

// polled is the handle of a connection for whose descriptor the ground waits: see
// [world.Pollable].
type polled struct {
	*conn
	socket *socket
}

// newPolled takes a connection over from package net, or returns nil if it cannot.
func newPolled(c *net.TCPConn, t tuning, env world.Env) world.Handle {
	s := takeOver(c, env)
	if s == nil {
		return nil
	}
	h := newConn(s, t, env)
	h.out.try = s.Write
	return &polled{h, s}
}

// Descriptor implements [world.Pollable].
func (p *polled) Descriptor() int { return p.socket.fd }

// TryRecv implements [world.Pollable].
func (p *polled) TryRecv() (any, error) {
	if p.finished.Load() {
		return nil, world.ErrDrained
	}
	data, err := p.read()
	if len(data) > 0 {
		p.idle.touch()
		return received{data}, nil
	}
	if err == syscall.EAGAIN {
		return nil, nil
	}
	p.finished.Store(true)
	if err != nil {
		return nil, p.socket.failure("read", err)
	}
	return peerEnded{}, nil
}

// read reads what is there. Small reads go through the stack, so that quiet
// connections have no buffer.
func (p *polled) read() ([]byte, error) {
	if p.in.size > firstBuffer {
		n, err := p.socket.Read(p.in.space())
		if err != nil {
			return nil, err
		}
		return p.in.take(n), nil
	}
	var space [firstBuffer]byte
	small := space[:p.in.size]
	n, err := p.socket.Read(small)
	if err != nil {
		return nil, err
	}
	if n == p.in.size {
		p.in.size = min(2*p.in.size, p.in.limit)
	}
	return bytes.Clone(small[:n]), nil
}

// Close implements [world.Handle].
func (p *polled) Close() error {
	return p.shut(func() error {
		switch {
		case p.out.failed.Load():
			return reset(p.socket)
		case p.out.hasWritten() && !p.finished.Load():
			if c := p.socket.giveBack(); c != nil {
				linger(c, p.tuning.linger, func() bool { return true })
				return c.Close()
			}
		}
		return p.socket.Close()
	})
}

// A socket is a connection whose methods never wait. Read returns [syscall.EAGAIN] if
// there is nothing to read; Write returns the number of bytes that it could write, and
// no error if that is zero.
type socket struct {
	net.Conn // that of package net, which is closed; only its addresses are used

	mu sync.RWMutex // held for writing to close
	fd int          // -1 once it is closed
}

// takeOver turns a connection of package net into a socket, or returns nil if it
// cannot.
func takeOver(c *net.TCPConn, env world.Env) *socket {
	if !world.Polls(env) {
		return nil
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	s := &socket{Conn: c, fd: -1}
	err = raw.Control(func(fd uintptr) {
		// The copy shares all flags with the old descriptor, also that it never blocks.
		if n, _, errno := syscall.Syscall(syscall.SYS_FCNTL, fd, syscall.F_DUPFD_CLOEXEC, 0); errno == 0 {
			s.fd = int(n)
		}
	})
	if err != nil || s.fd < 0 {
		return nil
	}
	_ = c.Close() // the runtime no longer waits for it
	return s
}

// giveBack turns the socket into a connection of package net, or returns nil if it
// cannot.
func (s *socket) giveBack() net.Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fd < 0 {
		return nil
	}
	f := os.NewFile(uintptr(s.fd), "tcp")
	s.fd = -1
	c, err := net.FileConn(f) // which makes another descriptor
	_ = f.Close()
	if err != nil {
		return nil
	}
	return c
}

// Read reads what is there.
func (s *socket) Read(b []byte) (int, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.fd < 0 {
		return 0, net.ErrClosed
	}
	for {
		n, err := syscall.Read(s.fd, b)
		if err != syscall.EINTR {
			return max(n, 0), err
		}
	}
}

// Write writes what can be written without waiting.
func (s *socket) Write(b []byte) (int, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.fd < 0 {
		return 0, net.ErrClosed
	}
	n, err := nonblock.Write(s.fd, b)
	if err != nil {
		err = s.failure("write", err)
	}
	return n, err
}

// CloseWrite closes the direction to the peer alone.
func (s *socket) CloseWrite() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.fd < 0 {
		return net.ErrClosed
	}
	if err := syscall.Shutdown(s.fd, syscall.SHUT_WR); err != nil {
		return s.failure("shutdown", err)
	}
	return nil
}

// SetLinger sets SO_LINGER: with 0, Close resets the connection.
func (s *socket) SetLinger(sec int) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.fd < 0 {
		return net.ErrClosed
	}
	l := syscall.Linger{Linger: int32(sec)}
	if sec >= 0 {
		l.Onoff = 1
	}
	return os.NewSyscallError("setsockopt", syscall.SetsockoptLinger(s.fd, syscall.SOL_SOCKET, syscall.SO_LINGER, &l))
}

// Close closes both directions.
func (s *socket) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fd < 0 {
		return nil
	}
	fd := s.fd
	s.fd = -1
	return os.NewSyscallError("close", syscall.Close(fd))
}

// failure returns an error in the form of package net.
func (s *socket) failure(op string, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Source: s.LocalAddr(), Addr: s.RemoteAddr(), Err: os.NewSyscallError(op, err)}
}
