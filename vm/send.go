package vm

import (
	"fmt"
	"slices"

	"github.com/go-marketplace/marketplace/actions"
)

// send begins to deliver a message of p or, if inside is not nil, of a process
// further inside.
func (k *kernel) send(p *proc, s *actions.SendMessage, inside *continuation) {
	m := k.m
	if m.limits.Strict && inside == nil && !k.advertises(p.cell.endpoints, s) {
		k.failToAdvertise(p, s)
		return
	}
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
	d.ev.Message = s.Message // Self changes for each target, and the rest stays zero
	d.ev.Peer.Orientation = s.Orientation
	m.calling, m.event = callHandler, &d.ev
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

// advertises reports whether one of endpoints says that its process sends s.
func (k *kernel) advertises(endpoints []*endpoint, s *actions.SendMessage) bool {
	return slices.ContainsFunc(endpoints, func(e *endpoint) bool {
		return !e.route && e.role.Orientation == s.Orientation && e.role.Topic.Matches(s.Message)
	})
}

// failToAdvertise ends p, because none of its endpoints says that it sends s.
func (k *kernel) failToAdvertise(p *proc, s *actions.SendMessage) {
	k.fail(p, fmt.Errorf("%w: process %s is no %v of a topic that matches the %v", ErrNotAdvertised, p.label(), s.Orientation, s.Message.Type()))
}

// deliver goes on with the message until all targets have it, or until a nested
// machine has to work first.
func (k *kernel) deliver() {
	d := &k.sending
	k.m.calling, k.m.event = callHandler, &d.ev
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

// receive delivers a message to a local endpoint. It makes the call itself, as
// transit does, because this is what a machine does most: the caller has noted the
// event, which is the same for all receivers.
func (k *kernel) receive(t entry, ev *actions.Event) {
	m := k.m
	m.told(t.p, t.e, ev)
	if t.e.run == nil {
		return
	}
	m.stats.Events++
	m.steps++
	if t.e.local {
		k.handleLocal(t.p, t.e, t.e.handler, ev)
		return
	}
	if m.inspect != nil {
		k.take(t.p, m.transit(t.p, callHandler, t.e, function{handler: t.e.run, ev: ev}, t.e.changes))
		return
	}
	m.running = t.p
	state, a := t.e.run(t.p.cell.state, ev)
	m.running = nil
	if t.e.changes {
		t.p.own().state = state
	}
	if a != nil {
		k.take(t.p, a)
	}
}
