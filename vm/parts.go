package vm

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// Parts is all data of a machine at rest: [Parts.State] makes the same machine again.
// Package image saves parts.
type Parts struct {
	Limits      Limits
	Stats       Stats
	Digests     bool        // the machine keeps a digest: see Config.Digest
	Digest      Digest      // so far
	Incarnation uint64      // of the last Start
	Generation  uint64      // of the device opened last
	Last        actions.PID // the last PID given out in the outermost machine

	// Processes are those at all depths, in the order of their paths: a virtual
	// machine comes right before what lives in it.
	Processes []ProcessParts
}

// ProcessParts is all data of a process.
type ProcessParts struct {
	Depth  uint32 // how many machines are around the one in which it lives
	PID    actions.PID
	Name   string       // for people
	Nested bool         // it is a virtual machine
	State  any          // nil for a virtual machine
	Type   reflect.Type // of the state; nil for a virtual machine
	Last   actions.PID  // the last PID given out in the virtual machine; zero for another process
	Seq    uint32       // of the endpoint created last
	Fresh  uint32       // how many fresh names it has: see actions.Fresh

	Endpoints []EndpointParts // in the order of their creation
	Devices   []DeviceParts   // in the order of their opening
	Monitors  []MonitorParts  // in the order of PIDs
	Locals    []LocalParts    // in the order of their levels and names
}

// LocalParts is a local value of a process: see [actions.Local].
type LocalParts struct {
	Type  *actions.Type
	Level uint32 // 0 for the machine of the process, 1 for one level up, and so on
	Value any
}

// EndpointParts is all data of an endpoint. It has one of three identities: a name
// (ID); a number, if it has no name (Anonymous); or, if it is the endpoint that a
// virtual machine has for a process inside, the endpoint there (Inner and InnerSeq).
type EndpointParts struct {
	Seq       uint32             // the number of its creation in the process
	Level     uint32             // 0 for a local endpoint, 1 for one that is one level up, and so on
	ID        actions.EndpointID // nil if it has no name
	Anonymous uint32             // zero if it has a name, or is of a process inside
	Inner     actions.PID        // zero if it is of the process itself
	InnerSeq  uint32             // the Seq of the endpoint of Inner
	Role      topic.Role
	Handler   *actions.Handler // nil if it ignores all events
	Passive   bool             // it does not keep its process
	Tallies   []TallyParts     // the demands that it has been told of, in no order
}

// TallyParts is a demand that an endpoint has been told of: see [actions.Demand].
type TallyParts struct {
	Conversation topic.Topic
	Peers        int // how many have it; at least 1
}

// DeviceParts is all data of an open device.
type DeviceParts struct {
	Device     world.Device
	Handler    *actions.Handler // nil if the process ignores its events
	Generation uint64           // the number of its opening
	Paused     bool
	Opening    bool // its first value has not come yet, not even in an earlier incarnation
}

// MonitorParts is all data of a monitor: see [actions.MonitorProcess].
type MonitorParts struct {
	PID     actions.PID      // of the process that is monitored, in the same machine
	Handler *actions.Handler // nil if the process ignores the event
	Binds   bool             // the other process ends with this one
}

// Path returns the path of p.Processes[i].
func (p *Parts) Path(i int) Path {
	path := Path{p.Processes[i].PID}
	for depth := p.Processes[i].Depth; depth > 0 && i > 0; {
		if i--; p.Processes[i].Depth == depth-1 {
			path = append(path, p.Processes[i].PID)
			depth--
		}
	}
	slices.Reverse(path)
	return path
}

// maxDepth is the largest depth of a process in parts.
const maxDepth = 1 << 10

// AtRest returns nil if [State.Parts] has all data of the machine. Otherwise its error
// says why not: the machine is not running, or the error names the processes that
// have actions to perform, wait for a spawn at a meta-level, or live at a depth of
// more than 1024 machines.
func (s State) AtRest() error {
	switch {
	case s.root == nil:
		return errors.New("vm: the zero State is no machine")
	case s.phase == made:
		return errors.New("vm: the machine has not started")
	case s.phase != running:
		return errors.New("vm: the machine stops, or has stopped")
	case len(s.lasts) > 0:
		return errors.New("vm: the machine is not at rest: endpoints wait for the event Last")
	}
	var faults faults
	s.root.walk(nil, 0, func(a cellAt) {
		if n := len(a.c.queue); n > 0 {
			faults.add(a.path(), a.c.name, "it is not at rest: %d actions wait in its queue", n)
		}
		if a.c.extras != nil && len(a.c.extras.waits) > 0 {
			faults.add(a.path(), a.c.name, "it waits for a process that it has spawned at a meta-level")
		}
		if a.depth > maxDepth {
			faults.add(a.path(), a.c.name, "more than %d machines are around it", maxDepth)
		}
	})
	return errors.Join(faults...)
}

