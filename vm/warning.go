package vm

import "github.com/go-marketplace/marketplace/actions"

// A Warning describes what is most likely a mistake in the program that would
// otherwise go unnoticed. The machine itself is in order.
type Warning struct {
	Kind WarningKind
	Path Path   // of the process
	Name string // of the process

	// What describes, for Unheard, the endpoint or the device that has ended, and
	// Reason is why.
	What   string
	Reason error

	// Action is, for Undone, the first action that the process has not performed,
	// and Count is the number of such actions.
	Action actions.Action
	Count  int

	// Miss describes the messages, for NearMiss.
	Miss Miss
}

// WarningKind tells warnings apart.
type WarningKind uint8

// The kinds of warning.
const (
	// Unheard: an endpoint or a device has ended with a reason from the outside that
	// no process gets.
	Unheard WarningKind = iota + 1

	// Undone: a process has ended in the middle of a turn, before it performed
	// actions that make a difference.
	Undone

	// NearMiss: an endpoint nearly heard a message: see [Miss]. There is at most one
	// for each type and direction of messages.
	NearMiss
)

// Warn makes the machine call f from now on for each warning, instead of the function
// before, and keep the account of [Machine.Misses]. The Warning is valid during the
// call only. The function f must not be nil, nor call methods of the machine.
func (m *Machine) Warn(f func(*Warning)) {
	m.warn = f
	if m.misses == nil {
		m.misses = &misses{}
	}
	m.misses.near = func(miss Miss) { f(&Warning{Kind: NearMiss, Path: miss.Path, Name: miss.Name, Miss: miss}) }
}

// warns reports whether Warn was called.
func (m *Machine) warns() bool { return m.warn != nil }

// unheard warns of an endpoint or a device of p that has ended.
func (m *Machine) unheard(p *proc, what string, reason error) {
	m.warn(&Warning{Kind: Unheard, Path: p.path(), Name: p.cell.name, What: what, Reason: reason})
}

// undone warns of count actions that p has left undone.
func (m *Machine) undone(p *proc, first actions.Action, count int) {
	m.warn(&Warning{Kind: Undone, Path: p.path(), Name: p.cell.name, Action: first, Count: count})
}

// matters reports whether it makes a difference that a process has ended before it
// performed an action. The end of a process also closes its endpoints and devices, so
// actions that do only this make none.
func matters(a actions.Action) bool {
	switch a := a.(type) {
	case actions.QuitProcess:
		return a.PID != 0
	case actions.DeleteEndpoint, actions.CloseDevice, actions.FlowControl, actions.YieldTurn, actions.MonitorProcess, actions.UnmonitorProcess, nil:
		return false
	}
	return true
}
