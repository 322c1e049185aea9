package distributed

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/go-marketplace/marketplace/distributed/internal/session"
	"github.com/go-marketplace/marketplace/distributed/internal/wire"
	"github.com/go-marketplace/marketplace/internal/retry"
)

// A tlsListener accepts connections, makes handshakes, and brings links to the places that
// they are for.
type tlsListener struct {
	network *TLSNetwork
	socket  net.Listener
	done    chan struct{} // closed by close
	work    sync.WaitGroup

	mu     sync.Mutex
	guests list.List // of *guest, in order of their arrival
	closed bool
}

// A guest is a connection that is not a link of a place yet.
type guest struct {
	socket *net.TCPConn
	out    error // why the listener has closed the socket, or nil
}

var (
	errCrowded = fmt.Errorf("%w: too many others came while it took its time", ErrHandshake)
	errOver    = errors.New("the node listens no more")
)

func (n *TLSNetwork) newListener(ctx context.Context) (*tlsListener, error) {
	socket, err := n.listenOn(ctx, n.listen)
	if err != nil {
		return nil, err
	}
	l := &tlsListener{network: n, socket: socket, done: make(chan struct{})}
	l.work.Go(l.accept)
	return l, nil
}

// accept accepts connections until the listener is closed.
func (l *tlsListener) accept() {
	pause := retry.FirstPause
	for {
		c, err := l.socket.Accept()
		switch {
		case err == nil:
			pause = retry.FirstPause
			l.enter(&guest{socket: c.(*net.TCPConn)})
			continue
		case l.isClosed():
			return
		case !retry.Accepts(err):
			l.network.endOffers(fmt.Errorf("distributed: node %q listens no more on %s: %w", l.network.node, l.socket.Addr(), err))
			return
		}
		l.network.log.Warn("distributed: accepting a connection failed; trying again",
			slog.String("node", l.network.node), slog.Any("error", err), slog.Duration("in", pause))
		select {
		case <-time.After(pause):
			pause = retry.Longer(pause)
		case <-l.done:
			return
		}
	}
}

// enter begins a handshake. If there are too many, the oldest ends.
func (l *tlsListener) enter(g *guest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		_ = g.socket.Close()
		return
	}
	if l.guests.Len() >= l.network.most {
		l.turnOut(l.guests.Front(), errCrowded)
	}
	e := l.guests.PushBack(g)
	l.work.Go(func() { l.receive(e, g) })
}

// turnOut closes the socket of a guest. The caller has locked mu.
func (l *tlsListener) turnOut(e *list.Element, reason error) {
	g := l.guests.Remove(e).(*guest)
	g.out = reason
	_ = g.socket.Close()
}

// leave removes a guest, and returns the reason if it was turned out before.
func (l *tlsListener) leave(e *list.Element, g *guest) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.guests.Remove(e) // which does nothing if it is not there
	return g.out
}

// receive makes the handshake with a guest, and brings it to its place.
func (l *tlsListener) receive(e *list.Element, g *guest) {
	n := l.network
	from := g.socket.RemoteAddr()
	_ = g.socket.SetDeadline(time.Now().Add(n.limit))
	link, err := n.shake(g.socket, "")
	var hello wire.Frame
	var place string
	if err == nil {
		hello, place, err = readHello(link)
	}
	if err == nil {
		err = n.deliver(link, place, func() error {
			_ = g.socket.SetDeadline(time.Time{})
			return l.leave(e, g)
		})
		if errors.Is(err, session.ErrNoPlace) {
			link.refuse(hello.ID, err)
			n.log.Info("distributed: a place that is not there was asked for", slog.String("node", n.node),
				slog.String("peer", link.peer), slog.String("place", place))
			l.leave(e, g)
			return
		}
	}
	if err == nil {
		return
	}
	if link != nil {
		_ = link.Close()
	}
	if out := l.leave(e, g); out != nil {
		err = out
	}
	if err != errOver {
		n.refuse(from, err)
	}
}

// readHello reads the first frame of a link, which must be a HELLO, and puts it back.
func readHello(l *tlsLink) (f wire.Frame, place string, err error) {
	data, err := l.Receive()
	if err != nil {
		return f, "", fmt.Errorf("%w: there is no HELLO: %w", ErrHandshake, err)
	}
	f, err = wire.ReadFrame(data)
	if err == nil && f.Kind != wire.HELLO {
		err = fmt.Errorf("%w: a %v frame instead of a HELLO", wire.ErrMalformed, f.Kind)
	}
	if err != nil {
		return f, "", fmt.Errorf("%w: node %q: %w", ErrHandshake, l.peer, err)
	}
	h, err := wire.ReadHello(f.Body)
	if err != nil {
		_ = l.Send(session.Refuse(f.ID, err))
		return f, "", fmt.Errorf("%w: node %q: %w", ErrHandshake, l.peer, err)
	}
	l.first = data
	return f, h.Place, nil
}

// refuse sends a REFUSE frame, and closes the link.
func (l *tlsLink) refuse(id wire.ID, reason error) {
	_ = l.Send(session.Refuse(id, reason))
	_ = l.Close()
}

// refuse counts and logs a connection that was refused.
func (n *TLSNetwork) refuse(from net.Addr, err error) {
	n.log.Warn("distributed: a connection was refused: "+refusalClass(err).Error(),
		slog.String("node", n.node), slog.String("from", from.String()), slog.Any("reason", err))
	n.refused.Add(1)
}

func (l *tlsListener) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}

// close ends all handshakes. When it returns, the port is free.
func (l *tlsListener) close() {
	l.mu.Lock()
	l.closed = true
	close(l.done)
	for e := l.guests.Front(); e != nil; e = l.guests.Front() {
		l.turnOut(e, errOver)
	}
	l.mu.Unlock()
	_ = l.socket.Close()
	l.work.Wait()
	l.network.flush()
}
