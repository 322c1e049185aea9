package vm

// This file drives a machine: inputs enter it, it works, and commands come out.

// Apply gives the machine an input, and works until the machine is at rest, or has
// done as much as [Limits.Steps] allows: then it is [Machine.Busy], and goes on with
// an input of kind [Continue]. Apply returns the commands to carry out, in order;
// the slice is valid until the next call.
//
// The first input is a [Start]; other inputs before it, and all inputs after a
// [StopAsked], are ignored and counted as late. Another Start, of a later
// incarnation, says that the program has started again and no device is open any
// more: the machine opens each device that it holds again, in the order of their
// addresses, with another generation. The value or the end that follows tells the
// holder the result.
func (m *Machine) Apply(in Input) []Command {
	m.Enter(in)
	m.applying = true
	m.Work()
	m.applying = false
	return m.Commands()
}

// Enter gives the machine an input, as the first part of [Machine.Apply]. The machine
// does not work on it before [Machine.Work].
func (m *Machine) Enter(in Input) {
	m.stats.Inputs++
	m.steps, m.overtime = 0, false
	if m.misses != nil {
		m.misses.input()
	}
	if m.wants(Entered) {
		m.record(&Record{Kind: Entered, Input: in})
	}
	switch {
	case in.Kind == StopDone && m.phase == stopped:
		// a mark in the record of the run
	case in.Kind == Start && (m.phase == made || m.phase == running && in.Incarnation > m.incarnation):
		m.start(in)
	case m.phase != running:
		m.stats.Late++
	case in.Kind == Value || in.Kind == End || in.Kind == Failed || in.Kind == Done:
		m.fromDevice(in)
	case in.Kind == StopAsked:
		m.beginStop()
	case in.Kind == Continue:
		m.root.roundDue = !m.root.idle()
	default:
		m.stats.Late++
	}
}

// Work works until the machine is at rest, or has done as much as [Limits.Steps]
// allows for one input. If a transition function calls runtime.Goexit, the goroutine
// in which Work runs ends. The machine keeps its place: call Work again in another
// goroutine.
func (m *Machine) Work() {
	for m.protect() {
	}
}

// Commands returns, in order, the commands that it has not returned before. The slice
// is valid until the machine works again.
func (m *Machine) Commands() []Command {
	out := m.out
	m.out = m.out[:0]
	return out
}

// protect works, and returns false when it is done. It returns true if a transition
// function has panicked, and there may be more work.
func (m *Machine) protect() (again bool) {
	returned := false
	defer func() {
		if returned {
			return
		}
		if r := recover(); r != nil {
			m.crash(r)
			again = true
			return
		}
		m.crash(nil) // the goroutine is being ended by runtime.Goexit
		if m.applying {
			m.Work()
			m.applying = false
		}
	}()
	m.advance()
	returned = true
	return false
}

// advance works until there is nothing to do, or the limit of work is reached.
func (m *Machine) advance() {
	k := m.root
	for {
		k.work()
		clear(k.out)
		k.out = k.out[:0]
		switch {
		case m.lastsToTell > 0:
			// The machine tells all pending ones before it performs the resulting
			// actions. Nested machines perform theirs at once.
			m.lastsToTell--
			if m.deliverLast() {
				m.toldLast, k.roundDue = true, false
			}
		case m.toldLast:
			m.toldLast, k.roundDue = false, true
		case m.phase > running:
			if !m.advanceStop() {
				return
			}
		case m.steps >= m.limits.Steps:
			// The machine is not at rest. It tells Last all the same, once, so that
			// processes that never rest do not delay it for ever.
			if m.overtime || len(m.pendingLasts) == 0 {
				return
			}
			m.overtime, m.lastsToTell = true, len(m.pendingLasts)
		case !k.idle():
			k.roundDue = true
		case len(m.pendingLasts) > 0:
			m.lastsToTell = len(m.pendingLasts)
		default:
			return
		}
	}
}

// Worked returns how much work the machine has done so far: the number of actions
// performed plus that of events handled.
func (m *Machine) Worked() uint64 { return m.stats.Actions + m.stats.Events }

// Busy reports whether the machine runs and has work left: the caller applies inputs
// of kind [Continue] until it is not Busy, perhaps with others between them.
func (m *Machine) Busy() bool {
	return m.phase == running && (!m.root.idle() || len(m.pendingLasts) > 0)
}

// Running reports whether the machine has started, and has not been asked to stop.
func (m *Machine) Running() bool { return m.phase == running }

// Stopped reports whether the machine has stopped: all its processes have ended.
func (m *Machine) Stopped() bool { return m.phase == stopped }

// Backlog returns how many actions wait in the queues of processes, at every
// depth. The caller that drives a Busy machine uses it to tell a little work that
// never ends from a lot of work, and holds back inputs until there is less.
func (m *Machine) Backlog() int { return m.backlog }

// Idle reports whether nothing can happen in the machine any more: there is no
// work, and no device from which an input could come.
func (m *Machine) Idle() bool {
	return m.phase == stopped || m.phase == running && !m.Busy() && m.root.devices == 0
}

// Stats returns what the machine has done so far.
func (m *Machine) Stats() Stats { return m.stats }

// Failure returns the reason with which the first process has ended since the last
// [Start], or nil: if the process has not ended, has ended without a reason, or has
// ended because the machine stops. A ground stops a machine whose first process has
// failed.
func (m *Machine) Failure() error { return m.failure }

// Incarnation returns the incarnation of the last [Start].
func (m *Machine) Incarnation() uint64 { return m.incarnation }
