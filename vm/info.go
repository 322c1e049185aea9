package vm

import (
	"iter"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
)

// ProcessInfo describes a process, for tests, tools and people.
type ProcessInfo struct {
	Path      Path
	Name      string // "" if it has none
	State     any
	Nested    bool           // it is a virtual machine
	Queue     int            // the number of actions in its queue
	Next      actions.Action // the first of them; nil if there is none, or if it is a round of the machine inside
	Endpoints []EndpointInfo // the local ones first
	Devices   []*Address     // that it holds, in the order of their opening
	Monitors  []actions.PID  // of the processes that it monitors, in their order
}

// EndpointInfo describes an endpoint.
type EndpointInfo struct {
	ID    actions.EndpointID // nil for an anonymous endpoint
	Role  topic.Role
	Level uint32 // 0 for a local endpoint, 1 for one that is one level up, and so on
}

func (e *endpoint) info() EndpointInfo {
	info := EndpointInfo{ID: e.id, Role: e.role, Level: e.level}
	if _, ok := e.id.(anonymous); ok {
		info.ID = nil
	}
	return info
}

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
