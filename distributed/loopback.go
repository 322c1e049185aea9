package distributed

import (
	"context"
	"errors"
	"net"
	"sync"
)

// Links within a program do not go through the network: a place of this node can be
// reached by its full name as well, so that the same code runs on all nodes.

// local has the places that this program offers, by their networks.
var local = struct {
	sync.Mutex
	offers map[localPlace]*localOffer
}{offers: map[localPlace]*localOffer{}}

type localPlace struct {
	network Network
	name    string
}

// connect connects to a place.
func connect(ctx context.Context, n Network, h home) (Link, error) {
	if h.Node != n.Node() {
		return n.Dial(ctx, h.Node, h.Name)
	}
	local.Lock()
	o := local.offers[localPlace{n, h.Name}]
	local.Unlock()
	if o == nil {
		return nil, noPlace(h)
	}
	us, them := newPipe(h.Node, h.Node)
	select {
	case o.links <- accepting{them, nil}:
		return us, nil
	case <-o.closed:
		return nil, noPlace(h)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// offer offers a place to the network, and to this program.
func offer(ctx context.Context, n Network, name string) (Offer, error) {
	o, err := n.Offer(ctx, name)
	if err != nil {
		return nil, err
	}
	l := &localOffer{Offer: o, place: localPlace{n, name}, links: make(chan accepting), closed: make(chan struct{})}
	local.Lock()
	local.offers[l.place] = l
	local.Unlock()
	go l.forward()
	return l, nil
}

// A localOffer accepts links of the network, and of this program.
type localOffer struct {
	Offer
	place  localPlace
	links  chan accepting
	once   sync.Once
	closed chan struct{}
}

type accepting struct {
	link Link
	err  error
}

// forward accepts the links of the network.
func (o *localOffer) forward() {
	for {
		l, err := o.Offer.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		select {
		case o.links <- accepting{l, err}:
		case <-o.closed:
			if l != nil {
				_ = l.Close()
			}
			return
		}
		if err != nil {
			return
		}
	}
}

// Accept implements [Offer].
func (o *localOffer) Accept() (Link, error) {
	select {
	case a := <-o.links:
		return a.link, a.err
	case <-o.closed:
		return nil, net.ErrClosed
	}
}

// Close implements [Offer].
func (o *localOffer) Close() (err error) {
	o.once.Do(func() {
		local.Lock()
		delete(local.offers, o.place)
		local.Unlock()
		close(o.closed)
		err = o.Offer.Close()
	})
	return err
}
