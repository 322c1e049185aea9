package distributed

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"

	"github.com/go-marketplace/marketplace/distributed/internal/realm"
)

// A Learner is a [Network] that learns where nodes are while it runs. Links to a node are
// then tried at once, and not after the pause that follows a failure.
type Learner interface {
	Network

	// News returns a channel that is closed when the network next learns where a node is, or
	// perhaps something else.
	News(node string) <-chan struct{}
}

// Meet tells the network at which address another node listens, host:port: a new node, or
// a new address of one that it knows. Links that are there stay.
func (n *TLSNetwork) Meet(node, address string) error {
	if err := n.checkPeer(node, address); err != nil {
		return fmt.Errorf("distributed: Meet(%q): %w", node, err)
	}
	n.peers.set(node, address)
	return nil
}

// Forget makes the network forget the address of another node. Links that are there stay.
func (n *TLSNetwork) Forget(node string) { n.peers.set(node, "") }

// Peers returns the addresses of the other nodes that the network knows.
func (n *TLSNetwork) Peers() map[string]string {
	n.peers.mu.Lock()
	defer n.peers.mu.Unlock()
	return maps.Clone(n.peers.at)
}

// News implements [Learner].
func (n *TLSNetwork) News(string) <-chan struct{} {
	_, changed := n.peers.nodes()
	return changed
}

func (n *TLSNetwork) checkPeer(node, address string) error {
	if err := realm.ValidNode(node); err != nil {
		return err
	}
	if node == n.node {
		return errors.New("this is the name of this node")
	}
	host, port, err := splitAddress(address)
	if err == nil && (host == "" || port == "0") {
		err = fmt.Errorf("address %q needs a host and a port", address)
	}
	return err
}

// peers are the addresses of other nodes.
type peers struct {
	mu      sync.Mutex
	at      map[string]string
	changed chan struct{} // closed at the next change
}

func newPeers(at map[string]string) *peers {
	p := &peers{at: maps.Clone(at), changed: make(chan struct{})}
	if p.at == nil {
		p.at = map[string]string{}
	}
	return p
}

// set notes the address of a node, or that it has none.
func (p *peers) set(node, address string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.at[node] == address {
		return
	}
	if address == "" {
		delete(p.at, node)
	} else {
		p.at[node] = address
	}
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *peers) address(node string) (string, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at, known := p.at[node]
	return at, known
}

// nodes returns the nodes in order, and a channel that is closed when they, or their addresses,
// change.
func (p *peers) nodes() ([]string, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Sorted(maps.Keys(p.at)), p.changed
}

// A peersWatch is a [Watch] of the nodes whose addresses are known.
type peersWatch struct {
	peers   *peers
	told    []string
	changed <-chan struct{} // nil before the first Next
	once    sync.Once
	closed  chan struct{}
}

// Next implements [Watch].
func (w *peersWatch) Next() ([]string, error) {
	for {
		first := w.changed == nil
		if !first {
			select {
			case <-w.changed:
			case <-w.closed:
			}
		}
		select {
		case <-w.closed:
			return nil, net.ErrClosed
		default:
		}
		var nodes []string
		if nodes, w.changed = w.peers.nodes(); first || !slices.Equal(nodes, w.told) {
			w.told = nodes
			return slices.Clone(nodes), nil
		}
	}
}

// Close implements [Watch].
func (w *peersWatch) Close() error {
	w.once.Do(func() { close(w.closed) })
	return nil
}
