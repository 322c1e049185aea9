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

// Parts is a machine at rest, taken apart into what it consists of: enough to make
// the same machine again. Package image writes parts down.
type Parts struct {
	Limits      Limits
	Stats       Stats
	Digests     bool        // there is a digest, see Config.Digest
	Digest      Digest      // of what has happened so far
	Incarnation uint64      // of the last Start
	Generation  uint64      // of the device opened last
	Last        actions.PID // given out last in the outermost machine

	// Processes are those at all depths, in the order of their paths: a virtual
	// machine comes right before what lives in it.
	Processes []ProcessParts
}

// ProcessParts is what a process consists of.
type ProcessParts struct {
	Depth  uint32 // how many machines are around the one in which it lives
	PID    actions.PID
	Name   string       // for people
	Nested bool         // it is a virtual machine
	State  any          // nil for a virtual machine
	Type   reflect.Type // of the state; nil for a virtual machine
	Last   actions.PID  // given out last by the virtual machine inside; zero for others
	Seq    uint32       // of the endpoint created last
	Fresh  uint32       // the last fresh name given out

	Endpoints []EndpointParts // in the order of their creation
	Devices   []DeviceParts   // in the order of their opening
}

// EndpointParts is what an endpoint consists of. It has a name, or else a number,
// or else it is one that a virtual machine has for a process inside.
type EndpointParts struct {
	Seq       uint32             // in the order of creation, within the process
	Level     uint32             // at which it is: 0 where the process lives
	ID        actions.EndpointID // its name
	Anonymous uint32             // the number by which it goes if it has no name; zero if it has one
	Inner     actions.PID        // the process inside whose endpoint it is; zero if it is of the process itself
	InnerSeq  uint32             // and the Seq of the endpoint there
	Role      topic.Role
	Handler   *actions.Handler // nil if there is nothing to do
	Tallies   []TallyParts     // the demand that it has been told of; in no order
}

// TallyParts is a demand that an endpoint has been told of, see [actions.Demand].
type TallyParts struct {
	Conversation topic.Topic
	Peers        int // more than none
}

// DeviceParts is what an open device consists of.
type DeviceParts struct {
	Device     world.Device
	Handler    *actions.Handler // nil if there is nothing to do
	Generation uint64           // the number of its opening
	Paused     bool
	Opening    bool // its opening value has not come yet, not even in an earlier incarnation
}

// Path returns the path of process i.
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

// maxDepth is how many machines may be around a machine that is made of parts.
const maxDepth = 1 << 10

// AtRest reports why the machine is not at rest, or does not run. It returns nil
// if all that the machine is, is in its [Parts].
func (s State) AtRest() error {
	switch {
	case s.root == nil:
		return errors.New("vm: the zero State is no machine")
	case s.phase == made:
		return errors.New("vm: the machine has not started")
	case s.phase != running:
		return errors.New("vm: the machine stops, or has stopped")
	case len(s.lasts) > 0:
		return errors.New("vm: the machine is not at rest: it has yet to tell endpoints of their last peers")
	}
	var faults faults
	s.root.walk(nil, 0, func(a cellAt) {
		if n := len(a.c.queue); n > 0 {
			faults.add(a.path(), a.c.name, "it is not at rest: %d actions are yet to be performed", n)
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

// faults are what is wrong, each with the process that it is about.
type faults []error

func (f *faults) add(path Path, name, format string, args ...any) {
	*f = append(*f, fmt.Errorf("vm: process %s: %w", Label(path, name), fmt.Errorf(format, args...)))
}

// A cellAt is a cell, and where it is.
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

// Parts takes s apart. What is still under way in a machine that is not at rest,
// see [State.AtRest], is not in the parts. The zero State has none.
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
		within = c.extras.inner.metas()
	}
	for _, e := range slices.Concat(c.endpoints, c.metas()) {
		d := EndpointParts{Seq: e.seq, Level: e.level, Role: e.role, Handler: e.handler}
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
	for _, h := range c.holds() {
		p.Devices = append(p.Devices, DeviceParts{h.device, h.handler, h.address.Generation, h.paused, h.opening})
	}
	return p
}

// metas returns the numbers of the endpoints that the processes of s have at
// meta-levels.
func (s *space) metas() map[metaID]uint32 {
	numbers := map[metaID]uint32{}
	s.cells.all(func(pid actions.PID, c *cell) bool {
		for _, e := range c.metas() {
			numbers[metaID{pid, e.level, e.id}] = e.seq
		}
		return true
	})
	return numbers
}