// faults are errors, each of which names the process that it is about.
type faults []error

func (f *faults) add(path Path, name, format string, args ...any) {
	*f = append(*f, fmt.Errorf("vm: process %s: %w", Label(path, name), fmt.Errorf(format, args...)))
}

// A cellAt is a cell and its place in the machine.
type cellAt struct {
	c     *cell
	in    *cellAt // the machine that it is in; nil for the outermost one
	depth uint32
}

func (a cellAt) path() Path {
	path := Path{}
	for at := &a; at != nil; at = at.in {
		path = append(path, at.c.pid)
	}
	slices.Reverse(path)
	return path
}

// walk calls f for all processes of s and of the machines in it, in the order
// of their paths.
func (s *space) walk(in *cellAt, depth uint32, f func(cellAt)) {
	s.cells.all(func(_ actions.PID, c *cell) bool {
		at := cellAt{c, in, depth}
		f(at)
		if c.extras != nil && c.extras.inner != nil {
			c.extras.inner.walk(&at, depth+1, f)
		}
		return true
	})
}

// Parts returns the data of s. If the machine is not at rest, they are incomplete: see
// [State.AtRest]. For the zero State they are zero.
func (s State) Parts() Parts {
	if s.root == nil {
		return Parts{}
	}
	p := Parts{Limits: s.limits, Stats: s.stats, Digests: s.digests, Digest: s.digest, Incarnation: s.incarnation, Generation: s.generation, Last: s.root.last}
	s.root.walk(nil, 0, func(a cellAt) { p.Processes = append(p.Processes, a.c.parts(a.depth)) })
	return p
}

func (c *cell) parts(depth uint32) ProcessParts {
	p := ProcessParts{Depth: depth, PID: c.pid, Name: c.name, State: c.state, Type: c.stateType, Seq: c.seq, Fresh: c.fresh}
	var within map[metaID]uint32
	if c.extras != nil && c.extras.inner != nil {
		p.Nested, p.State, p.Type = true, nil, nil
		p.Last = c.extras.inner.last
		within = c.extras.inner.metaNumbers()
	}
	for _, e := range slices.Concat(c.endpoints, c.metas()) {
		d := EndpointParts{Seq: e.seq, Level: e.level, Role: e.role, Handler: e.handler, Passive: e.passive}
		switch id := e.id.(type) {
		case metaID:
			d.Inner, d.InnerSeq = id.pid, within[id]
		case anonymous:
			d.Anonymous = uint32(id)
		default:
			d.ID = id
		}
		if i := c.extras.tally(e); i >= 0 {
			for keys := c.extras.tallies[i].keys.Iterator(); !keys.Done(); {
				_, alike, _ := keys.Next()
				for t := range alike.all {
					d.Tallies = append(d.Tallies, TallyParts{t.conversation, t.peers})
				}
			}
		}
		p.Endpoints = append(p.Endpoints, d)
	}
	slices.SortFunc(p.Endpoints, func(a, b EndpointParts) int { return int(int64(a.Seq) - int64(b.Seq)) })
	for _, l := range c.locals() {
		p.Locals = append(p.Locals, LocalParts{l.typ, l.level, l.value})
	}
	for _, h := range c.holds() {
		p.Devices = append(p.Devices, DeviceParts{h.device, h.handler, h.address.Generation, h.paused, h.opening})
	}
	if c.extras != nil {
		for _, m := range c.extras.monitors {
			p.Monitors = append(p.Monitors, MonitorParts{m.pid, m.handler, m.binds})
		}
	}
	return p
}

// metaNumbers returns the numbers of the endpoints that the processes of s have at
// meta-levels.
func (s *space) metaNumbers() map[metaID]uint32 {
	numbers := map[metaID]uint32{}
	s.cells.all(func(pid actions.PID, c *cell) bool {
		for _, e := range c.metas() {
			numbers[metaID{pid, e.level, e.id}] = e.seq
		}
		return true
	})
	return numbers
}
