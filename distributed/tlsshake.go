package distributed

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/go-marketplace/marketplace/distributed/internal/wire"
)

// connect returns a link to a node at an address.
func (n *TLSNetwork) connect(ctx context.Context, node, at string) (*tlsLink, error) {
	limited, cancel := context.WithTimeoutCause(ctx, n.limit, errLate)
	defer cancel()
	dialer := net.Dialer{KeepAlive: -1} // a session has a lease
	c, err := dialer.DialContext(limited, "tcp", at)
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
		<-limited.Done() // which follows at once, and has the cause
	}
	if err != nil {
		return nil, n.late(limited, err)
	}
	socket := c.(*net.TCPConn)
	stop := context.AfterFunc(limited, func() { _ = socket.Close() })
	l, err := n.shake(socket, node)
	switch {
	case !stop(): // the socket is closed
		if err == nil {
			_ = l.Close()
		}
		return nil, n.late(limited, errLate)
	case err != nil:
		return nil, err
	}
	return l, nil
}

// errLate is the cause with which a handshake that takes too long is cancelled.
var errLate = errors.New("late")

// late returns err, or why ctx has ended.
func (n *TLSNetwork) late(ctx context.Context, err error) error {
	switch cause := context.Cause(ctx); cause {
	case nil:
		return err
	case errLate:
		return fmt.Errorf("%w: it has not come to an end within %v", ErrHandshake, n.limit)
	default:
		return cause
	}
}

// shake returns a link if the two sides agree to one. The caller has limited the time of the
// socket, which shake closes if it fails. If this side has dialed, meant is the node that it
// wants.
func (n *TLSNetwork) shake(socket *net.TCPConn, meant string) (*tlsLink, error) {
	u := newTLSCarrier(socket, n.portable)
	c := tls.Server(u, n.asServer)
	if meant != "" {
		c = tls.Client(u, n.asClient)
	}
	if err := c.Handshake(); err != nil {
		awaitEnd(socket, time.Now().Add(min(parting, n.limit))) // so that the other side reads the alert
		_ = socket.Close()
		return nil, explain(err)
	}
	l := newTLSLink(socket, u, c)
	if err := n.agree(l, meant); err != nil {
		_ = l.Close()
		return nil, err
	}
	return l, nil
}

// agree exchanges verdicts after the handshake: each side says in one frame whether it
// accepts the other one, and why not. A frame has no header then, but a reason alone.
func (n *TLSNetwork) agree(l *tlsLink, meant string) error {
	peer, err := n.check(l.secure.ConnectionState(), meant)
	if sent := l.Send(wire.AppendReason(nil, err)); err != nil || sent != nil {
		return errors.Join(err, sent)
	}
	l.peer = peer
	verdict, err := readFrame(l.in)
	if err != nil {
		return explain(err)
	}
	reason, err := wire.ReadReason(verdict)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrHandshake, err)
	case errors.Is(reason, ErrHandshake):
		return fmt.Errorf("the other side says: %w", reason)
	case reason != nil:
		return fmt.Errorf("%w: the other side says: %w", ErrHandshake, reason)
	}
	return nil
}
