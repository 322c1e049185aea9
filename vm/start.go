package vm

// start starts the machine, or continues it after a restart of the program.
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
		m.root.roundDue = !m.root.idle()
		return
	}
	m.root.spawnFirst(m.boot, "boot")
	m.boot = nil // it may be large
	m.root.roundDue = true
}

// reopen asks the outside to open every device again. The first value of the new
// opening tells the holder that it can tell the device again what it needs to know.
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
