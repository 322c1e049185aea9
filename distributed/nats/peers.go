package nats

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"time"

	client "github.com/nats-io/nats.go"

	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/internal/realm"
)

// A peer is a node from which this one hears: there is a subscription for each.
type peer struct {
	subscription *client.Subscription
	users        int    // links and dials
	age          uint64 // when it was used last
}

// maxIdle is how many subscriptions a node keeps for peers with which it has no link. Each peer
// that knocks needs one. If there are more, the one that was used longest ago goes.
const maxIdle = 1024

// listenTo subscribes to what a node sends to this one. The lock is held.
func (n *Network) listenTo(node string) (*peer, error) {
	n.age++
	p := n.peers[node]
	if p != nil {
		p.age = n.age
		return p, nil
	}
	head := n.fromPeer(node)
	s, err := n.conn.Subscribe(head+">", func(m *client.Msg) { n.arrive(node, head, m) })
	if err != nil {
		return nil, err
	}
	p = &peer{subscription: s, age: n.age}
	n.peers[node] = p
	n.idle++
	if n.idle > maxIdle {
		n.forgetOldest(p)
	}
	return p, nil
}

// forgetOldest ends the subscription for the idle peer that was used longest ago, but not that
// for keep. The lock is held.
func (n *Network) forgetOldest(keep *peer) {
	var name string
	var oldest *peer
	for node, p := range n.peers {
		if p.users == 0 && p != keep && (oldest == nil || p.age < oldest.age) {
			name, oldest = node, p
		}
	}
	if oldest != nil {
		delete(n.peers, name)
		n.idle--
		_ = oldest.subscription.Unsubscribe()
	}
}

// use says that a link or a dial needs a peer, or by -1 that it does no more. The lock is held.
func (n *Network) use(p *peer, by int) {
	before := p.users
	p.users += by
	switch {
	case before == 0:
		n.idle--
	case p.users == 0:
		n.idle++
	}
}

// knocked handles the knock of a node that wants to be heard.
func (n *Network) knocked(m *client.Msg) {
	node := string(m.Data)
	if realm.ValidNode(node) != nil || node == n.id.node {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return
	}
	if _, err := n.listenTo(node); err != nil {
		n.log.Warn("nats: a node cannot be heard", slog.String("node", n.id.node), slog.String("peer", node), slog.Any("reason", err))
	}
}

// arrive handles a message of a link to a node.
func (n *Network) arrive(from, head string, m *client.Msg) {
	a, err := arrived(from, head, m.Subject)
	if err != nil {
		n.log.Warn("nats: a message is dropped", slog.String("node", n.id.node), slog.String("peer", from), slog.String("subject", m.Subject), slog.Any("reason", err))
		return
	}
	switch {
	case a.role == up && a.kind == kindDial:
		_ = n.publish(n.linkSubject(a.from, a.place, down, a.id)+kindAnswer, nil)
	case a.role == down && a.kind == kindAnswer:
		n.mu.Lock()
		defer n.mu.Unlock()
		if d := n.dials[a.id]; d != nil && d.node == a.from {
			d.answer()
		}
	case a.kind == kindFrame:
		n.frame(a, m.Data)
	case a.kind == kindEnd:
		n.mu.Lock()
		defer n.mu.Unlock()
		if l := n.links[a.key()]; l != nil {
			l.end(fmt.Errorf("nats: node %q has closed the link", a.from))
		}
	}
}

// A dial is an attempt to reach a node.
type dial struct {
	node     string
	answered chan struct{}
}

func (d *dial) answer() {
	select {
	case <-d.answered:
	default:
		close(d.answered)
	}
}

// The pauses between the attempts to get an answer: until servers know who has subscribed to
// what, messages are lost.
const (
	firstPause = 2 * time.Millisecond
	longPause  = 250 * time.Millisecond
)

// Dial implements [distributed.Network]. It returns when the other node has answered, so that
// both directions work.
func (n *Network) Dial(ctx context.Context, node, place string) (distributed.Link, error) {
	l, err := n.dial(ctx, node, place)
	if err != nil {
		return nil, fmt.Errorf("nats: dialing node %q: %w", node, err)
	}
	return l, nil
}

func (n *Network) dial(ctx context.Context, node, place string) (*link, error) {
	if err := realm.ValidNode(node); err != nil {
		return nil, fmt.Errorf("%w: %w", distributed.ErrUnknownNode, err)
	}
	if err := realm.ValidName(place); err != nil {
		return nil, fmt.Errorf("place %q: %w", place, err)
	}
	if node == n.id.node {
		return nil, fmt.Errorf("%w: it is this node", distributed.ErrWrongNode)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, n.config.DialLimit, errLate)
	defer cancel()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	id := fmt.Sprintf("%016x", rand.Uint64())
	d := &dial{node, make(chan struct{})}
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		return nil, errLeft
	}
	p, err := n.listenTo(node)
	if err != nil {
		n.mu.Unlock()
		return nil, err
	}
	n.use(p, 1)
	n.dials[id] = d
	n.mu.Unlock()
	l := n.newLink(node, token(place), up, id, p)
	err = n.ask(ctx, d, l.subject+kindDial)
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.dials, id)
	if err == nil && n.closed {
		err = errLeft
	}
	if err != nil {
		n.use(p, -1)
		return nil, err
	}
	n.links[l.key] = l
	return l, nil
}

// ask asks a node for an answer, until there is one.
func (n *Network) ask(ctx context.Context, d *dial, subject string) error {
	var sent error
	for pause := firstPause; ; pause = min(2*pause, longPause) {
		if sent = n.publish(n.prefix+".knock."+token(d.node), []byte(n.id.node)); sent == nil {
			sent = n.publish(subject, nil)
		}
		timer := time.NewTimer(pause)
		select {
		case <-d.answered:
			timer.Stop()
			return nil
		case <-timer.C:
			continue
		case <-n.done:
			timer.Stop()
			return errLeft
		case <-ctx.Done():
			timer.Stop()
		}
		switch cause := context.Cause(ctx); {
		case sent != nil:
			return fmt.Errorf("there is no connection to the server: %w%s", sent, n.lastError())
		case cause != errLate:
			return fmt.Errorf("%w: there is no answer: %w", distributed.ErrHandshake, cause)
		}
		return fmt.Errorf("%w: there is no answer within %v", distributed.ErrHandshake, n.config.DialLimit)
	}
}

// lastError returns the text of what the server said last, such as that it refuses the node.
func (n *Network) lastError() string {
	if err := n.conn.LastError(); err != nil {
		return ": " + strings.TrimPrefix(err.Error(), "nats: ")
	}
	return ""
}
