package vm

import (
	"cmp"
	"slices"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/world"
)

// A machine stops in three steps. The holders of devices are told that their
// devices have come to an end, which they can still tell things; then the
// machine works until it is at rest, or has used up what it has for that; then
// the processes that are still there are ended, one after another.

type stopping struct {
	steps int      // done since the stop was asked for
	held  []uint64 // devices whose holders are yet to be told, by generation
}

func (m *Machine) beginStop() {
	m.phase = withdrawing
	m.stopping = stopping{held: m.byAddress()}
}

// advanceStop takes the next step in stopping, and reports false when the
// machine has stopped.
func (m *Machine) advanceStop() bool {
	m.stopping.steps += m.steps
	m.steps = 0
	k := m.root
	spent := m.stopping.steps >= m.limits.Drain
	switch m.phase {
	case withdrawing:
		if m.withdraw() {
			return true
		}
		m.phase = draining
	case draining:
		switch {
		case k.idle() && len(m.lasts) > 0 && !spent:
			m.judging = len(m.lasts)
			return true
		case spent || k.idle():
			m.phase = ending
		}
		k.due = true
	case ending:
		if k.procs.size == 0 {
			m.phase = stopped
			return false
		}
		if spent && m.stopping.steps >= 2*m.limits.Drain || k.idle() {
			k.endFirst()
		}
		k.due = true
	default:
		return false
	}
	return true
}

// withdraw tells the holder of the next device that it has come to an end. It
// reports false if there is none left.
func (m *Machine) withdraw() bool {
	for len(m.stopping.held) > 0 {
		generation := m.stopping.held[0]
		m.stopping.held = m.stopping.held[1:]
		at, ok := m.held[generation]
		if !ok {
			continue
		}
		m.arouse(at.p, nil, at.h.handler, &actions.Event{Kind: actions.Ended, Reason: world.ErrStopped})
		return true
	}
	return false
}

// compareAddresses orders addresses by path, and then by opening.
func compareAddresses(a, b *Address) int {
	return cmp.Or(slices.Compare(a.Path, b.Path), cmp.Compare(a.Generation, b.Generation))
}

// endFirst ends the process with the lowest PID.
func (k *kernel) endFirst() {
	k.procs.all(func(_ actions.PID, p *proc) bool {
		k.end(p, world.ErrStopped)
		return false
	})
}
