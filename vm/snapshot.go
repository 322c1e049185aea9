package vm

import (
	"slices"

	"github.com/go-marketplace/marketplace/actions"
)

// A State is a virtual machine between two inputs, as a value. It never changes. Any
// number of machines can go on from it, each in its own goroutine. The zero State is
// no machine: see [State.Valid].
//
// [Machine.Snapshot] takes the same time for a machine of any size; the machine then
// copies each part that it changes, once. [State.Machine] takes time proportional to
// the number of processes and endpoints.
type State struct {
	root        *space
	limits      Limits
	boot        func(actions.PID) actions.Process
	phase       phase
	incarnation uint64
	generation  uint64
	lasts       []pendingLast
	stats       Stats
	failure     error
	digests     bool
	digest      Digest
}

// Snapshot returns the state of m. Take it between two inputs: what a running
// transition function does is not part of it.
func (m *Machine) Snapshot() State {
	m.owner = new(owner)
	return State{
		root:        m.root.space,
		limits:      m.limits,
		boot:        m.boot,
		phase:       m.phase,
		incarnation: m.incarnation,
		generation:  m.generation,
		lasts:       slices.Clone(m.pendingLasts),
		stats:       m.stats,
		failure:     m.failure,
		digests:     m.digests,
		digest:      m.digest,
	}
}

// Valid reports whether s is a state, and not the zero State.
func (s State) Valid() bool { return s.root != nil }

// Digest returns what [Machine.Digest] returns for a machine with state s.
func (s State) Digest() Digest { return s.digest }

// Machine returns a machine that goes on from s, which must be valid. If watch is not
// nil, the machine calls it for each record: see [Machine.Watch].
func (s State) Machine(watch func(*Record)) *Machine {
	m := &Machine{
		owner:        new(owner),
		limits:       s.limits,
		boot:         s.boot,
		phase:        s.phase,
		incarnation:  s.incarnation,
		generation:   s.generation,
		held:         map[uint64]holder{},
		pendingLasts: slices.Clone(s.lasts),
		stats:        s.stats,
		failure:      s.failure,
		digests:      s.digests,
		digest:       s.digest,
	}
	if watch != nil {
		m.Watch(AllRecords, watch)
	}
	m.root = restore(m, nil, s.root)
	return m
}

// Step is [Machine.Apply] as a pure function: it returns the state after an input,
// and the commands to carry out. It makes a Machine for each call, so for many inputs
// one [Machine] is much faster.
func (s State) Step(in Input) (State, []Command) {
	m := s.Machine(nil)
	commands := m.Apply(in)
	return m.Snapshot(), commands
}

// Busy returns what [Machine.Busy] returns for a machine with state s.
func (s State) Busy() bool {
	busy := len(s.lasts) > 0
	s.root.cells.all(func(_ actions.PID, c *cell) bool {
		busy = busy || len(c.queue) > 0
		return !busy
	})
	return busy && s.phase == running
}

// restore returns a kernel for s.
func restore(m *Machine, host *proc, s *space) *kernel {
	k := newKernel(m, host)
	k.space = s
	s.cells.all(func(pid actions.PID, c *cell) bool {
		p := &proc{k: k, cell: c, locals: len(c.locals()) > 0}
		k.procs.set(m.owner, pid, p)
		for _, e := range c.endpoints {
			k.enroll(entry{p, e})
		}
		for _, h := range c.holds() {
			m.held[h.address.Generation] = holder{p, h}
			k.countDevices(1)
		}
		if c.extras != nil {
			for _, w := range c.extras.monitors {
				k.watch(p, w.pid)
			}
		}
		if c.extras != nil && c.extras.inner != nil {
			p.inner = restore(m, p, c.extras.inner)
		}
		if len(c.queue) > 0 {
			m.backlog += len(c.queue)
			k.schedule(p)
		}
		return true
	})
	return k
}
