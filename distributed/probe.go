package distributed

import (
	"fmt"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed/internal/wire"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
)

// This file says to a client that its letters go to nobody. For letters in a row to one name, a
// mirror opens an endpoint that sees the mailboxes with that name, forwards the letters, and
// closes the endpoint. News come before the next action, so the mirror then knows whether there
// was a mailbox. All of this is one turn: no saved state has a part of it.

// A probe is what a mirror forwards in a row to one mailbox.
type probe struct {
	to      string
	letters int // 0 if there is no probe
}

// probeEnd is the name of the endpoint of a probe.
type probeEnd struct{}

// letter forwards a letter.
func (r *asking) letter(to string, m topic.Message) {
	if r.probe.letters == 0 || r.probe.to != to {
		r.conclude()
		r.probe.to = to
		r.actions = append(r.actions, endpoint.ObserveSubscribers(topic.Where(letterTo.Is(to)),
			endpoint.OnPresenceState(func(m *mirror, _ Letter) mirrorStep {
				n := *m
				n.mailbox = true
				return actions.Next(&n)
			})).As(probeEnd{}))
	}
	r.probe.letters++
	r.actions = append(r.actions, actions.Forward(m, topic.Publisher))
}

// conclude ends the probe, if there is one.
func (r *asking) conclude() {
	p := r.probe
	if p.letters == 0 {
		return
	}
	r.probe = probe{}
	r.actions = append(r.actions, actions.Delete(probeEnd{}), actions.Fresh(func(m *mirror, _ actions.EndpointID) mirrorStep {
		return m.concluded(p) // at once, with the state by then
	}))
}

// concluded tells the client that letters went to nobody, if that is so.
func (m *mirror) concluded(p probe) mirrorStep {
	if m.mailbox {
		n := *m
		n.mailbox = false
		return actions.Next(&n)
	}
	reason := noMailbox(p.to, m.place)
	if p.letters > 1 {
		reason = fmt.Errorf("%w (%d letters)", reason, p.letters)
	}
	return m.write(func(w *wire.Writer) error { return w.Reject(0, reason) }).And(actions.Tell(m.device(), acceptedWarn{"a client is refused", reason}))
}

func noMailbox(name string, at Place) error {
	return fmt.Errorf("%w: %.64q at the place %v", ErrNoMailbox, name, at)
}
