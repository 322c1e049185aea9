package distributed

import (
	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed/internal/wire"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
)

// The names of endpoints of the driver.
type (
	upEnd   struct{ home home }
	peerEnd struct {
		claim  string
		sign   sign
		number uint64
	}
)

// up publishes that the place is within reach.
func (l *link) up() actions.Action {
	if l.session == 0 {
		return nil
	}
	return endpoint.Publisher(topic.Where(upPlace.Is(Place{l.home.Node, l.home.Name, l.epoch}), upOwn.Is(l.own))).As(upEnd{l.home})
}

// publish opens the endpoints that show peers to those with a claim.
func (r *remoteRole) publish(c claim, text string) actions.Action {
	var as actions.Tree
	for i := r.peers.Iterator(); !i.Done(); {
		n, key, _ := i.Next()
		as = append(as, publishPeer(c, text, key, n))
	}
	return append(as, actions.When(r.settled, publishSettled(text)))
}

// publishAll opens the endpoints of all claims.
func (l *link) publishAll() actions.Action {
	var as actions.Tree
	for i := l.roles.Iterator(); !i.Done(); {
		_, r, _ := i.Next()
		for c := range l.served(r) {
			as = append(as, r.publish(c.claim, c.text))
		}
	}
	return as
}

// told is a reason about which the log says enough: that nobody hears it is no mistake. When a
// link is lost, the log says so of Up.
type told struct{ error }

// Unwrap returns the reason.
func (t told) Unwrap() error { return t.error }

// withdraw closes the endpoints that show peers to those with a claim.
func (r *remoteRole) withdraw(text string, reason error) actions.Action {
	if reason != nil {
		reason = told{reason}
	}
	var as actions.Tree
	for i := r.peers.Iterator(); !i.Done(); {
		n, _, _ := i.Next()
		as = append(as, actions.Delete(peerEnd{text, peerSign, n}).Because(reason))
	}
	return append(as, actions.When(r.settled, actions.Delete(peerEnd{text, settledSign, 0}).Because(reason)))
}

// reject tells those with claims to a role that the place refuses it.
func (r *remoteRole) reject(reason error) actions.Action {
	var as actions.Tree
	for _, c := range r.claims {
		as = append(as, reject(c.text, reason))
	}
	return as
}

func reject(text string, reason error) actions.Action {
	return actions.Tree{unsettled(text, reason), actions.Send(happening{Claim: text, Sign: rejectSign, Message: reason})}
}

// unsettled tells those who want to know it why a claim is not settled.
func unsettled(text string, reason error) actions.Action {
	return actions.Send(happening{Claim: text, Sign: settledSign, Message: reason})
}

func publishPeer(c claim, text, key string, number uint64) actions.AddEndpoint {
	h := happening{Claim: text, Peer: key, Number: number}
	if peer, err := wire.RoleOf(key); err == nil {
		h.Tally = c.tally(peer)
	}
	return endpoint.Publisher(h.topic()).As(peerEnd{text, peerSign, number})
}

func publishSettled(text string) actions.AddEndpoint {
	return endpoint.Publisher(happening{Claim: text, Sign: settledSign}.topic()).As(peerEnd{text, settledSign, 0})
}
