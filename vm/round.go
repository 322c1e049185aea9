package vm

import (
	"github.com/go-marketplace/marketplace/actions"
)

// A machine works in rounds. In a round each process that has actions in its
// queue has a turn, in the order of their PIDs. In its turn all that is in its
// queue by then is performed; what comes into the queue meanwhile is for the
// next round, and so is what newly spawned processes want. A process whose
// turn is still to come performs in this round what others have made it want.

// work goes on until k has nothing to do but, perhaps, another round.
func (k *kernel) work() {
	for {
		switch {
		case k.inside != nil:
			inner := k.inside
			inner.work()
			k.inside = nil
			k.absorb(inner)
		case k.hearing.on():
			k.hear()
		case k.sending.on:
			k.deliver()
		case k.notice.on():
			k.notify()
		case k.leaving.on():
			k.leave()
		case k.spawning.stage != notSpawning:
			k.spawn()
		case k.at < len(k.batch):
			it := k.batch[k.at]
			k.batch[k.at] = item{}
			k.at++
			k.perform(it)
		case k.acting != nil:
			k.endTurn()
		case k.inRound:
			k.beginTurn()
		case k.due:
			k.due = false
			k.beginRound()
		default:
			return
		}
	}
}

// idle reports whether no process of k has anything left to do.
func (k *kernel) idle() bool { return k.waiting == 0 }

func (k *kernel) beginRound() {
	k.inRound = true
	k.horizon = k.space.last
	k.ready.reset()
	k.ready, k.next = k.next, k.ready
	k.ready.order()
}

func (k *kernel) beginTurn() {
	for !k.ready.empty() {
		p := k.ready.pop()
		if p.dead {
			continue
		}
		p.scheduled = false
		k.waiting--
		c := p.own()
		k.m.backlog -= len(c.queue)
		k.acting = p
		k.batch, k.at, k.freshes = c.queue, 0, 0
		c.queue = nil
		return
	}
	k.endRound()
}

func (k *kernel) endTurn() {
	k.m.putSpare(k.batch)
	k.batch, k.at = nil, 0
	if !k.acting.dead {
		k.suspect(k.acting)
	}
	k.acting = nil
}

// suspect has p looked at when the round is over.
func (k *kernel) suspect(p *proc) {
	if c := p.cell; len(c.queue) == 0 && len(c.ends) == 0 {
		k.suspects = append(k.suspects, p)
	}
}

// endRound takes the processes away to which nothing can happen any more.
func (k *kernel) endRound() {
	k.inRound = false
	if k.host == nil {
		k.m.stats.Rounds++
	}
	for i, p := range k.suspects {
		k.suspects[i] = nil
		if p.dead || !p.cell.holdsNothing() || p.inner != nil && p.inner.devices > 0 {
			continue
		}
		k.m.stats.Collected++
		k.m.record(&Record{Kind: Collected, at: p})
		k.discard(p)
	}
	k.suspects = k.suspects[:0]
}

// discard takes p out of the machine.
func (k *kernel) discard(p *proc) {
	p.dead = true
	if p.scheduled {
		p.scheduled = false
		k.waiting--
	}
	k.m.stats.Dropped += uint64(len(p.cell.queue))
	k.m.backlog -= p.queued()
	k.ownSpace().cells.remove(k.m.owner, p.cell.pid)
	k.procs.remove(k.m.owner, p.cell.pid)
}

// queued returns how many actions wait in the queues of p and of the processes
// inside it.
func (p *proc) queued() int {
	n := len(p.cell.queue)
	if p.inner != nil {
		p.inner.procs.all(func(_ actions.PID, q *proc) bool {
			n += q.queued()
			return true
		})
	}
	return n
}

// absorb turns what a nested machine has done in a round into actions of its
// process: another round, if it wants one, and what it wants done outside.
func (k *kernel) absorb(inner *kernel) {
	host := inner.host
	if !host.dead {
		if !inner.idle() {
			k.enqueue(host, item{op: innerRound})
		}
		for _, it := range inner.out {
			k.enqueue(host, it)
		}
		// The machine inside may have nothing left that keeps it.
		k.suspect(host)
	}
	clear(inner.out)
	inner.out = inner.out[:0]
}

// hearing is a transition function that is to be called: of an endpoint, with
// an event, and then perhaps again, because of what the event does to the
// demand.
type hearing struct {
	p       *proc
	e       *end // nil for a device
	handler *actions.Handler
	ev      *actions.Event
	told    bool
	first   actions.Event // told after ev
}

func (h *hearing) on() bool { return h.p != nil }

// set has a transition function called. It leaves alone what is not looked at
// any more: to clear it would cost more than all the rest.
func (h *hearing) set(p *proc, e *end, handler *actions.Handler, ev *actions.Event) {
	h.p, h.e, h.handler, h.ev, h.told = p, e, handler, ev, false
}

// tell tells endpoint e of p of an event. The event must stay as it is until
// it has been heard.
func (k *kernel) tell(p *proc, e *end, ev *actions.Event) {
	switch {
	case p.dead:
	case e.route:
		if p.inner.inject(e.id.(metaID), ev) {
			k.inside = p.inner
		}
	case e.handler != nil:
		k.hearing.set(p, e, e.handler, ev)
	default:
		k.m.told(p, e, ev)
	}
}

// inject has an event told to an endpoint at a meta-level of one of the
// processes of k, if it is still there, and a round run in any case. It reports
// false if all this would come to nothing.
func (k *kernel) inject(id metaID, ev *actions.Event) bool {
	p := k.procs.get(id.pid)
	var e *end
	if p != nil {
		e = p.meta(id.level, id.id)
	}
	quiet := k.waiting == 0 && len(k.suspects) == 0
	if quiet && (e == nil || !e.route && !e.wants(ev.Kind)) {
		if e != nil {
			k.m.told(p, e, ev)
		}
		return false
	}
	k.due = true
	if e != nil {
		k.tell(p, e, ev)
	}
	return true
}

// wants reports whether anything is to be done when e is told of an event of
// the given kind.
func (e *end) wants(kind actions.EventKind) bool {
	return e.handler != nil && (e.handler.Kinds.Has(kind) || e.handler.Demand != nil)
}

// hear calls the transition function that is to be called.
func (k *kernel) hear() {
	h := &k.hearing
	switch {
	case !h.told:
		h.told = true
		if h.e != nil && h.handler.Demand != nil && k.count(h) {
			k.call(h.p, h.e, h.handler, h.ev)
			return
		}
		p := h.p
		h.p = nil
		k.call(p, h.e, h.handler, h.ev)
	default:
		p := h.p
		h.p = nil
		k.call(p, h.e, h.handler, &h.first)
	}
}

// call is the one place where the transition function of an endpoint or a
// device is called.
func (k *kernel) call(p *proc, e *end, h *actions.Handler, ev *actions.Event) {
	m := k.m
	if !h.Kinds.Has(ev.Kind) {
		m.told(p, e, ev)
		return
	}
	m.stats.Events++
	m.steps++
	m.told(p, e, ev)
	m.running, m.event = p, ev
	state, a := m.handler(p, e, h, ev)
	m.running = nil
	if h.State != nil {
		p.own().state = state
	}
	if a != nil {
		k.take(p, a)
	}
}
