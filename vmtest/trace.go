package vmtest

import (
	"strings"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// Trace returns all that has happened in the machine: a line for each record, as
// [Describe] returns it, without the records of this package's own processes.
func (m *Machine) Trace() string {
	if len(m.lines) == 0 {
		return ""
	}
	return strings.Join(m.lines, "\n") + "\n"
}

// tail returns the last lines of the trace.
func (m *Machine) tail(n int) []string { return m.lines[max(0, len(m.lines)-n):] }

// Describe returns the text of a record, in a line: see [vm.Record.String].
func Describe(r *vm.Record) string { return r.String() }

// hidden reports whether a record is about the machinery of this package.
func hidden(r *vm.Record) bool {
	own := func(d world.Device) bool {
		_, ok := d.(cord)
		return ok
	}
	switch r.Kind {
	case vm.Entered:
		return r.Input.Address != nil && own(r.Input.Address.Device)
	case vm.Commanded:
		return own(r.Command.Address.Device)
	case vm.Spawned:
		return r.Name() == hereProcess
	case vm.Told:
		_, ok := r.Event.Value.(order)
		return ok
	case vm.Performed:
		switch a := r.Action.(type) {
		case actions.OpenDevice:
			return own(a.Device)
		case actions.SpawnProcess:
			return a.Name == hereProcess || r.Name() == hereProcess && strings.HasPrefix(a.Name, "probe ")
		}
	}
	return false
}
