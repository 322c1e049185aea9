// Package simtest has simulated clusters, in bubbles of testing/synctest: machines on a network
// with delay, loss and partitions, which are killed, paused and stopped at random, and recover
// from journals. [Seeds] runs a test with many of them, and [FindMutants] tests that test.
package simtest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/go-marketplace/marketplace/distributed"
)

// A Net is a network of nodes with delay, loss, partitions, and nodes that are killed or
// paused.
type Net struct {
	loss  float64       // the part of frames that is lost
	delay time.Duration // of a frame, at most

	mu      sync.Mutex
	rand    *rand.Rand
	nodes   map[string]*Node
	apart   map[[2]string]bool // which pairs of nodes are parted
	frames  int
	changed chan struct{} // closed when the offers change
}

// newNet returns a network without nodes. What it does at random follows from the seed.
func newNet(seed uint64) *Net {
	return &Net{rand: rand.New(rand.NewPCG(seed, 1)), nodes: map[string]*Node{}, apart: map[[2]string]bool{}, changed: make(chan struct{})}
}

// A Node is a [distributed.Network], as one node has it.
type Node struct {
	net    *Net
	name   string
	offers map[string]*offer
	links  map[*link]bool
	paused bool
	later  []func() // when it goes on
	dead   bool
}

// node returns the network as a node has it. All calls with one name return one value.
func (n *Net) node(name string) *Node {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := n.nodes[name]
	if s == nil {
		s = &Node{net: n, name: name, offers: map[string]*offer{}, links: map[*link]bool{}}
		n.nodes[name] = s
	}
	return s
}

func pair(a, b string) [2]string { return [2]string{min(a, b), max(a, b)} }

// part parts two nodes, or ends that: what they send to each other vanishes.
func (n *Net) part(a, b string, apart bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.apart[pair(a, b)] = apart
}

// heal ends all loss and all partitions.
func (n *Net) heal() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.loss = 0
	clear(n.apart)
}

// Frames returns how many frames were sent.
func (n *Net) Frames() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.frames
}

// Links returns how many ends of links are open.
func (n *Net) Links() (count int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, s := range n.nodes {
		count += len(s.links)
	}
	return count
}

// kill ends all links of a node. The others notice, unless they are parted from it.
func (n *Net) kill(s *Node, silent bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	s.dead = true
	for l := range s.links {
		far := l.far
		l.end()
		if !silent && !n.apart[pair(l.node.name, far.node.name)] {
			n.schedule(far, nil)
		}
	}
	for _, o := range s.offers {
		o.end()
	}
	clear(s.links)
	clear(s.offers)
	n.change()
}

// revive lets a node that was killed begin again.
func (n *Net) revive(s *Node) {
	n.mu.Lock()
	defer n.mu.Unlock()
	s.dead = false
}

func (n *Net) paused(s *Node) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return s.paused
}

// pause pauses a node, or lets it go on.
func (n *Net) pause(s *Node, paused bool) {
	n.mu.Lock()
	s.paused = paused
	var later []func()
	if !paused {
		later, s.later = s.later, nil
		for l := range s.links {
			l.more.Broadcast()
		}
	}
	n.mu.Unlock()
	for _, f := range later {
		go f()
	}
}

// NetworkName implements [distributed.Network].
func (s *Node) NetworkName() string { return "sim " + s.name }

// Node implements [distributed.Network].
func (s *Node) Node() string { return s.name }

// Offer implements [distributed.Network].
func (s *Node) Offer(_ context.Context, place string) (distributed.Offer, error) {
	s.net.mu.Lock()
	defer s.net.mu.Unlock()
	if s.dead {
		return nil, net.ErrClosed
	}
	if s.offers[place] != nil {
		return nil, fmt.Errorf("the place %q is offered", place)
	}
	o := &offer{node: s, place: place, links: make(chan *link, 100), closed: make(chan struct{})}
	s.offers[place] = o
	s.net.change()
	return o, nil
}

// Dial implements [distributed.Network].
func (s *Node) Dial(ctx context.Context, node, place string) (distributed.Link, error) {
	n := s.net
	n.mu.Lock()
	there := n.nodes[node]
	if s.dead || there == nil || there.dead || n.apart[pair(s.name, node)] {
		n.mu.Unlock()
		<-ctx.Done()
		return nil, ctx.Err()
	}
	defer n.mu.Unlock()
	o := there.offers[place]
	if o == nil {
		return nil, distributed.ErrNoPlace
	}
	us, them := &link{node: s}, &link{node: there}
	us.far, them.far = them, us
	for _, l := range []*link{us, them} {
		l.more.L = &n.mu
		l.node.links[l] = true
	}
	o.links <- them
	return us, nil
}

