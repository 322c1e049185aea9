package udp

import (
	"net/netip"

	"github.com/benbjohnson/immutable"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/world"
)

// A device that is told more than it can carry out comes to its end. So that one
// who sends too much does not take the socket from the others, a manager tells
// it no more than a window at a time, and keeps the rest. From time to time a
// send asks to be reported, which makes room for more.

const (
	window      = 192 << 10 // that may fly; less than from which on a ground does not read from a device
	reportEvery = 32 << 10
	leastSize   = 64 // of a send, however little it sends
)

func (s send) weight() int { return max(len(s.Body), leastSize) }

// tell has the socket send something, sooner or later.
func (m *manager) tell(to Addr, ip netip.Addr, body []byte) step {
	s := send{Destination: to, To: netip.AddrPortFrom(ip, to.Port()), Body: body}
	switch {
	case m.queue == nil && m.flying < window:
		n := *m
		return actions.Next(&n, n.tellNow(s))
	case m.queued+s.weight() > m.settings.queue:
		return m.undelivered(to, world.ErrSlowConsumer)
	}
	return actions.Next(m.with(func(d *desk) {
		if d.queue == nil {
			d.queue = immutable.NewList[send]()
		}
		d.queue = d.queue.Append(s)
		d.queued += s.weight()
	}))
}

// tellNow changes m, which nobody else has seen yet.
func (m *manager) tellNow(s send) actions.Action {
	m.flying += s.weight()
	m.unreported += s.weight()
	if m.unreported >= reportEvery {
		s.Reported, m.unreported = m.unreported, 0
	}
	return actions.Tell(m.socket, s)
}

// sent is told that something has been sent, or could not be, and what has been
// told before it.
func (m *manager) sent(command any) step {
	s, ok := command.(send)
	if !ok || s.Reported == 0 {
		return actions.Next(m)
	}
	n := *m
	n.flying -= s.Reported
	return n.proceed()
}

// proceed tells the socket what it has not been told, as far as that may fly.
func (m *manager) proceed() step {
	if m.queue == nil {
		return actions.Next(m)
	}
	var told actions.Tree
	n := m.with(func(*desk) {})
	d := n.desk
	for len(told) < d.queue.Len() && n.flying < window {
		s := d.queue.Get(len(told))
		d.queued -= s.weight()
		told = append(told, n.tellNow(s))
	}
	if len(told) == d.queue.Len() {
		d.queue = nil
	} else {
		d.queue = d.queue.Slice(len(told), d.queue.Len())
	}
	return actions.Next(n, told, n.quitUnneeded())
}
