package vm

import (
	"slices"

	"github.com/go-marketplace/marketplace/actions"
)

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
