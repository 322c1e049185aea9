package vm

import (
	"slices"

	"github.com/go-marketplace/marketplace/actions"
)

// sending is a message on its way: to the endpoints of the sender first, and
// then to all others in their order.
type sending struct {
	on      bool
	p       *proc         // who sends
	inside  *continuation // who sends further inside p, or nil
	ev      actions.Event
	targets []entry
	spans   [3]span // of targets, in the order in which they are served
	span    int
}

type span struct{ from, to int }

// send begins to send a message of p, or, if inside is given, of a process
// further inside.
func (k *kernel) send(p *proc, s *actions.SendMessage, inside *continuation) {
	m := k.m
	m.stats.Sent++
	x := k.index[s.Orientation.Opposite()]
	var targets []entry
	if x != nil {
		targets = x.Match(s.Message, &k.found)
	}
	if len(targets) == 0 {
		m.stats.Undelivered++
		if m.wants(Undelivered) {
			m.record(&Record{Kind: Undelivered, at: p, Action: s})
		}
		if m.misses != nil {
			m.misses.note(k, p, s, nil)
		}
		return
	}
	if m.misses != nil && targets[0].e.run == nil && !takes(targets) {
		m.misses.note(k, p, s, targets)
	}
	d := &k.sending
	d.ev.Message = s.Message // and Self changes for each target, but nothing else in it ever does
	d.ev.Peer.Orientation = s.Orientation
	m.event = &d.ev
	if len(targets) == 1 && !targets[0].e.route {
		d.ev.Self = targets[0].p == p
		k.receive(targets[0], &d.ev)
		return
	}
	d.on = true
	d.p, d.inside = p, inside
	d.targets = targets
	d.span = 0
	n := len(targets)
	if targets[0].p.cell.pid >= p.cell.pid || targets[n-1].p.cell.pid < p.cell.pid {
		d.spans = [3]span{{0, n}}
		return
	}
	from, _ := slices.BinarySearchFunc(targets, p.cell.pid, func(t entry, pid actions.PID) int {
		return int(int64(t.p.cell.pid) - int64(pid))
	})
	to := from
	for to < n && targets[to].p == p {
		to++
	}
	d.spans = [3]span{{from, to}, {0, from}, {to, n}}
}

// deliver goes on with the message until it has been delivered, or until there
// is something to be done in a nested machine first.
func (k *kernel) deliver() {
	d := &k.sending
	k.m.event = &d.ev
	for ; d.span < len(d.spans); d.span++ {
		s := &d.spans[d.span]
		for s.from < s.to {
			t := d.targets[s.from]
			s.from++
			d.ev.Self = t.p == d.p && (!t.e.route || t.e.id.(metaID).of(d.inside))
			if t.e.route {
				k.tell(t.p, t.e, &d.ev)
				return
			}
			k.receive(t, &d.ev)
		}
	}
	d.on = false
	d.p, d.inside = nil, nil
	d.targets = nil
}

// receive has an endpoint receive a message.
func (k *kernel) receive(t entry, ev *actions.Event) {
	m := k.m
	m.told(t.p, t.e, ev)
	if t.e.run == nil {
		return
	}
	m.stats.Events++
	m.steps++
	m.running = t.p
	var state any
	var a actions.Action
	if m.inspect == nil {
		state, a = t.e.run(t.p.cell.state, ev)
	} else {
		state, a = m.handler(t.p, t.e, t.e.handler, ev)
	}
	m.running = nil
	if t.e.changes {
		t.p.own().state = state
	}
	if a != nil {
		k.take(t.p, a)
	}
}
