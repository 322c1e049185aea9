package vm

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/go-marketplace/marketplace/actions"
)

// A Glimpse is what a machine is doing at a moment, as seen by another goroutine. If
// two are equal, both are of the same call of a transition function, or the machine
// has done nothing between them.
type Glimpse struct {
	p                      *proc
	ev                     *actions.Event
	kind                   callKind
	events, actions, input uint64
}

// Glimpse returns what m is doing. Any goroutine may call it while m works: it
// finds transition functions that take long.
//
// The machine does not synchronize with this method: an atomic operation for each
// call would cost a tenth of its time. The method reads single words, each of which
// may be of another moment. So compare glimpses, and trust one only if it stays the
// same for a long time: then the machine wrote its words before that time.
//
//go:norace
func (m *Machine) Glimpse() Glimpse {
	g := Glimpse{p: m.running, ev: m.event, kind: m.calling}
	g.events, g.actions, g.input = m.stats.Events, m.stats.Actions, m.stats.Inputs
	return g
}

// Calling reports whether the machine is in a transition function.
func (g Glimpse) Calling() bool { return g.p != nil }

// Process returns the path and the name of the process whose transition function
// is being called.
//
//go:norace
func (g Glimpse) Process() (path Path, name string) {
	for p := g.p; p != nil; p = p.k.host {
		path = append(path, p.cell.pid)
	}
	slices.Reverse(path)
	if g.p != nil {
		name = g.p.cell.name
	}
	return path, name
}

// Event describes the event that the function handles: its kind, and the type of the
// message or value, whose content it cannot read without a race. For a function that
// is no handler it returns "boot" or "continuation".
//
//go:norace
func (g Glimpse) Event() string {
	switch ev := g.ev; {
	case g.kind != callHandler || ev == nil:
		return callKinds[g.kind]
	case ev.Kind == actions.Delivery:
		return fmt.Sprint(ev.Message.Type())
	default:
		return about(ev.Kind, reflect.TypeOf(ev.Value))
	}
}

func about(kind actions.EventKind, typ reflect.Type) string {
	if typ == nil {
		return kind.String()
	}
	return fmt.Sprintf("%v %v", kind, typ)
}
