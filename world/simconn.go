package world

import (
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

// A SimConn is one end of a connection of a [SimNetwork]. It has the methods of
// a [*net.TCPConn] that make sense in memory, and may be used by several
// goroutines as that may. Bytes arrive in order, in pieces of any length.
//
// What it takes after TCP, and what a test may want to provoke:
//   - An end that is closed with data unread in it resets the connection.
//   - A reset throws away what is under way in both directions, and the other
//     end gets ECONNRESET from then on.
//   - The first write to an end that has been closed seems to succeed, and is
//     lost. The next fails with EPIPE.
//   - A deadline that has passed fails reads even when data is there.
type SimConn struct {
	link          *simLink
	in, out       *simStream
	local, remote *net.TCPAddr

	// Guarded by the lock of the link.
	closed bool
	abort  bool // closing resets
}

// A simLink is what the two ends of a connection share.
type simLink struct {
	mu      sync.Mutex // guards both ends and both streams
	open    int        // ends that are not closed
	release func()     // called when there are none, without the lock
}

// newSimPair returns the two ends of a connection.
func newSimPair(from, to netip.AddrPort, limit int, release func()) (dialed, accepted *SimConn) {
	link := &simLink{open: 2, release: release}
	there, back := newSimStream(&link.mu, limit), newSimStream(&link.mu, limit)
	a, b := net.TCPAddrFromAddrPort(from), net.TCPAddrFromAddrPort(to)
	dialed = &SimConn{link: link, in: back, out: there, local: a, remote: b}
	accepted = &SimConn{link: link, in: there, out: back, local: b, remote: a}
	return dialed, accepted
}

// Read waits for data and returns what there is, up to len(p) bytes. At the end
// of what the other end wrote it returns [io.EOF].
func (c *SimConn) Read(p []byte) (int, error) {
	n, err := c.in.read(p)
	return n, c.wrap("read", err)
}

// Write waits until all of p is in the send buffer. On an error it returns how
// much of it is. Concurrent writes do not mix.
func (c *SimConn) Write(p []byte) (int, error) {
	n, err := c.out.write(p)
	return n, c.wrap("write", err)
}

// TryWrite writes as much of p as the send buffer takes at once, and returns how
// much that is. It does not wait, not even for a write under way; without an
// error n short of len(p) means that it would have to.
func (c *SimConn) TryWrite(p []byte) (n int, err error) {
	n, err = c.out.tryWrite(p)
	return n, c.wrap("write", err)
}

// Close closes both directions. Calls that wait here return with
// [net.ErrClosed]; the other end reads what was written and then [io.EOF],
// unless there is cause for a reset. A second Close is an error.
func (c *SimConn) Close() error { return c.close(false) }

// Reset closes the connection such that the other end gets ECONNRESET. It is
// SetLinger(0) and Close in one.
func (c *SimConn) Reset() error { return c.close(true) }

func (c *SimConn) close(abort bool) error {
	c.link.mu.Lock()
	if c.closed {
		c.link.mu.Unlock()
		return c.wrap("close", net.ErrClosed)
	}
	c.closed = true
	if abort || c.abort || c.in.unread() {
		c.in.abort()
		c.out.abort()
	}
	c.in.closeReader()
	c.out.closeWriter()
	c.link.open--
	last := c.link.open == 0
	c.link.mu.Unlock()
	if last {
		c.link.release()
	}
	return nil
}

// CloseWrite ends what this end writes: the other reads the rest and then
// [io.EOF]. Writing here fails with EPIPE from then on.
func (c *SimConn) CloseWrite() error { return c.shutdown(c.out.finish) }

// CloseRead ends what this end reads: it reads [io.EOF], and what was not read
// and what the other end still writes is thrown away.
func (c *SimConn) CloseRead() error { return c.shutdown(c.in.ignore) }

func (c *SimConn) shutdown(how func()) error {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	if c.closed {
		return c.wrap("close", net.ErrClosed)
	}
	how()
	return nil
}

// LocalAddr returns the address of this end, a [*net.TCPAddr].
func (c *SimConn) LocalAddr() net.Addr { return c.local }

// RemoteAddr returns the address of the other end, a [*net.TCPAddr].
func (c *SimConn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline sets both deadlines. See [net.Conn].
func (c *SimConn) SetDeadline(t time.Time) error {
	return c.set(func() { c.in.setReadDeadline(t); c.out.setWriteDeadline(t) })
}

// SetReadDeadline sets the time from which on reads fail with
// [os.ErrDeadlineExceeded], those that wait already among them. The zero time
// means never.
func (c *SimConn) SetReadDeadline(t time.Time) error {
	return c.set(func() { c.in.setReadDeadline(t) })
}

// SetWriteDeadline sets the time from which on writes fail with
// [os.ErrDeadlineExceeded], those that wait already among them. The zero time
// means never.
func (c *SimConn) SetWriteDeadline(t time.Time) error {
	return c.set(func() { c.out.setWriteDeadline(t) })
}

// SetLinger says what Close does: with 0 it resets the connection. Any other
// number of seconds makes no difference, since here nothing is under way for
// longer than the other end takes to read it.
func (c *SimConn) SetLinger(sec int) error {
	return c.set(func() { c.abort = sec == 0 })
}

// SetNoDelay does nothing: data is never delayed.
func (c *SimConn) SetNoDelay(bool) error { return c.set(func() {}) }

// SetKeepAlive does nothing: a connection does not break unnoticed.
func (c *SimConn) SetKeepAlive(bool) error { return c.set(func() {}) }

// set changes a setting of an open connection.
func (c *SimConn) set(change func()) error {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	if c.closed {
		return &net.OpError{Op: "set", Net: "tcp", Addr: c.local, Err: net.ErrClosed}
	}
	change()
	return nil
}

// wrap gives an error the form that package net gives it.
func (c *SimConn) wrap(op string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	if _, ok := err.(syscall.Errno); ok {
		err = os.NewSyscallError(op, err)
	}
	return &net.OpError{Op: op, Net: "tcp", Source: c.local, Addr: c.remote, Err: err}
}
