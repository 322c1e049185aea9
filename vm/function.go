package vm

import "github.com/go-marketplace/marketplace/actions"

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

// A function is a transition function with what it is told: an event for a handler,
// and a PID for others. It is not a closure, so that a call allocates nothing.
type function struct {
	handler func(any, *actions.Event) (any, actions.Action) // or nil
	ev      *actions.Event
	then    func(any, actions.PID) (any, actions.Action)
	pid     actions.PID
	local   *localUpdate // or nil
}

func (f *function) call(state any) (any, actions.Action) {
	var a actions.Action
	switch u := f.local; {
	case u == nil && f.handler != nil:
		return f.handler(state, f.ev)
	case u == nil:
		return f.then(state, f.pid)
	case f.handler != nil:
		u.next, a = f.handler(u.value, f.ev)
	default:
		state, u.next, a = u.by.Update(state, u.value, u.level)
	}
	return state, a
}

// A localUpdate is the update of a local value.
type localUpdate struct {
	by          actions.Updater // nil if it is a handler
	value, next any
	level       int
}
