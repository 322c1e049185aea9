package vm

import (
	"iter"
	"reflect"

	"github.com/go-marketplace/marketplace/actions"
)

// Unmet yields the local endpoints, with their processes, that are most likely
// waiting for a process that is missing: for the type of their messages, the machine
// has no endpoint of the other orientation, and no message has reached an endpoint of
// their orientation.
func (m *Machine) Unmet() iter.Seq2[ProcessInfo, EndpointInfo] {
	return func(yield func(ProcessInfo, EndpointInfo) bool) { m.root.unmet(yield) }
}

func (k *kernel) unmet(yield func(ProcessInfo, EndpointInfo) bool) bool {
	more := true
	k.procs.all(func(_ actions.PID, p *proc) bool {
		for _, e := range p.cell.endpoints {
			if typ := e.role.Topic.MessageType(); typ != nil && !e.route && !k.meets(e, typ) {
				if more = yield(p.info(), e.info()); !more {
					return false
				}
			}
		}
		more = p.inner == nil || p.inner.unmet(yield)
		return more
	})
	return more
}

// meets reports whether k has an endpoint of the other orientation than e for
// messages of a type, or a message of the type has reached one of the orientation of
// e.
func (k *kernel) meets(e *endpoint, typ reflect.Type) bool {
	o := e.role.Orientation
	return k.index[o].Matched(typ) || k.index[o.Opposite()] != nil && len(k.index[o.Opposite()].OfType(typ)) > 0
}
