package simnet

import (
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

// A Conn is one end of a TCP connection of a [Network]. It has those methods of
// [*net.TCPConn] that make sense in memory, and implements [world.TryWriter]. Any
// number of goroutines may call its methods. Bytes arrive in order, in pieces of
// any length.
//
// Like TCP, and of interest to tests:
//   - Closing an end that has unread data resets the connection.
//   - A reset discards the data in both directions, and later calls at the other
//     end fail with ECONNRESET.
//   - The first write to an end that is closed succeeds, and its data is lost.
//     The next write fails with EPIPE.
//   - After its deadline, a read fails even if there is data.
type Conn struct {
	shared        *sharedState
	in, out       *stream
	local, remote *net.TCPAddr

	// Guarded by shared.mu.
	closed bool
	abort  bool // Close resets the connection: see SetLinger
}

// A sharedState is the state that both ends of a connection share.
type sharedState struct {
	mu      sync.Mutex // guards both ends and both streams
	open    int        // number of ends that are not closed
	release func()     // called without mu when open becomes 0
}

// newConnPair returns the two ends of a connection. Each direction holds up to
// limit bytes. newConnPair calls release once both ends are closed.
func newConnPair(from, to netip.AddrPort, limit int, release func()) (dialed, accepted *Conn) {
	shared := &sharedState{open: 2, release: release}
	there, back := newStream(&shared.mu, limit), newStream(&shared.mu, limit)
	a, b := net.TCPAddrFromAddrPort(from), net.TCPAddrFromAddrPort(to)
	dialed = &Conn{shared: shared, in: back, out: there, local: a, remote: b}
	accepted = &Conn{shared: shared, in: there, out: back, local: b, remote: a}
	return dialed, accepted
}

// Read waits for data and reads up to len(p) bytes of it. After all that the other
// end wrote, it returns [io.EOF].
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.in.read(p)
	return n, c.wrap("read", err)
}

// Write waits until all of p is in the send buffer, and returns how many bytes
// are: fewer than len(p) only with an error. Concurrent writes do not interleave.
func (c *Conn) Write(p []byte) (int, error) {
	n, err := c.out.write(p)
	return n, c.wrap("write", err)
}

// TryWrite implements [world.TryWriter]: it writes as much of p as there is room
// for in the send buffer. While another write waits, TryWrite writes nothing.
func (c *Conn) TryWrite(p []byte) (n int, err error) {
	n, err = c.out.tryWrite(p)
	return n, c.wrap("write", err)
}

// Close closes this end. Calls that wait at this end fail with [net.ErrClosed];
// the other end reads the remaining data and then [io.EOF]. Close resets the
// connection instead if data is unread at this end, or after SetLinger(0). A
// second Close fails.
func (c *Conn) Close() error { return c.close(false) }

// Reset closes this end so that the other end fails with ECONNRESET. It is
// SetLinger(0) and Close in one call.
func (c *Conn) Reset() error { return c.close(true) }

func (c *Conn) close(abort bool) error {
	c.shared.mu.Lock()
	if c.closed {
		c.shared.mu.Unlock()
		return c.wrap("close", net.ErrClosed)
	}
	c.closed = true
	if abort || c.abort || c.in.unread() {
		c.in.abort()
		c.out.abort()
	}
	c.in.closeReader()
	c.out.closeWriter()
	c.shared.open--
	last := c.shared.open == 0
	c.shared.mu.Unlock()
	if last {
		c.shared.release()
	}
	return nil
}

// CloseWrite ends the data that this end writes: the other end reads the rest and
// then [io.EOF]. Later writes at this end fail with EPIPE.
func (c *Conn) CloseWrite() error { return c.shutdown(c.out.finish) }

// CloseRead ends the data that this end reads: later reads return [io.EOF].
// CloseRead discards unread data, and all that the other end still writes.
func (c *Conn) CloseRead() error { return c.shutdown(c.in.ignore) }

// shutdown calls a function that closes one direction.
func (c *Conn) shutdown(direction func()) error {
	c.shared.mu.Lock()
	defer c.shared.mu.Unlock()
	if c.closed {
		return c.wrap("close", net.ErrClosed)
	}
	direction()
	return nil
}

// LocalAddr returns the address of this end, a [*net.TCPAddr].
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr returns the address of the other end, a [*net.TCPAddr].
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline sets both deadlines. See [net.Conn].
func (c *Conn) SetDeadline(t time.Time) error {
	return c.set(func() { c.in.setReadDeadline(t); c.out.setWriteDeadline(t) })
}

// SetReadDeadline sets the time after which reads, including those that wait, fail
// with [os.ErrDeadlineExceeded]. The zero time means never.
func (c *Conn) SetReadDeadline(t time.Time) error {
	return c.set(func() { c.in.setReadDeadline(t) })
}

// SetWriteDeadline sets the time after which writes, including those that wait,
// fail with [os.ErrDeadlineExceeded]. The zero time means never.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	return c.set(func() { c.out.setWriteDeadline(t) })
}

// SetLinger(0) makes Close reset the connection. Any other number of seconds makes
// Close behave as by default.
func (c *Conn) SetLinger(sec int) error {
	return c.set(func() { c.abort = sec == 0 })
}

// SetNoDelay has no effect: there is no delay.
func (c *Conn) SetNoDelay(bool) error { return c.set(func() {}) }

// SetKeepAlive has no effect: a connection does not fail unnoticed.
func (c *Conn) SetKeepAlive(bool) error { return c.set(func() {}) }

// set calls change if the connection is open.
func (c *Conn) set(change func()) error {
	c.shared.mu.Lock()
	defer c.shared.mu.Unlock()
	if c.closed {
		return &net.OpError{Op: "set", Net: "tcp", Addr: c.local, Err: net.ErrClosed}
	}
	change()
	return nil
}

// wrap returns an error as package net would return it.
func (c *Conn) wrap(op string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	if _, ok := err.(syscall.Errno); ok {
		err = os.NewSyscallError(op, err)
	}
	return &net.OpError{Op: op, Net: "tcp", Source: c.local, Addr: c.remote, Err: err}
}