// Watch implements [distributed.Network].
func (s *Node) Watch(_ context.Context, place string) (distributed.Watch, error) {
	return &watch{node: s, place: place, closed: make(chan struct{})}, nil
}

// change says that the offers have changed. The lock is held.
func (n *Net) change() {
	close(n.changed)
	n.changed = make(chan struct{})
}

// A watch knows at once where places are.
type watch struct {
	node   *Node
	place  string
	seen   chan struct{} // the state of the offers that was told
	once   sync.Once
	closed chan struct{}
}

func (w *watch) Next() ([]string, error) {
	if w.seen != nil {
		select {
		case <-w.seen:
		case <-w.closed:
			return nil, net.ErrClosed
		}
	}
	n := w.node.net
	n.mu.Lock()
	defer n.mu.Unlock()
	w.seen = n.changed
	var nodes []string
	for name, s := range n.nodes {
		if s != w.node && s.offers[w.place] != nil {
			nodes = append(nodes, name)
		}
	}
	slices.Sort(nodes)
	return nodes, nil
}

func (w *watch) Close() error {
	w.once.Do(func() { close(w.closed) })
	return nil
}

type offer struct {
	node   *Node
	place  string
	links  chan *link
	over   bool
	closed chan struct{}
}

func (o *offer) Accept() (distributed.Link, error) {
	select {
	case l := <-o.links:
		return l, nil
	case <-o.closed:
		return nil, net.ErrClosed
	}
}

func (o *offer) end() {
	if !o.over {
		o.over = true
		close(o.closed)
	}
}

func (o *offer) Close() error {
	o.node.net.mu.Lock()
	defer o.node.net.mu.Unlock()
	o.end()
	if o.node.offers[o.place] == o {
		delete(o.node.offers, o.place)
		o.node.net.change()
	}
	return nil
}

// A link is one end of a link.
type link struct {
	node   *Node
	far    *link
	more   sync.Cond
	flying [][]byte // frames on their way
	frames [][]byte // that have arrived; a nil frame is the end
	last   time.Time
	ended  bool
}

func (l *link) Peer() string { return l.far.node.name }

// schedule lets a frame arrive at l, after all that were sent before. The lock is held.
func (n *Net) schedule(l *link, frame []byte) {
	at := time.Now()
	if n.delay > 0 {
		at = at.Add(time.Duration(n.rand.Int64N(int64(n.delay))))
	}
	if at.Before(l.last) {
		at = l.last
	}
	l.last = at
	l.flying = append(l.flying, frame)
	after(time.Until(at), func() { // several at one time may be called in any order
		n.mu.Lock()
		defer n.mu.Unlock()
		l.frames = append(l.frames, l.flying[0])
		l.flying = l.flying[1:]
		l.more.Broadcast()
	})
}

func (l *link) Send(frame []byte) error {
	n := l.node.net
	n.mu.Lock()
	defer n.mu.Unlock()
	if l.ended {
		return net.ErrClosed
	}
	n.frames++
	if n.apart[pair(l.node.name, l.far.node.name)] || n.rand.Float64() < n.loss {
		return nil
	}
	n.schedule(l.far, slices.Clone(frame))
	return nil
}

func (l *link) Receive() ([]byte, error) {
	n := l.node.net
	n.mu.Lock()
	defer n.mu.Unlock()
	for !l.ended && (len(l.frames) == 0 || l.node.paused) {
		l.more.Wait()
	}
	if l.ended || l.frames[0] == nil {
		return nil, net.ErrClosed
	}
	f := l.frames[0]
	l.frames = l.frames[1:]
	return f, nil
}

func (l *link) end() {
	l.ended = true
	l.more.Broadcast()
}

func (l *link) Close() error {
	n := l.node.net
	n.mu.Lock()
	defer n.mu.Unlock()
	if !l.ended {
		l.end()
		delete(l.node.links, l)
		if !n.apart[pair(l.node.name, l.far.node.name)] {
			n.schedule(l.far, nil)
		}
	}
	return nil
}
