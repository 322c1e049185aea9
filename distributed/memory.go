package distributed

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"

	"github.com/go-marketplace/marketplace/distributed/internal/session"
	"github.com/go-marketplace/marketplace/distributed/internal/wire"
)

// A MemoryNetwork connects nodes within a program, for tests: see [Memory].
type MemoryNetwork struct {
	mu      sync.Mutex
	nodes   map[string]*memoryNode
	changed chan struct{} // closed when a place comes or goes
}

// Memory returns a network without nodes. Its links have no delay, and lose nothing.
//
//	network := distributed.Memory()
//	a, b := network.Node("a"), network.Node("b")
func Memory() *MemoryNetwork {
	return &MemoryNetwork{nodes: map[string]*memoryNode{}, changed: make(chan struct{})}
}

// Node returns the network as a node has it. All calls with one name return equal values.
func (m *MemoryNetwork) Node(name string) Network {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.nodes[name]
	if n == nil {
		n = &memoryNode{name: name, network: m, offers: map[string]*memoryOffer{}}
		m.nodes[name] = n
	}
	return n
}

// Cut ends all links between two nodes, without a word: as if a cable were cut.
func (m *MemoryNetwork) Cut(a, b string) {
	m.mu.Lock()
	var cut []*pipe
	for _, n := range m.nodes {
		for p := range n.links {
			if n.name == a && p.peer == b || n.name == b && p.peer == a {
				cut = append(cut, p)
			}
		}
	}
	m.mu.Unlock()
	for _, p := range cut {
		_ = p.Close()
	}
}

// Links returns how many links a node has: as a client, and as a home.
func (m *MemoryNetwork) Links(node string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.nodes[node]
	if n == nil {
		return 0
	}
	return len(n.links)
}

type memoryNode struct {
	name    string
	network *MemoryNetwork
	offers  map[string]*memoryOffer
	links   map[*pipe]bool
}

// NetworkName implements [Network].
func (n *memoryNode) NetworkName() string { return fmt.Sprintf("memory %q", n.name) }

// Node implements [Network].
func (n *memoryNode) Node() string { return n.name }

// Dial implements [Network].
func (n *memoryNode) Dial(ctx context.Context, node, place string) (Link, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m := n.network
	m.mu.Lock()
	defer m.mu.Unlock()
	there := m.nodes[node]
	if there == nil {
		return nil, fmt.Errorf("%w: %q", ErrUnknownNode, node)
	}
	us, them := newPipe(node, n.name)
	n.add(us)
	there.add(them)
	o := there.offers[place]
	switch {
	case o == nil:
		go refuse(them, noPlace(home{node, place}))
	case !o.add(them):
		go them.Close()
	}
	return us, nil
}

// refuse answers the HELLO of a link for which there is no place.
func refuse(l Link, reason error) {
	defer l.Close()
	hello, err := l.Receive()
	if err != nil {
		return
	}
	if f, err := wire.ReadFrame(hello); err == nil {
		_ = l.Send(session.Refuse(f.ID, reason))
	}
}

// add keeps a link for Cut, until it is closed.
func (n *memoryNode) add(p *pipe) {
	if n.links == nil {
		n.links = map[*pipe]bool{}
	}
	n.links[p] = true
	p.forget = func() {
		n.network.mu.Lock()
		defer n.network.mu.Unlock()
		delete(n.links, p)
	}
}

// Offer implements [Network].
func (n *memoryNode) Offer(_ context.Context, place string) (Offer, error) {
	m := n.network
	m.mu.Lock()
	defer m.mu.Unlock()
	if n.offers[place] != nil {
		return nil, fmt.Errorf("distributed: node %q offers the place %q already", n.name, place)
	}
	o := &memoryOffer{node: n, place: place, links: make(chan *pipe, maxWaiting), closed: make(chan struct{})}
	n.offers[place] = o
	m.change()
	return o, nil
}

// change tells those who watch. The lock is held.
func (m *MemoryNetwork) change() {
	close(m.changed)
	m.changed = make(chan struct{})
}

