package udp

import (
	"net/netip"

	"github.com/benbjohnson/immutable"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/world"
)

// A ground ends a device whose queue of commands is full. So that a process that sends
// too much does not cost the others their socket, a manager tells the device no more
// than a window at a time, and keeps the rest. After every reportEvery bytes, a send
// asks for a report, which makes room for more.

const (
	window      = 192 << 10 // of flying bytes; less than the bytes at which a ground stops reading from a device
	reportEvery = 32 << 10
	leastSize   = 64 // for which a send counts at least
)

func (s send) weight() int { return max(len(s.Body), leastSize) }

// tell sends a datagram now or later, or reports it as undelivered.
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

// tellNow tells the socket to send a datagram. It changes m, which nobody else has seen
// yet.
func (m *manager) tellNow(s send) actions.Action {
	m.flying += s.weight()
	m.unreported += s.weight()
	if m.unreported >= reportEvery {
		s.Reported, m.unreported = m.unreported, 0
	}
	return actions.Tell(m.socket, s)
}

// sent handles the report of a send, which also stands for those before it. It makes no
// difference whether they have failed.
func (m *manager) sent(command any) step {
	s, ok := command.(send)
	if !ok || s.Reported == 0 {
		return actions.Next(m)
	}
	n := *m
	n.flying -= s.Reported
	return n.proceed()
}

// proceed tells the socket to send from the queue, as much as the window allows.
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
