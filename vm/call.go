package vm

import (
	"github.com/go-marketplace/marketplace/actions"
)

// A Call is a call of a transition function, about to be made.
type Call struct {
	Path  Path   // of the process
	Name  string // of the process
	What  string // "boot", "handler" or "continuation"
	State any    // of the process
	Event *actions.Event

	// Endpoint is the endpoint or nil, for a device or for what is not a
	// handler.
	Endpoint *EndpointInfo

	// Run calls the function, and returns the state and the actions that it
	// returns. It may be called more than once: the function is pure.
	Run func() (state any, as actions.Action)
}

// inspected makes a call by way of Config.Inspect.
func (m *Machine) inspected(p *proc, e *end, what string, ev *actions.Event, run func() (any, actions.Action)) (any, actions.Action) {
	c := Call{Path: p.path(), Name: p.cell.name, What: what, State: p.cell.state, Event: ev, Run: run}
	if e != nil {
		info := e.info()
		c.Endpoint = &info
	}
	return m.inspect(&c)
}

// handler calls the transition function of an endpoint, or of a device if e is
// nil.
func (m *Machine) handler(p *proc, e *end, h *actions.Handler, ev *actions.Event) (any, actions.Action) {
	if m.inspect == nil {
		return h.Run(p.cell.state, ev)
	}
	return m.inspected(p, e, "handler", ev, func() (any, actions.Action) { return h.Run(p.cell.state, ev) })
}

// continuation calls run, which continues p with pid.
func (m *Machine) continuation(p *proc, run func(any, actions.PID) (any, actions.Action), pid actions.PID) (any, actions.Action) {
	if m.inspect == nil {
		return run(p.cell.state, pid)
	}
	return m.inspected(p, nil, "continuation", nil, func() (any, actions.Action) { return run(p.cell.state, pid) })
}
