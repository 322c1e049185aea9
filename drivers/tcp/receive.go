package tcp

import (
	"fmt"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
)

// This file is about the flow from the peer. Bytes that have come wait in the pace
// until a user subscribes and there is credit; until then the device is paused.

// controls returns the endpoint that gets the Controls of receivers.
func (m *manager) controls() actions.AddEndpoint {
	t := topic.Where(controlFrom.Is(m.Remote), controlTo.Is(m.Local)).Topic()
	return actions.AddEndpoint{Role: topic.Role{Orientation: topic.Publisher, Topic: t}, Handler: controlEvents}
}

var controlEvents *actions.Handler

func init() {
	controlEvents = endpoint.Publisher(topic.All[Control](), endpoint.OnMessageState((*manager).control)).Handler
}

// control handles a Control.
func (m *manager) control(c Control) step {
	if fault := c.fault(); fault != "" {
		return m.fail(fmt.Errorf("%w: %s", ErrControl, fault))
	}
	n := *m
	n.confirm = m.confirm || c.Confirm
	p := m.pace
	if c.Switch {
		p.switchTo(c.Mode, c.Credit)
	} else if err := p.grant(c.Credit); err != nil {
		return m.fail(err)
	}
	return n.flow(p)
}

// subscribe starts the flow from the peer, beginning with what has come already.
func (m *manager) subscribe(Data) step {
	n := *m
	n.subscribed = true
	return n.claim().Then(func(m *manager) step { return m.flow(m.pace) })
}

// unsubscribe stops the flow from the peer, which waits.
func (m *manager) unsubscribe(Data) step {
	n := *m
	n.subscribed = false
	switch {
	case !n.wanted():
		return actions.Next(&n, actions.Quit())
	case n.gone != nil:
		return n.fail(n.gone)
	}
	return actions.Next(&n, n.regulate())
}

// received delivers what the peer has sent, or keeps it.
func (m *manager) received(r received) step {
	if m.subscribed && m.pace.free() && !m.delivering {
		return actions.Next(m, m.deliver(r.Bytes))
	}
	p := m.pace
	p.put(r.Bytes)
	return m.flow(p)
}

// peerDone handles the end of what the peer sends.
func (m *manager) peerDone(peerEnded) step {
	p := m.pace
	p.ended = true
	return m.flow(p)
}

// flow sets the pace, and delivers what it allows.
func (m *manager) flow(p pace) step {
	if m.peerEnded {
		return actions.Next(m)
	}
	n := *m
	out, failure := n.cut(&p)
	if m.running && failure == nil && p.same(&m.pace) && n.delivering == m.delivering {
		return actions.Next(m, out...)
	}
	n.pace = p
	switch {
	case failure != nil:
		return n.finish(blame(failure, m.Remote.String()), append(out, actions.When(n.running, actions.Pause(m.socket))))
	case n.subscribed && p.done() && n.gone != nil:
		return actions.Next(&n, append(out, n.endsWith(n.gone))...)
	case n.subscribed && p.done():
		return n.finish(nil, append(out, n.regulate(), actions.Send(Data{From: m.Remote, To: m.Local, EOF: true})))
	}
	out = append(out, n.regulate())
	if n.gone != nil && n.stuck() && n.waiting == nil {
		n.waiting = n.restAlarm()
		out = append(out, n.awaitRest())
	}
	return actions.Next(&n, out...)
}

// maxPieces is how many pieces a manager delivers in one turn, so that a peer that
// sends thousands of lines at once does not fill the queues of their subscribers:
// these handle some before more come.
const maxPieces = 32

// cut takes from p what the manager may deliver in this turn, and goes on in the next
// one if there is more. It changes m, which nobody else has seen yet.
func (m *manager) cut(p *pace) (out actions.Tree, failure error) {
	if !m.subscribed || m.delivering {
		return nil, nil
	}
	for {
		if len(out) == maxPieces {
			m.delivering = true
			return append(out, actions.Yield((*manager).goOn)), nil
		}
		b, err := p.cut()
		if b == nil {
			return out, err
		}
		out = append(out, m.deliver(b))
	}
}

// goOn goes on delivering in the next turn.
func (m *manager) goOn() step {
	n := *m
	n.delivering = false
	return n.flow(m.pace)
}

// vanish handles a connection that has failed. The manager still delivers what has
// come before, and then ends the connection with the reason.
func (m *manager) vanish(reason error) step {
	n := *m
	if n.gone == nil {
		n.gone = blame(reason, m.Remote.String())
	}
	if !n.subscribed || n.peerEnded || n.closed && n.pace.empty() {
		return n.fail(n.gone)
	}
	p := n.pace
	p.ended = p.ended || n.closed
	return n.flow(p)
}

// stuck reports whether the manager cannot deliver what has come, because there is no
// credit left. When the connection has failed, receivers may never grant any: some
// wait for a write to finish first. So if the flow is still stuck when the machine is
// at rest, the manager drops what is left.
func (m *manager) stuck() bool { return m.pace.spent() && !m.delivering }

func (m *manager) deliver(b []byte) actions.Action {
	return actions.Send(Data{From: m.Remote, To: m.Local, Bytes: b})
}

// regulate runs the device while its bytes can be delivered, and else pauses it. It
// changes m, which nobody else has seen yet.
func (m *manager) regulate() actions.Action {
	run := m.subscribed && !m.pace.spent() && !m.delivering
	switch {
	case run == m.running || m.closed:
		return nil
	case run:
		m.running = true
		return actions.Resume(m.socket)
	}
	m.running = false
	return actions.Pause(m.socket)
}

// finish ends the flow from the peer, after the actions in out.
func (m manager) finish(reason error, out actions.Action) step {
	m.subscribed, m.peerEnded, m.pace, m.delivering = false, true, pace{}, false
	t := actions.Next(&m, out, actions.Delete(inEnd).Because(reason), actions.When(m.ended, actions.Quit()))
	if m.ended || m.published {
		return t
	}
	// No user publishes, but one may begin to when it hears of the end. Wait until
	// the machine is at rest.
	m.waiting = m.restAlarm()
	return t.And(m.awaitRest())
}
