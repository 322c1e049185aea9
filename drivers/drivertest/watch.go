package drivertest

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/vmtest"
	"github.com/go-marketplace/marketplace/world"
)

// A watch keeps the records of a run.
type watch struct {
	mu       sync.Mutex
	records  int
	cutAt    int           // at which record cut is called
	cut      func()        // ends the run
	opened   []*vm.Address // in order
	open     map[uint64]*vm.Address
	means    func(any) any      // of Driver
	heard    map[string][]event // by user
	users    []string           // in the order in which they have heard something first
	inputs   []vm.Input
	crossed  []any    // the values and commands that have crossed the border
	faults   []string // processes that have crashed or were ended by the machine
	lines    []string // the trace of the run or, if the run is cut, of one that was not
	stopping bool
}

// Moments at which a run can be cut, besides the records, which count from 1.
const (
	never   = 0
	atStart = -1
)

// An event is one that a user has heard.
type event struct {
	kind    actions.EventKind
	self    bool // the user has caused it itself
	message any
	reason  error
	text    string
}

// see handles a record of the machine.
func (w *watch) see(r *vm.Record) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.records++
	if w.records == w.cutAt {
		w.cut()
	}
	var line string
	if w.cutAt == never {
		line = vmtest.Describe(r)
		w.lines = append(w.lines, line)
	}
	switch r.Kind {
	case vm.Entered:
		w.input(r.Input)
	case vm.Commanded:
		w.command(r.Command)
	case vm.Told:
		w.told(r, line)
	case vm.Crashed:
		if !errors.Is(r.Reason, errCrash) {
			text := fmt.Sprintf("process %v %s has crashed: %v", r.Path(), r.Name(), r.Reason)
			if p, ok := errors.AsType[*vm.PanicError](r.Reason); ok {
				text += "\n" + string(p.Stack)
			}
			w.faults = append(w.faults, text)
		}
	case vm.Ended:
		if slices.ContainsFunc(mistakes, func(err error) bool { return errors.Is(r.Reason, err) }) {
			w.faults = append(w.faults, fmt.Sprintf("process %v %s was ended by the machine: %v", r.Path(), r.Name(), r.Reason))
		}
	}
}

// mistakes are the reasons for which a machine ends a process.
var mistakes = []error{vm.ErrStateType, vm.ErrRole, vm.ErrNoOuterLevel, vm.ErrAction, vm.ErrOverflow}

func (w *watch) input(in vm.Input) {
	w.inputs = append(w.inputs, in)
	if in.Kind == vm.StopAsked {
		w.stopping = true
	}
	if in.Address == nil || ours(in.Address.Device) {
		return
	}
	switch in.Kind {
	case vm.Value:
		w.crossed = append(w.crossed, in.Value)
	case vm.End:
		delete(w.open, in.Address.Generation)
	}
}

func (w *watch) command(c vm.Command) {
	if ours(c.Address.Device) {
		return
	}
	switch c.Kind {
	case vm.Open:
		w.opened = append(w.opened, c.Address)
		w.open[c.Address.Generation] = c.Address
	case vm.Tell:
		w.crossed = append(w.crossed, c.Value)
	case vm.Close:
		delete(w.open, c.Address.Generation)
	}
}

// told keeps an event that a user hears at the endpoints of its demand.
func (w *watch) told(r *vm.Record, line string) {
	e, ok := r.Endpoint()
	if !ok || !strings.HasPrefix(r.Name(), userPrefix) || e.ID == ordersEndpoint || w.stopping || w.cutAt != never {
		return
	}
	ev := event{kind: r.Event.Kind, self: r.Event.Self, reason: r.Event.Reason}
	switch ev.kind {
	case actions.Delivery:
		ev.message = w.means(r.Event.Message.Value())
	case actions.Presence, actions.Absence:
	default:
		return
	}
	_, ev.text, _ = strings.Cut(line, r.Name()+": hears ")
	if i := strings.LastIndex(ev.text, " as "); i >= 0 {
		ev.text = ev.text[:i] // which is the name of the endpoint, and the test's own
	}
	if ev.message != nil && !reflect.DeepEqual(ev.message, r.Event.Message.Value()) {
		ev.text = fmt.Sprintf("message that means %+v", ev.message)
	}
	if _, known := w.heard[r.Name()]; !known {
		w.users = append(w.users, r.Name())
	}
	w.heard[r.Name()] = append(w.heard[r.Name()], ev)
}

// names returns the names of devices, sorted.
func names(as []*vm.Address) []string {
	var all []string
	for _, a := range as {
		all = append(all, a.Device.DeviceName())
	}
	slices.Sort(all)
	return all
}

// openedSoFar returns the devices that have been opened, in order.
func (w *watch) openedSoFar() []*vm.Address {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.opened)
}

// openNow returns the names of the devices that are open.
func (w *watch) openNow() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []*vm.Address
	for _, a := range w.open {
		all = append(all, a)
	}
	return names(all)
}

// ours reports whether a device belongs to this package.
func ours(d world.Device) bool {
	switch d.(type) {
	case hands, stand:
		return true
	}
	return false
}
