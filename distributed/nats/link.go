package nats

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/go-marketplace/marketplace/distributed/internal/wire"
	"github.com/go-marketplace/marketplace/world"
)

// idSize is how many characters the id of a link has.
const idSize = 16

// A linkKey distinguishes the links of a node.
type linkKey struct{ peer, role, id string } // the role of the peer

func (a arrival) key() linkKey { return linkKey{a.from, a.role, a.id} }

// parting is how long a link that is closed waits until what was sent is on its way.
const parting = 500 * time.Millisecond

// errLeft says that the network was closed.
var errLeft = fmt.Errorf("the network is closed: %w", net.ErrClosed)

var errNoLink = errors.New("there is no such link")

// A link is a [distributed.Link].
//
// NATS loses messages without a word, so frames may be missing: the sessions above count them.
// The order is kept, because all messages of a direction come from one connection, and arrive
// through one subscription.
type link struct {
	network *Network
	peer    *peer
	key     linkKey
	subject string // of what is sent, up to the kind
	frameOn string // the subject of frames

	mu     sync.Mutex
	more   sync.Cond
	frames [][]byte
	size   int   // of frames, in bytes
	err    error // why the link has ended
	closed bool
}

// newLink returns a link on which this node has a role. The place is its token.
func (n *Network) newLink(node, place, role, id string, p *peer) *link {
	other := up
	if role == up {
		other = down
	}
	l := &link{network: n, peer: p, key: linkKey{node, other, id}, subject: n.linkSubject(node, place, role, id)}
	l.frameOn = l.subject + kindFrame
	l.more.L = &l.mu
	return l
}

// Peer implements [distributed.Link]. The servers let only the peer send what arrives on the
// link: see [Permissions].
func (l *link) Peer() string { return l.key.peer }

// Send implements [distributed.Link].
func (l *link) Send(frame []byte) error {
	if n := len(frame); n == 0 || n > wire.MaxFrame {
		return fmt.Errorf("nats: a frame for node %q has %d bytes, and 1 to %d are allowed", l.key.peer, n, wire.MaxFrame)
	}
	switch ended, err := l.over(); {
	case err != nil:
		return err
	case ended:
		return nil
	}
	if err := l.network.publish(l.frameOn, frame); err != nil {
		l.end(fmt.Errorf("nats: there is no connection to the server: %w", err))
		_, err := l.over()
		return err
	}
	return nil
}

// over reports whether the link has ended, and returns the reason as soon as all that has
// arrived before was received: the last frame may have a better one.
func (l *link) over() (ended bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return true, net.ErrClosed
	case len(l.frames) > 0:
		return l.err != nil, nil
	}
	return l.err != nil, l.err
}

// Receive implements [distributed.Link].
func (l *link) Receive() ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.frames) == 0 && l.err == nil && !l.closed {
		l.more.Wait()
	}
	switch {
	case l.closed:
		return nil, net.ErrClosed
	case len(l.frames) == 0:
		return nil, l.err
	}
	f := l.frames[0]
	l.frames[0] = nil
	l.frames = l.frames[1:]
	l.size -= len(f)
	return f, nil
}

// add adds a frame that has arrived. A link that keeps too many ends.
func (l *link) add(frame []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch most := l.network.config.Buffer; {
	case l.err != nil || l.closed:
	case l.size+len(frame) > most:
		l.err = fmt.Errorf("nats: %w: more than %d bytes of node %q wait to be received", world.ErrSlowConsumer, most, l.key.peer)
		l.more.Broadcast()
	default:
		l.frames = append(l.frames, frame)
		l.size += len(frame)
		l.more.Signal()
	}
}

// end ends the link. What has arrived before can still be received.
func (l *link) end(reason error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.err = reason
	}
	l.more.Broadcast()
}

// Close implements [distributed.Link]. It waits for at most half a second until the server has
// what was sent.
func (l *link) Close() error {
	if n := l.network; l.leave() && n.publish(l.subject+kindEnd, nil) == nil {
		_ = n.conn.FlushTimeout(parting)
	}
	return nil
}

// leave closes the link, and reports whether this is the first time.
func (l *link) leave() bool {
	l.mu.Lock()
	first := !l.closed
	l.closed, l.frames, l.size = true, nil, 0
	l.more.Broadcast()
	l.mu.Unlock()
	if n := l.network; first {
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.links, l.key)
		n.use(l.peer, -1)
	}
	return first
}

// frame handles a frame: that of a link, or the first of a new one.
func (n *Network) frame(a arrival, data []byte) {
	n.mu.Lock()
	l := n.links[a.key()]
	n.mu.Unlock()
	if l != nil {
		l.add(data)
		return
	}
	err := errNoLink
	if a.role == up {
		err = n.welcome(a, data)
	}
	if err != nil {
		role := up
		if a.role == up {
			role = down
		}
		_ = n.publish(n.linkSubject(a.from, a.place, role, a.id)+kindEnd, nil)
	}
}
