package vm

import (
	"github.com/go-marketplace/marketplace/actions"
)

// A machine works in rounds. In a round, each process with actions in its queue has
// a turn, in the order of PIDs. In its turn it performs the actions that are in its
// queue by then. Actions that come later wait for the next round, and so do those
// of new processes.
//
// Within a round, work finishes what has begun before it begins anything else. Each
// rule below is a case in work, and the first that applies goes first.
//
//	Rule 0: A nested machine that got an event works until it is done.
//	Rule 1: A pending handler or continuation is called.
//	Rule 2: A message goes to its next receivers.
//	Rule 3: The news of an endpoint goes to the next peer.
//	Rule 4: A process that has ended loses its next endpoint.
//	Rule 5: A process is told that one that it monitors has gone.
//	Rule 6: A process ends that was bound to one that has ended.
//	Rule 7: A process that is being spawned takes its next step.
//	Rule 8: The acting process performs its next action.
//	Rule 9: The acting process has no action left: its turn ends.
//	Rule 10: The next process of the round has its turn, or the round ends.
//	Rule 11: A round that is due begins.
//
// For example, process 2 sends a message that processes 3 and 4 receive. Process 3
// returns a message of its own, and process 4 quits:
//
//	Rule 8: 2 performs its action. There are two receivers.
//	Rule 2: 3 is told. Its action goes to its queue. 4 is told, and its action, too.
//	Rule 9: The turn of 2 ends.
//	Rule 10: 3 has its turn in this round, because 3 > 2.
//	Rule 8: 3 sends. Nobody receives the message.
//	Rule 9, Rule 10: 4 has its turn.
//	Rule 8: 4 ends.
//	Rule 4, Rule 3: The endpoints of 4 go, one after another, and their peers are told.
//
// Rules 0 to 7 keep their place in fields of the kernel. A transition function that
// panics or ends the goroutine leaves work where it is, and the next call goes on.

// work does what there is to do, until nothing is left but, perhaps, another round.
func (k *kernel) work() {
	for {
		switch {
		case k.inside != nil:
			inner := k.inside
			inner.work()
			k.inside = nil
			k.collectOutput(inner)
		case k.call.on():
			k.makeCall()
		case k.resuming.p != nil:
			k.resume()
		case k.sending.on:
			k.deliver()
		case k.notice.on():
			k.notify()
		case k.leaving.on():
			k.leave()
		case len(k.downs) > 0:
			k.tellDown()
		case len(k.orphans) > 0:
			k.endOrphan()
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
		case k.roundDue:
			k.roundDue = false
			k.beginRound()
		default:
			return
		}
	}
}

// idle reports whether no process of k has anything left to do.
func (k *kernel) idle() bool { return k.runnable == 0 }

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
		k.runnable--
		c := p.own()
		k.m.backlog -= len(c.queue)
		k.acting = p
		k.batch, k.at, k.continued = c.queue, 0, 0
		c.queue = nil
		return
	}
	k.endRound()
}

func (k *kernel) endTurn() {
	k.m.putSpare(k.batch)
	k.batch, k.at = nil, 0
	if !k.acting.dead {
		k.noteCandidate(k.acting)
	}
	k.acting = nil
}

// noteCandidate makes p a candidate for collection at the end of the round.
func (k *kernel) noteCandidate(p *proc) {
	if c := p.cell; len(c.queue) == 0 && (len(c.endpoints) == 0 || p.locals) {
		k.candidates = append(k.candidates, p)
	}
}

// endRound collects the candidates to which nothing can happen any more. If others
// monitor these, the round ends after they have been told, because nothing can
// happen then to some of them, either.
func (k *kernel) endRound() {
	for i, p := range k.candidates {
		k.candidates[i] = nil
		if !p.dead && p.cell.isIdle() {
			k.enqueue(p, item{action: actions.Quit()})
			continue
		}
		if p.dead || !p.cell.holdsNothing() || p.inner != nil && p.inner.devices > 0 {
			continue
		}
		k.m.stats.Collected++
		k.m.record(&Record{Kind: Collected, at: p})
		k.discard(p)
		k.noteDown(p, nil)
	}
	k.candidates = k.candidates[:0]
	if len(k.downs) > 0 {
		k.orderDowns()
		return
	}
	k.inRound = false
	if k.host == nil {
		k.m.stats.Rounds++
	}
}

