package nats

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	client "github.com/nats-io/nats.go"

	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/internal/realm"
)

// Announcements.
const (
	announcePeriod = 2 * time.Second                     // how often a node announces what it offers
	forgetAfter    = 3*announcePeriod + announcePeriod/2 // without an announcement, a node is forgotten
	maxWatched     = 10_000                              // nodes that a watch keeps
)

// announceAll announces what this node offers, and forgets the nodes that do no more, until the
// network is closed.
func (n *Network) announceAll() {
	ticker := time.NewTicker(announcePeriod)
	defer ticker.Stop()
	for {
		select {
		case <-n.done:
			return
		case now := <-ticker.C:
			n.mu.Lock()
			for _, o := range n.offers {
				n.announce(o, true)
			}
			for w := range n.watches {
				w.forget(now)
			}
			n.mu.Unlock()
		}
	}
}

// announce says that this node offers a place, or does so no more. The lock is held.
func (n *Network) announce(o *offer, offered bool) {
	sign := "-"
	if offered {
		sign = "+"
	}
	_ = n.publish(n.prefix+".here."+token(o.place), []byte(sign+n.id.node))
}

// asked answers a node that asks who offers a place. If many ask, the answer is for all.
func (n *Network) asked(m *client.Msg) {
	place := strings.TrimPrefix(m.Subject, n.prefix+".who.")
	n.mu.Lock()
	defer n.mu.Unlock()
	o := n.offers[place]
	if o == nil || o.due || n.closed {
		return
	}
	o.due = true
	time.AfterFunc(rand.N(10*time.Millisecond), func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		o.due = false
		if n.offers[place] == o && !n.closed {
			n.announce(o, true)
		}
	})
}

// A watch is a [distributed.Watch].
type watch struct {
	network      *Network
	subscription *client.Subscription
	asking       []*time.Timer

	mu      sync.Mutex
	nodes   map[string]time.Time // when they announced the place last
	told    bool
	last    []string
	changed chan struct{} // has a value when nodes have come or gone
	over    bool
	ended   chan struct{}
}

// Watch implements [distributed.Network]: it returns the nodes that have announced the place.
// What they announce is not authenticated.
func (n *Network) Watch(_ context.Context, place string) (distributed.Watch, error) {
	if err := realm.ValidName(place); err != nil {
		return nil, fmt.Errorf("nats: place %q: %w", place, err)
	}
	w := &watch{network: n, nodes: map[string]time.Time{}, changed: make(chan struct{}, 1), ended: make(chan struct{})}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return nil, fmt.Errorf("nats: watching place %q: %w", place, errLeft)
	}
	var err error
	if w.subscription, err = n.conn.Subscribe(n.prefix+".here."+token(place), w.heard); err != nil {
		return nil, fmt.Errorf("nats: watching place %q: %w", place, err)
	}
	n.watches[w] = true
	who := n.prefix + ".who." + token(place)
	for _, d := range []time.Duration{0, 50 * time.Millisecond, 500 * time.Millisecond} { // until the servers know of the subscription
		w.asking = append(w.asking, time.AfterFunc(d, func() { _ = n.publish(who, nil) }))
	}
	return w, nil
}

// heard handles an announcement.
func (w *watch) heard(m *client.Msg) {
	if len(m.Data) == 0 {
		return
	}
	sign, node := m.Data[0], string(m.Data[1:])
	if realm.ValidNode(node) != nil || node == w.network.id.node {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	_, known := w.nodes[node]
	switch {
	case sign == '-':
		delete(w.nodes, node)
	case sign == '+' && (known || len(w.nodes) < maxWatched):
		w.nodes[node] = time.Now()
	}
	w.change()
}

// forget forgets the nodes that have not announced the place for long.
func (w *watch) forget(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	maps.DeleteFunc(w.nodes, func(_ string, heard time.Time) bool { return now.Sub(heard) > forgetAfter })
	w.change()
}

// change wakes Next. The lock of w is held.
func (w *watch) change() {
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

// Next implements [distributed.Watch].
func (w *watch) Next() ([]string, error) {
	for {
		w.mu.Lock()
		nodes := slices.Sorted(maps.Keys(w.nodes))
		fresh := !w.told || !slices.Equal(nodes, w.last)
		if over := w.over; over || fresh {
			w.told, w.last = true, nodes
			w.mu.Unlock()
			if over {
				return nil, net.ErrClosed
			}
			return slices.Clone(nodes), nil
		}
		w.mu.Unlock()
		select {
		case <-w.changed:
		case <-w.ended:
			return nil, net.ErrClosed
		}
	}
}

// Close implements [distributed.Watch].
func (w *watch) Close() error {
	w.network.mu.Lock()
	defer w.network.mu.Unlock()
	w.end()
	return nil
}

// end ends the watch. The lock of the network is held.
func (w *watch) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return
	}
	w.over = true
	close(w.ended)
	for _, t := range w.asking {
		t.Stop()
	}
	delete(w.network.watches, w)
	_ = w.subscription.Unsubscribe()
}