// Watch implements [Network].
func (n *memoryNode) Watch(_ context.Context, place string) (Watch, error) {
	return &memoryWatch{node: n, place: place, closed: make(chan struct{})}, nil
}

type memoryOffer struct {
	node   *memoryNode
	place  string
	links  chan *pipe
	once   sync.Once
	closed chan struct{}
}

// add hands a link to Accept, if there is room. The lock of the network is held, so that the
// offer is not closed meanwhile.
func (o *memoryOffer) add(l *pipe) bool {
	select {
	case o.links <- l:
		return true
	default:
		return false
	}
}

// Accept implements [Offer].
func (o *memoryOffer) Accept() (Link, error) {
	select {
	case l := <-o.links:
		return l, nil
	case <-o.closed:
		return nil, net.ErrClosed
	}
}

// Close implements [Offer].
func (o *memoryOffer) Close() error {
	o.once.Do(func() {
		m := o.node.network
		m.mu.Lock()
		delete(o.node.offers, o.place)
		m.change()
		close(o.closed)
		m.mu.Unlock()
		for {
			select {
			case l := <-o.links:
				_ = l.Close()
			default:
				return
			}
		}
	})
	return nil
}

type memoryWatch struct {
	node   *memoryNode
	place  string
	told   bool
	last   []string
	once   sync.Once
	closed chan struct{}
}

// Next implements [Watch].
func (w *memoryWatch) Next() ([]string, error) {
	for {
		m := w.node.network
		m.mu.Lock()
		var nodes []string
		for name, n := range m.nodes {
			if n != w.node && n.offers[w.place] != nil {
				nodes = append(nodes, name)
			}
		}
		changed := m.changed
		m.mu.Unlock()
		slices.Sort(nodes)
		if !w.told || !slices.Equal(nodes, w.last) {
			w.told, w.last = true, nodes
			return nodes, nil
		}
		select {
		case <-changed:
		case <-w.closed:
			return nil, net.ErrClosed
		}
	}
}

// Close implements [Watch].
func (w *memoryWatch) Close() error {
	w.once.Do(func() { close(w.closed) })
	return nil
}

// A pipe is one end of a link in memory.
type pipe struct {
	peer   string
	in     *frameQueue // that this end receives from
	out    *frameQueue
	forget func()
	once   sync.Once
}

// newPipe returns both ends of a link, by the names of the nodes at their other ends.
func newPipe(far, near string) (us, them *pipe) {
	a, b := newFrameQueue(), newFrameQueue()
	return &pipe{peer: far, in: a, out: b}, &pipe{peer: near, in: b, out: a}
}

// Peer implements [Link].
func (p *pipe) Peer() string { return p.peer }

// Send implements [Link].
func (p *pipe) Send(frame []byte) error { return p.out.add(frame) }

// Receive implements [Link].
func (p *pipe) Receive() ([]byte, error) { return p.in.take() }

// Close implements [Link].
func (p *pipe) Close() error {
	p.once.Do(func() {
		p.out.end(false)
		p.in.end(true)
		if p.forget != nil {
			p.forget()
		}
	})
	return nil
}

// A frameQueue has the frames that go in one direction.
type frameQueue struct {
	mu     sync.Mutex
	more   sync.Cond
	frames [][]byte
	ended  bool
}

func newFrameQueue() *frameQueue {
	q := new(frameQueue)
	q.more.L = &q.mu
	return q
}

func (q *frameQueue) add(frame []byte) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ended {
		return net.ErrClosed
	}
	q.frames = append(q.frames, frame)
	q.more.Signal()
	return nil
}

func (q *frameQueue) take() ([]byte, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.frames) == 0 && !q.ended {
		q.more.Wait()
	}
	if len(q.frames) == 0 {
		return nil, net.ErrClosed
	}
	f := q.frames[0]
	q.frames = q.frames[1:]
	return f, nil
}

// end ends the queue: what is in it is received, unless it is dropped.
func (q *frameQueue) end(drop bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ended = true
	if drop {
		q.frames = nil
	}
	q.more.Broadcast()
}
