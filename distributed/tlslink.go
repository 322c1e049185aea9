package distributed

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-marketplace/marketplace/distributed/internal/wire"
)

// A tlsLink is a [Link] on a connection with TLS.
type tlsLink struct {
	peer    string
	socket  *net.TCPConn
	carrier *tlsCarrier
	secure  *tls.Conn
	closing atomic.Bool

	reading sync.Mutex // held to receive
	in      *bufio.Reader
	first   []byte // a frame that was received before
	err     error  // why nothing more is received
}

// parting is how long a link that is closed waits for the other side to take what was sent.
const parting = 500 * time.Millisecond

// newTLSLink returns a link after the handshake of c.
func newTLSLink(socket *net.TCPConn, u *tlsCarrier, c *tls.Conn) *tlsLink {
	u.secure = c
	return &tlsLink{socket: socket, carrier: u, secure: c, in: bufio.NewReader(c)}
}

// Peer implements [Link].
func (l *tlsLink) Peer() string { return l.peer }

// Send implements [Link].
func (l *tlsLink) Send(frame []byte) error {
	if n := len(frame); n == 0 || n > wire.MaxFrame {
		return fmt.Errorf("distributed: a frame for node %q has %d bytes, and 1 to %d are allowed", l.peer, n, wire.MaxFrame)
	}
	return l.carrier.send(frame)
}

// copiesFrames implements [copyingLink].
func (l *tlsLink) copiesFrames() {}

// Receive implements [Link].
func (l *tlsLink) Receive() ([]byte, error) {
	l.reading.Lock()
	defer l.reading.Unlock()
	if l.closing.Load() {
		return nil, net.ErrClosed
	}
	if l.err != nil {
		return nil, l.err
	}
	if f := l.first; f != nil {
		l.first = nil
		return f, nil
	}
	frame, err := readFrame(l.in)
	switch {
	case err == nil:
		return frame, nil
	case l.closing.Load():
		return nil, net.ErrClosed
	}
	l.err = l.explain(err)
	l.carrier.fail(l.err)
	return nil, l.err
}

// explain returns the reason of a link that has ended with err.
func (l *tlsLink) explain(err error) error {
	switch {
	case err == io.EOF:
		return fmt.Errorf("distributed: node %q has closed the link: %w", l.peer, err)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("distributed: the link to node %q was cut: %w", l.peer, err)
	}
	return fmt.Errorf("distributed: the link to node %q has failed: %w", l.peer, err)
}

// Close implements [Link]. It waits for at most half a second.
func (l *tlsLink) Close() error {
	if l.closing.Swap(true) {
		return nil
	}
	deadline := time.Now().Add(parting)
	_ = l.socket.SetWriteDeadline(deadline)
	_ = l.socket.SetReadDeadline(time.Now()) // Receive returns
	err := l.carrier.end()
	if err == nil {
		err = l.carrier.wait()
	}
	if err == nil {
		_ = l.secure.CloseWrite()
		err = l.carrier.wait()
	}
	if err == nil {
		l.discard(deadline)
	}
	_ = l.socket.Close()
	_ = l.carrier.wait()
	return nil
}

// discard waits until the other side closes its direction.
func (l *tlsLink) discard(deadline time.Time) {
	l.reading.Lock()
	defer l.reading.Unlock()
	if l.err == nil {
		awaitEnd(l.socket, deadline)
	}
}

// awaitEnd closes the direction to the other side, and discards what comes, until the other
// side closes its direction, too. To close a connection with unread bytes resets it, and the
// other side might lose what was sent last.
func awaitEnd(c *net.TCPConn, deadline time.Time) {
	if c.CloseWrite() == nil && c.SetReadDeadline(deadline) == nil {
		_, _ = io.Copy(io.Discard, c)
	}
}
