package distributed_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/world"
)

// A simNet is a network of nodes with delay, loss, partitions, and nodes that are killed or
// paused. It lives in a bubble.
type simNet struct {
	mu      sync.Mutex
	rand    *rand.Rand
	loss    float64       // the part of frames that is lost
	delay   time.Duration // at most, of a frame
	nodes   map[string]*simNode
	apart   map[[2]string]bool // which pairs of nodes are parted
	frames  int
	changed chan struct{} // closed when the offers change
}

func newSimNet(seed uint64) *simNet {
	return &simNet{rand: rand.New(rand.NewPCG(seed, 1)), nodes: map[string]*simNode{}, apart: map[[2]string]bool{}, changed: make(chan struct{})}
}

// A simNode is a node: what its machines use, and how the world treats it.
type simNode struct {
	net    *simNet
	name   string
	offers map[string]*simOffer
	links  map[*simLink]bool
	paused bool
	later  []func() // when it goes on
	dead   bool
}

func (n *simNet) node(name string) *simNode {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := n.nodes[name]
	if s == nil {
		s = &simNode{net: n, name: name, offers: map[string]*simOffer{}, links: map[*simLink]bool{}}
		n.nodes[name] = s
	}
	return s
}

func pair(a, b string) [2]string { return [2]string{min(a, b), max(a, b)} }

// part parts two nodes: what they send to each other vanishes.
func (n *simNet) part(a, b string, apart bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.apart[pair(a, b)] = apart
}

// kill ends all links of a node. The others notice, unless they are parted from it.
func (n *simNet) kill(node string, silent bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := n.nodes[node]
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
func (n *simNet) revive(node string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.nodes[node].dead = false
}

// pause stops a node, or lets it go on.
func (n *simNet) pause(node string, paused bool) {
	n.mu.Lock()
	s := n.nodes[node]
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

// NetworkName, Node, Offer, Dial and Watch implement [distributed.Network].
func (s *simNode) NetworkName() string { return "sim " + s.name }
func (s *simNode) Node() string        { return s.name }

func (s *simNode) Offer(_ context.Context, place string) (distributed.Offer, error) {
	s.net.mu.Lock()
	defer s.net.mu.Unlock()
	if s.dead {
		return nil, net.ErrClosed
	}
	if s.offers[place] != nil {
		return nil, fmt.Errorf("the place %q is offered", place)
	}
	o := &simOffer{node: s, place: place, links: make(chan *simLink, 100), closed: make(chan struct{})}
	s.offers[place] = o
	s.net.change()
	return o, nil
}

func (s *simNode) Dial(ctx context.Context, node, place string) (distributed.Link, error) {
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
	us, them := &simLink{node: s}, &simLink{node: there}
	us.far, them.far = them, us
	for _, l := range []*simLink{us, them} {
		l.more.L = &n.mu
		l.node.links[l] = true
	}
	o.links <- them
	return us, nil
}

func (s *simNode) Watch(_ context.Context, place string) (distributed.Watch, error) {
	return &simWatch{node: s, place: place, closed: make(chan struct{})}, nil
}

// change says that the offers have changed. The lock is held.
func (n *simNet) change() {
	close(n.changed)
	n.changed = make(chan struct{})
}

// A simWatch knows at once where places are.
type simWatch struct {
	node   *simNode
	place  string
	seen   chan struct{} // the state of the offers that was told
	once   sync.Once
	closed chan struct{}
}

func (w *simWatch) Next() ([]string, error) {
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

func (w *simWatch) Close() error {
	w.once.Do(func() { close(w.closed) })
	return nil
}

type simOffer struct {
	node   *simNode
	place  string
	links  chan *simLink
	over   bool
	closed chan struct{}
}

func (o *simOffer) Accept() (distributed.Link, error) {
	select {
	case l := <-o.links:
		return l, nil
	case <-o.closed:
		return nil, net.ErrClosed
	}
}

func (o *simOffer) end() {
	if !o.over {
		o.over = true
		close(o.closed)
	}
}

func (o *simOffer) Close() error {
	o.node.net.mu.Lock()
	defer o.node.net.mu.Unlock()
	o.end()
	if o.node.offers[o.place] == o {
		delete(o.node.offers, o.place)
		o.node.net.change()
	}
	return nil
}

// A simLink is one end of a link.
type simLink struct {
	node   *simNode
	far    *simLink
	more   sync.Cond
	flying [][]byte // frames on their way
	frames [][]byte // that have arrived; a nil frame is the end
	last   time.Time
	ended  bool
}

func (l *simLink) Peer() string { return l.far.node.name }

// schedule lets a frame arrive at l, after all that were sent before. The lock is held.
func (n *simNet) schedule(l *simLink, frame []byte) {
	at := time.Now()
	if n.delay > 0 {
		at = at.Add(time.Duration(n.rand.Int64N(int64(n.delay))))
	}
	if at.Before(l.last) {
		at = l.last
	}
	l.last = at
	l.flying = append(l.flying, frame)
	time.AfterFunc(time.Until(at), func() { // several at one time may be called in any order
		n.mu.Lock()
		defer n.mu.Unlock()
		l.frames = append(l.frames, l.flying[0])
		l.flying = l.flying[1:]
		l.more.Broadcast()
	})
}

func (l *simLink) Send(frame []byte) error {
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

func (l *simLink) Receive() ([]byte, error) {
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

func (l *simLink) end() {
	l.ended = true
	l.more.Broadcast()
}

func (l *simLink) Close() error {
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

// A simClock is the clock of a node: it stands still while the node is paused.
type simClock struct{ node *simNode }

func (c simClock) ClockName() string { return "sim " + c.node.name }
func (c simClock) Now() time.Time    { return time.Now() }

func (c simClock) AfterFunc(d time.Duration, f func()) world.Stopper {
	s := &simTimer{clock: c, f: f}
	s.timer = time.AfterFunc(d, s.fire)
	return s
}

type simTimer struct {
	clock   simClock
	f       func()
	timer   *time.Timer
	stopped bool
}

func (t *simTimer) fire() {
	n := t.clock.node.net
	n.mu.Lock()
	switch {
	case t.stopped:
		n.mu.Unlock()
		return
	case t.clock.node.paused:
		t.clock.node.later = append(t.clock.node.later, t.fire)
		n.mu.Unlock()
		return
	}
	t.stopped = true
	n.mu.Unlock()
	t.f()
}

func (t *simTimer) Stop() bool {
	n := t.clock.node.net
	n.mu.Lock()
	defer n.mu.Unlock()
	was := !t.stopped
	t.stopped = true
	t.timer.Stop()
	return was
}
