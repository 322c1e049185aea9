package vm

import "github.com/go-marketplace/marketplace/actions"

// A Warning tells of what is most likely a mistake in the program, and would
// otherwise go unnoticed. Nothing has gone wrong in the machine.
type Warning struct {
	Kind WarningKind
	Path Path   // of the process
	Name string // of the process

	// What describes the endpoint or the device that has come to its end, for
	// Unheard, and Reason is why.
	What   string
	Reason error

	// Action is the first action that was left undone, for Undone, and Count how
	// many there are.
	Action actions.Action
	Count  int

	// Miss tells of the message, for NearMiss.
	Miss Miss
}

// WarningKind tells warnings apart.
type WarningKind uint8

// The kinds of warning.
const (
	// Unheard: an endpoint or a device has come to its end for a reason from the
	// outside, and no process is told.
	Unheard WarningKind = iota + 1

	// Undone: a process has ended before it performed actions that matter.
	Undone

	// NearMiss: a message was nearly heard by somebody: see [Miss]. There is one
	// for each type of message.
	NearMiss
)

// Warn calls f from now on for each warning, instead of the function before. It
// also makes the machine keep the account of [Machine.Misses]. The Warning is
// valid during the call only.
func (m *Machine) Warn(f func(*Warning)) {
	m.warn = f
	if m.misses == nil {
		m.misses = &misses{}
	}
	m.misses.near = func(miss Miss) { f(&Warning{Kind: NearMiss, Path: miss.Path, Name: miss.Name, Miss: miss}) }
}

// warns reports whether anybody wants warnings.
func (m *Machine) warns() bool { return m.warn != nil }

// unheard warns of what has come to its end.
func (m *Machine) unheard(p *proc, what string, reason error) {
	m.warn(&Warning{Kind: Unheard, Path: p.path(), Name: p.cell.name, What: what, Reason: reason})
}

// undone warns of count actions that p has left undone.
func (m *Machine) undone(p *proc, first actions.Action, count int) {
	m.warn(&Warning{Kind: Undone, Path: p.path(), Name: p.cell.name, Action: first, Count: count})
}

// matters reports whether it makes a difference that an action was not performed
// because its process has ended. Such a process has nothing to quit, to delete or
// to close.
func matters(a actions.Action) bool {
	switch a := a.(type) {
	case actions.QuitProcess:
		return a.PID != 0
	case actions.DeleteEndpoint, actions.CloseDevice, actions.FlowControl, actions.YieldTurn, nil:
		return false
	}
	return true
}
