package vm

import (
	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/world"
)

// A machine stops in steps:
//
//	Step 1 (withdrawing): The holder of each device is told that the device has
//	        ended, one after another. It can still tell the device something.
//	Step 2 (draining): The machine works until it is at rest, or has done as much as
//	        Limits.Drain allows.
//	Step 3 (ending): The processes that are left end, one after another, the lowest
//	        PID first, so that their peers are told.

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
		if m.endNextDevice() {
			return true
		}
		m.phase = draining
	case draining:
		switch {
		case k.idle() && len(m.pendingLasts) > 0 && !spent:
			m.lastsToTell = len(m.pendingLasts)
			return true
		case spent || k.idle():
			m.phase = ending
		}
		k.roundDue = true
	case ending:
		if k.procs.size == 0 {
			m.phase = stopped
			return false
		}
		if spent && m.stopping.steps >= 2*m.limits.Drain || k.idle() {
			k.endFirst()
		}
		k.roundDue = true
	default:
		return false
	}
	return true
}

// endNextDevice tells the holder of the next device that the device has ended. It
// reports false if there is none left.
func (m *Machine) endNextDevice() bool {
	for len(m.stopping.held) > 0 {
		generation := m.stopping.held[0]
		m.stopping.held = m.stopping.held[1:]
		at, ok := m.held[generation]
		if !ok {
			continue
		}
		m.wake(at.p, nil, at.h.handler, &actions.Event{Kind: actions.Ended, Reason: world.ErrStopped})
		return true
	}
	return false
}

// endFirst ends the process with the lowest PID.
func (k *kernel) endFirst() {
	k.procs.all(func(_ actions.PID, p *proc) bool {
		k.end(p, world.ErrStopped)
		return false
	})
}