// discard removes p from the machine.
func (k *kernel) discard(p *proc) {
	p.dead = true
	if p.scheduled {
		p.scheduled = false
		k.runnable--
	}
	k.m.stats.Dropped += uint64(len(p.cell.queue))
	k.m.backlog -= p.queued()
	k.ownSpace().cells.remove(k.m.owner, p.cell.pid)
	k.procs.remove(k.m.owner, p.cell.pid)
}

// queued returns how many actions are in the queues of p and of the processes
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

// collectOutput gives the process of a nested machine the actions that result from
// the work of the machine: another round, if there is more to do, and the actions
// at meta-levels.
func (k *kernel) collectOutput(inner *kernel) {
	host := inner.host
	if !host.dead {
		if !inner.idle() {
			k.enqueue(host, item{op: innerRound})
		}
		for _, it := range inner.out {
			k.enqueue(host, it)
		}
		// Perhaps nothing keeps the machine inside any more.
		k.noteCandidate(host)
	}
	clear(inner.out)
	inner.out = inner.out[:0]
}

// A pendingCall is a handler that is to be called with an event, and then perhaps
// with First, because of what the event does to the demand.
type pendingCall struct {
	p       *proc
	e       *endpoint // nil for a device
	handler *actions.Handler
	ev      *actions.Event
	called  bool
	first   actions.Event // comes after ev
}

func (c *pendingCall) on() bool { return c.p != nil }

// set asks for a call. It leaves alone what is of no use any more: to clear it
// would cost more than all the rest.
func (c *pendingCall) set(p *proc, e *endpoint, handler *actions.Handler, ev *actions.Event) {
	c.p, c.e, c.handler, c.ev, c.called = p, e, handler, ev, false
}

// A pendingResume is a process that is to go on, because a process is there that it
// has spawned at a meta-level.
type pendingResume struct {
	p     *proc
	then  *actions.Resumption
	child actions.PID
}

// tell delivers an event to endpoint e of p. The event must not change before the
// handler has been called.
func (k *kernel) tell(p *proc, e *endpoint, ev *actions.Event) {
	switch {
	case p.dead:
	case e.route:
		if p.inner.inject(e.id.(metaID), ev) {
			k.inside = p.inner
		}
	case e.handler != nil:
		k.call.set(p, e, e.handler, ev)
	default:
		k.m.told(p, e, ev)
	}
}

// inject delivers an event to an endpoint at a meta-level of one of the processes
// of k, if it still exists, and makes a round due in any case. It reports false if
// there is nothing to do for either.
func (k *kernel) inject(id metaID, ev *actions.Event) bool {
	p := k.procs.get(id.pid)
	var e *endpoint
	if p != nil {
		e = p.meta(id.level, id.id)
	}
	quiet := k.runnable == 0 && len(k.candidates) == 0
	if quiet && (e == nil || !e.route && !e.wants(ev.Kind)) {
		if e != nil {
			k.m.told(p, e, ev)
		}
		return false
	}
	k.roundDue = true
	if e != nil {
		k.tell(p, e, ev)
	}
	return true
}

// wants reports whether the handler of e does anything with events of a kind.
func (e *endpoint) wants(kind actions.EventKind) bool {
	return e.handler != nil && (e.handler.Events.Has(kind) || e.handler.Demand != nil)
}

// makeCall makes the pending call.
func (k *kernel) makeCall() {
	c := &k.call
	p := c.p
	if c.called {
		c.p = nil
		k.handle(p, c.e, c.handler, &c.first)
		return
	}
	c.called = true
	if c.e == nil || c.handler.Demand == nil || !k.count(c) {
		c.p = nil
	}
	k.handle(p, c.e, c.handler, c.ev)
}

// handle tells a handler of p, which is that of e or of a device, of an event.
func (k *kernel) handle(p *proc, e *endpoint, h *actions.Handler, ev *actions.Event) {
	m := k.m
	m.told(p, e, ev)
	if !h.Events.Has(ev.Kind) {
		return
	}
	m.stats.Events++
	m.steps++
	if a := m.transit(p, callHandler, e, function{handler: h.Run, ev: ev}, h.State != nil); a != nil {
		k.take(p, a)
	}
}

// resume makes the process go on that waits for the PID of a child.
func (k *kernel) resume() {
	r := k.resuming
	k.resuming = pendingResume{}
	k.m.resumed(r.p)
	k.m.stats.Events++
	k.m.steps++
	k.continueWith(r.p, r.then, r.child)
}

// continueWith calls the continuation of a spawn.
func (k *kernel) continueWith(p *proc, then *actions.Resumption, child actions.PID) {
	k.take(p, k.m.transit(p, callSpawned, nil, function{then: then.Run, pid: child}, true))
}
