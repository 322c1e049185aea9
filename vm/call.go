package vm

import (
	"github.com/go-marketplace/marketplace/actions"
)

// A Call is a call of a transition function that the machine is about to make: see
// [Config.Inspect].
type Call struct {
	Path  Path           // of the process
	Name  string         // of the process
	What  string         // "boot", "handler" or "continuation"
	State any            // of the process
	Event *actions.Event // for a handler; nil for others

	// Endpoint describes the endpoint whose handler is called. It is nil for the
	// handler of a device, and for a function that is not a handler.
	Endpoint *EndpointInfo

	// Run calls the function, and returns the state and the actions that it
	// returns. It may be called more than once: the function is pure.
	Run func() (state any, as actions.Action)
}

// A callKind says what kind of transition function is called.
type callKind uint8

const (
	callHandler  callKind = iota // of an endpoint or a device
	callBoot                     // the first transition of a process
	callSpawned                  // the continuation of a spawn, with the PID of the child
	callContinue                 // the continuation of a yield, a fresh name or a local value, whose actions are performed next
)

var callKinds = [...]string{"handler", "boot", "continuation", "continuation"}

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

// A function is a transition function with what it is told: an event for a handler,
// and a PID for others. It is not a closure, so that a call allocates nothing.
type function struct {
	handler func(any, *actions.Event) (any, actions.Action) // or nil
	ev      *actions.Event
	then    func(any, actions.PID) (any, actions.Action)
	pid     actions.PID
	local   *localUpdate // or nil
}

// A localUpdate is the update of a local value.
type localUpdate struct {
	by          actions.Updater
	value, next any
	level       int
}

func (f *function) call(state any) (any, actions.Action) {
	if f.handler != nil {
		return f.handler(state, f.ev)
	}
	if u := f.local; u != nil {
		var a actions.Action
		state, u.next, a = u.by.Update(state, u.value, u.level)
		return state, a
	}
	return f.then(state, f.pid)
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
