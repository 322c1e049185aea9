package vm

import (
	"runtime/debug"

	"github.com/go-marketplace/marketplace/actions"
)

// transit calls a transition function of p, gives p the state that it returns if
// the function can change it, and returns its actions. All calls are made here,
// except for the hot path of messages: see receive.
//
// The function may panic, or end the goroutine. So the machine notes what it
// calls: Machine.crash continues from these notes.
func (m *Machine) transit(p *proc, kind callKind, e *endpoint, f function, changes bool) actions.Action {
	m.running, m.calling, m.event = p, kind, f.ev
	var state any
	var a actions.Action
	if m.inspect == nil {
		state, a = f.call(p.cell.state)
	} else {
		state, a = m.inspected(p, e, kind, f)
	}
	m.running = nil
	if changes {
		p.own().state = state
	}
	return a
}

// inspected lets Config.Inspect make a call.
func (m *Machine) inspected(p *proc, e *endpoint, kind callKind, f function) (any, actions.Action) {
	c := Call{Path: p.path(), Name: p.cell.name, What: callKinds[kind], State: p.cell.state, Event: f.ev}
	c.Run = func() (any, actions.Action) { return f.call(p.cell.state) }
	if e != nil {
		info := e.info()
		c.Endpoint = &info
	}
	return m.inspect(&c)
}

// crash makes the process fail whose transition function has panicked with r, or
// has called Goexit if r is nil: as if the function had not changed the state and
// had returned actions.Fail.
func (m *Machine) crash(r any) {
	p := m.running
	if p == nil {
		if r != nil {
			panic(r) // not of a transition function: a mistake in this package, or in a watcher
		}
		return
	}
	var ev *actions.Event
	if m.calling == callHandler {
		ev = m.event
	}
	m.running = nil
	p.crashed = true
	m.stats.Crashed++
	if m.calling == callBoot {
		m.stats.SpawnFailed++
	}
	var reason error = ErrGoexit
	if r != nil {
		reason = &PanicError{Value: r, Stack: debug.Stack()}
	}
	m.record(&Record{Kind: Crashed, at: p, Event: ev, Reason: reason})
	if m.calling == callContinue {
		p.k.prepend(actions.Fail(reason))
		return
	}
	p.k.enqueue(p, item{action: actions.Fail(reason)})
}
