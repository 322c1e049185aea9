package nats

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"

	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/internal/realm"
	"github.com/go-marketplace/marketplace/distributed/internal/session"
	"github.com/go-marketplace/marketplace/distributed/internal/wire"
)

// An offer is a [distributed.Offer].
type offer struct {
	network *Network
	place   string
	links   chan waiting  // that Accept has not returned yet
	ended   chan struct{} // closed when no more links will come
	over    bool
	reason  error // why
	due     bool  // an announcement will be made soon
}

// A waiting link has said HELLO, with an id.
type waiting struct {
	link *link
	id   wire.ID
}

// maxWaiting is how many links may wait for Accept.
const maxWaiting = 128

// Offer implements [distributed.Network].
func (n *Network) Offer(_ context.Context, place string) (distributed.Offer, error) {
	if err := realm.ValidName(place); err != nil {
		return nil, fmt.Errorf("nats: place %q: %w", place, err)
	}
	o := &offer{network: n, place: place, links: make(chan waiting, maxWaiting), ended: make(chan struct{})}
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.closed:
		return nil, fmt.Errorf("nats: place %q: %w", place, errLeft)
	case n.offers[token(place)] != nil:
		return nil, fmt.Errorf("nats: node %q offers place %q already", n.id.node, place)
	}
	n.offers[token(place)] = o
	n.announce(o, true)
	return o, nil
}

// Accept implements [distributed.Offer].
func (o *offer) Accept() (distributed.Link, error) {
	select {
	case <-o.ended:
		return nil, o.reason
	default:
	}
	select {
	case <-o.ended:
		return nil, o.reason
	case w := <-o.links:
		return w.link, nil
	}
}

// end says that no more links will come. The lock of the network is held.
func (o *offer) end(reason error) {
	if !o.over {
		o.over, o.reason = true, reason
		close(o.ended)
	}
}

// Close implements [distributed.Offer]. It refuses the links that wait.
func (o *offer) Close() error {
	n := o.network
	n.mu.Lock()
	if n.offers[token(o.place)] != o {
		n.mu.Unlock()
		return nil
	}
	delete(n.offers, token(o.place))
	o.end(net.ErrClosed)
	n.announce(o, false)
	n.mu.Unlock()
	for {
		select {
		case w := <-o.links:
			_ = w.link.Send(session.Refuse(w.id, n.noPlace(o.place)))
			_ = w.link.Close()
		default:
			return nil
		}
	}
}

func (n *Network) noPlace(place string) error {
	return fmt.Errorf("%w: %q on node %q", session.ErrNoPlace, place, n.id.node)
}

// welcome begins a link with its first frame, which must be a HELLO. If it returns an error,
// there is no link.
func (n *Network) welcome(a arrival, data []byte) (err error) {
	f, err := wire.ReadFrame(data)
	if err != nil || f.Kind != wire.HELLO {
		return errNoLink // it has ended here, or is one of a former life of this node
	}
	h, err := wire.ReadHello(f.Body)
	if err == nil && token(h.Place) != a.place {
		err = fmt.Errorf("%w: the HELLO asks for place %q on a link to place %s", wire.ErrMalformed, h.Place, a.place)
	}
	if err != nil {
		n.refuse(a, f.ID, err)
	} else {
		err = n.deliver(a, h.Place, f.ID, data)
	}
	switch {
	case errors.Is(err, session.ErrNoPlace):
		n.refuse(a, f.ID, err)
		n.log.Info("nats: a place that is not there was asked for", slog.String("node", n.id.node),
			slog.String("peer", a.from), slog.String("place", h.Place))
	case err != nil && !errors.Is(err, errLeft):
		n.log.Warn("nats: a link is refused", slog.String("node", n.id.node),
			slog.String("peer", a.from), slog.String("place", h.Place), slog.Any("reason", err))
	}
	return err
}

// refuse answers a HELLO for which there is no link.
func (n *Network) refuse(a arrival, id wire.ID, reason error) {
	_ = n.publish(n.linkSubject(a.from, a.place, down, a.id)+kindFrame, session.Refuse(id, reason))
}

// deliver gives a new link to the offer of its place.
func (n *Network) deliver(a arrival, place string, id wire.ID, hello []byte) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	o := n.offers[a.place]
	switch {
	case n.closed:
		return errLeft
	case o == nil:
		return n.noPlace(place)
	case len(o.links) == cap(o.links):
		return fmt.Errorf("%d others wait for the place", maxWaiting)
	}
	p, err := n.listenTo(a.from)
	if err != nil {
		return err
	}
	n.use(p, 1)
	l := n.newLink(a.from, a.place, down, a.id, p)
	l.frames, l.size = [][]byte{hello}, len(hello)
	n.links[l.key] = l
	o.links <- waiting{l, id}
	return nil
}
