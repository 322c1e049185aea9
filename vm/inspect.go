package vm

import (
	"iter"
	"reflect"

	"github.com/go-marketplace/marketplace/actions"
)

// This file shows tests, tools and people what is in a machine.

// Processes yields all processes at every depth, in the order of their paths:
// a virtual machine comes before what lives in it.
func (m *Machine) Processes() iter.Seq[ProcessInfo] {
	return func(yield func(ProcessInfo) bool) { m.root.processes(yield) }
}

// Process returns the process at a path. It reports false if there is none.
func (m *Machine) Process(path Path) (info ProcessInfo, ok bool) {
	if p := m.find(path); p != nil {
		return p.info(), true
	}
	return info, false
}

// find returns the process at path, or nil.
func (m *Machine) find(path Path) *proc {
	k := m.root
	for i, pid := range path {
		p := k.procs.get(pid)
		if p == nil || i == len(path)-1 {
			return p
		}
		if k = p.inner; k == nil {
			return nil
		}
	}
	return nil
}

// Held returns the address of the open device with a generation, or nil.
func (m *Machine) Held(generation uint64) *Address {
	if at, ok := m.held[generation]; ok {
		return at.h.address
	}
	return nil
}

func (k *kernel) processes(yield func(ProcessInfo) bool) bool {
	more := true
	k.procs.all(func(_ actions.PID, p *proc) bool {
		more = yield(p.info()) && (p.inner == nil || p.inner.processes(yield))
		return more
	})
	return more
}

func (p *proc) info() ProcessInfo {
	c := p.cell
	info := ProcessInfo{Path: p.path(), Name: c.name, State: c.state, Nested: p.inner != nil, Queue: len(c.queue)}
	if len(c.queue) > 0 {
		info.Next = c.queue[0].action
	}
	for _, e := range c.endpoints {
		if !e.route {
			info.Endpoints = append(info.Endpoints, e.info())
		}
	}
	for _, e := range c.metas() {
		if !e.route {
			info.Endpoints = append(info.Endpoints, e.info())
		}
	}
	for _, h := range c.holds() {
		info.Devices = append(info.Devices, h.address)
	}
	if c.extras != nil {
		for _, w := range c.extras.monitors {
			info.Monitors = append(info.Monitors, w.pid)
		}
	}
	return info
}

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
