package vm

import (
	"maps"
	"slices"
)

// start starts the machine, or has it go on after what was outside is gone.
func (m *Machine) start(in Input) {
	first := m.phase == made
	m.phase = running
	m.failure = nil
	m.incarnation = in.Incarnation
	if in.Limits != nil {
		m.limits = in.Limits.withDefaults()
	}
	if !first {
		m.reopen()
		m.root.due = !m.root.idle()
		return
	}
	m.root.spawnFirst(m.boot, "boot")
	m.boot = nil // it may be large
	m.root.due = true
}

// reopen has every device opened again. A device is what its value says: the
// first value of an opening lets the holder tell it everything anew.
func (m *Machine) reopen() {
	for _, generation := range m.byAddress() {
		at := m.held[generation]
		m.generation++
		h := *at.h
		h.address = &Address{at.h.address.Path, at.h.device, m.generation}
		at.p.exchangeHold(at.h, &h)
		m.command(Command{Kind: Open, Address: h.address, Paused: h.paused, Again: !h.opening})
	}
}

// byAddress returns the numbers of the openings of all devices that are held,
// in the order of their addresses.
func (m *Machine) byAddress() []uint64 {
	return slices.SortedFunc(maps.Keys(m.held), func(a, b uint64) int {
		return compareAddresses(m.held[a].h.address, m.held[b].h.address)
	})
}
