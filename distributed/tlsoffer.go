package distributed

import (
	"context"
	"fmt"
	"net"
	"sync"

	"github.com/go-marketplace/marketplace/distributed/internal/realm"
	"github.com/go-marketplace/marketplace/distributed/internal/session"
	"github.com/go-marketplace/marketplace/distributed/internal/wire"
)

// A tlsOffer is an [Offer] of a place on a [TLSNetwork].
type tlsOffer struct {
	network *TLSNetwork
	place   string
	links   chan *tlsLink // that Accept has not returned yet
	ended   chan struct{} // closed when no more links will come
	reason  error         // why
}

// maxWaiting is how many links may wait for Accept.
const maxWaiting = 128

// Offer implements [Network]. The first offer opens the listener, and fails if the port is in
// use.
func (n *TLSNetwork) Offer(ctx context.Context, place string) (Offer, error) {
	if err := realm.ValidName(place); err != nil {
		return nil, fmt.Errorf("distributed: place %q: %w", place, err)
	}
	n.opening.Lock()
	defer n.opening.Unlock()
	o := &tlsOffer{network: n, place: place, links: make(chan *tlsLink, maxWaiting), ended: make(chan struct{})}
	open, err := n.add(o)
	switch {
	case err != nil:
		return nil, err
	case open:
		return o, nil
	}
	l, err := n.newListener(ctx)
	if err != nil {
		o.withdraw()
		return nil, fmt.Errorf("distributed: node %q cannot listen on %s for place %q: %w", n.node, n.listen, place, err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.listener = l
	return o, nil
}

// add adds an offer, and reports whether the listener is open.
func (n *TLSNetwork) add(o *tlsOffer) (open bool, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, other := range n.offers {
		switch {
		case other.place == o.place:
			return false, fmt.Errorf("distributed: node %q offers place %q already", n.node, o.place)
		case other.reason != nil:
			return false, fmt.Errorf("%w; close the places that it offered", other.reason)
		}
	}
	n.offers[o.place] = o
	return n.listener != nil, nil
}

// deliver gives a link to the offer of a place. It calls ready just before, and fails if that
// fails.
func (n *TLSNetwork) deliver(l *tlsLink, place string, ready func() error) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	o := n.offers[place]
	switch {
	case o == nil:
		return n.noPlace(place)
	case len(o.links) == cap(o.links):
		return fmt.Errorf("%w: node %q wants place %q, for which %d others wait", ErrHandshake, l.peer, place, maxWaiting)
	}
	if err := ready(); err != nil {
		return err
	}
	o.links <- l
	return nil
}

func (n *TLSNetwork) noPlace(place string) error {
	return fmt.Errorf("%w: %q on node %q", session.ErrNoPlace, place, n.node)
}

// endOffers ends all offers, because the listener has failed.
func (n *TLSNetwork) endOffers(reason error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, o := range n.offers {
		o.end(reason)
	}
}

// end says that no more links will come. The caller has locked network.mu.
func (o *tlsOffer) end(reason error) {
	if o.reason == nil {
		o.reason = reason
		close(o.ended)
	}
}

// Accept implements [Offer].
func (o *tlsOffer) Accept() (Link, error) {
	select {
	case <-o.ended:
		return nil, o.reason
	default:
	}
	select {
	case <-o.ended:
		return nil, o.reason
	case l := <-o.links:
		return l, nil
	}
}

// Close implements [Offer]. It refuses the links that wait.
func (o *tlsOffer) Close() error {
	n := o.network
	n.opening.Lock()
	defer n.opening.Unlock()
	waiting, last := o.withdraw()
	var work sync.WaitGroup
	for _, l := range waiting {
		work.Go(func() {
			hello, _ := wire.ReadFrame(l.first) // which was read before
			l.refuse(hello.ID, n.noPlace(o.place))
		})
	}
	if last != nil {
		last.close()
	}
	work.Wait()
	return nil
}

// withdraw takes back the offer. It returns the links that wait, and the listener if it is of
// no more use.
func (o *tlsOffer) withdraw() (waiting []*tlsLink, last *tlsListener) {
	n := o.network
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.offers[o.place] != o {
		return nil, nil
	}
	delete(n.offers, o.place)
	o.end(net.ErrClosed)
	for len(o.links) > 0 {
		waiting = append(waiting, <-o.links)
	}
	if len(n.offers) == 0 {
		last, n.listener = n.listener, nil
	}
	return waiting, last
}
