package vm

import "github.com/go-marketplace/marketplace/actions"

// This file tells events to endpoints, to the holders of devices, and to those that
// wait for a process spawned at a meta-level. Messages have a path of their own, for
// speed: see send.go.

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

// wake delivers an event to handler h of p, which may live at any depth, and makes a
// round due in its machine and in each machine around it.
func (m *Machine) wake(p *proc, e *endpoint, h *actions.Handler, ev *actions.Event) {
	k := p.k
	if h != nil {
		k.call.set(p, e, h, ev)
	}
	k.roundDue = true
	for k.host != nil {
		outer := k.host.k
		outer.inside = k
		outer.roundDue = true
		k = outer
	}
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
	if h.Local != nil {
		k.handleLocal(p, e, h, ev)
		return
	}
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
