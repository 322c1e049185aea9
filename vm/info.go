package vm

import (
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
