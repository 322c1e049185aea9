package nats

import (
	"net"

	client "github.com/nats-io/nats.go"
)

// Stall makes n take no messages until resume is called, and lets only so many wait for it in
// package nats, which drops the others without a word: dropped returns how many.
func Stall(n *Network, pending int) (dropped func() int, resume func()) {
	n.mu.Lock()
	for _, p := range n.peers {
		_ = p.subscription.SetPendingLimits(pending, -1)
	}
	return func() (all int) {
			for _, p := range n.peers {
				lost, _ := p.subscription.Dropped()
				all += lost
			}
			return all
		}, func() {
			for _, p := range n.peers {
				_ = p.subscription.SetPendingLimits(-1, -1)
			}
			n.mu.Unlock()
		}
}

// Peers returns how many nodes n listens to, and how many links it has.
func Peers(n *Network) (peers, links int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.peers), len(n.links)
}

// ListensTo reports whether n listens to a node, and its server knows that.
func ListensTo(n *Network, node string) bool {
	n.mu.Lock()
	known := n.peers[node] != nil
	n.mu.Unlock()
	return known && n.conn.Flush() == nil
}

// NewCarrier returns a connection on which writing does not wait.
func NewCarrier(c net.Conn, limit int) net.Conn { return newCarrier(c, limit) }

// MaxIdle is how many nodes without a link a node listens to.
const MaxIdle = maxIdle

// Token returns the token of a name.
var Token = token

// Arrived reads the subject of a message of a node, and returns the token of the place.
func Arrived(n *Network, from, subject string) (place string, err error) {
	a, err := arrived(from, n.fromPeer(from), subject)
	return a.place, err
}

// LinkSubject returns the subject of a frame that a client sends to a place.
func LinkSubject(n *Network, node, place, id string) string {
	return n.linkSubject(node, token(place), up, id) + kindFrame
}

// FromPeer returns the subject to which n subscribes for what a node sends to it.
func FromPeer(n *Network, node string) string { return n.fromPeer(node) + ">" }

// RawConn returns a connection of package nats to the server in the process of n, as a program
// would make it without this package.
func RawConn(n *Network, options ...client.Option) (*client.Conn, error) {
	return WrappedConn(n, func(c net.Conn) net.Conn { return c }, options...)
}

// A wrapper makes connections to a server in the process, and wraps them.
type wrapper struct {
	client.InProcessConnProvider
	wrap func(net.Conn) net.Conn
}

func (w wrapper) InProcessConn() (net.Conn, error) {
	c, err := w.InProcessConnProvider.InProcessConn()
	if err != nil {
		return nil, err
	}
	return w.wrap(c), nil
}

// WrappedConn is RawConn over a connection that a function wraps.
func WrappedConn(n *Network, wrap func(net.Conn) net.Conn, options ...client.Option) (*client.Conn, error) {
	id := n.id
	if id.authority == nil {
		var err error
		if id, err = n.own.admits.local(id); err != nil {
			return nil, err
		}
	}
	return client.Connect("", append(options, client.InProcessServer(wrapper{n.own, wrap}), id.login())...)
}

// RequestSubject returns a subject on which one node may send to another, and a prefix of
// inboxes for the answers.
func RequestSubject(n *Network, from, to string) (subject, inbox string) {
	p := n.prefix + ".link."
	return p + token(from) + "." + token(to) + ".request", p + token(to) + "." + token(from) + ".inbox"
}
