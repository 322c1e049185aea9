package vmtest

import (
	"fmt"
	"go/token"
	"reflect"
	"strings"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// Trace returns all that has happened in the machine, a line for each event, as
// [Describe] describes it. What this package needs for itself is left out.
func (m *Machine) Trace() string {
	if len(m.lines) == 0 {
		return ""
	}
	return strings.Join(m.lines, "\n") + "\n"
}

// tail returns the last lines of the trace.
func (m *Machine) tail(n int) []string { return m.lines[max(0, len(m.lines)-n):] }

// Describe describes what has happened in a machine, in a line that is the same
// on every run and every platform. It has no newline at its end.
//
//	> start                                            an input
//	2 account: spawned
//	2 account: open subscriber of bank.Deposit{}       an action
//	2 account: hears bank.Deposit{Amount: 3} at subscriber of bank.Deposit{}
//	2 account: ended: no more
//	< open world.Alarm("system", 5ns, "") for 3        a command
//
// The number is the path of the process, followed by its name.
func Describe(r *vm.Record) string {
	var s string
	who := label(r.Path(), r.Name())
	switch r.Kind {
	case vm.Entered:
		s = "> " + describeInput(&r.Input)
	case vm.Late:
		s = "late: " + describeInput(&r.Input)
	case vm.Commanded:
		s = "< " + describeCommand(&r.Command)
	case vm.Performed:
		s = fmt.Sprintf("%s: %s%s", who, strings.Repeat("at meta: ", int(r.Level)), describeAction(r.Action))
	case vm.Told:
		s = fmt.Sprintf("%s: hears %s", who, describeEvent(r.Event))
		if e, ok := r.Endpoint(); ok {
			s += " at " + e.Role.String() + naming(" as ", e.ID)
		}
	default:
		s = fmt.Sprintf("%s: %v", who, r.Kind)
		if r.Action != nil {
			s += ": " + describeAction(r.Action)
		}
		s += because(r.Reason)
	}
	return strings.ReplaceAll(s, "\n", `\n`)
}

func label(path vm.Path, name string) string { return strings.TrimRight(path.String()+" "+name, " ") }

func because(reason error) string {
	if reason == nil {
		return ""
	}
	return ": " + reason.Error()
}

// naming returns the name of an endpoint, unless it is one that concerns
// nobody.
func naming(prefix string, id actions.EndpointID) string {
	if id == nil {
		return ""
	}
	t := reflect.TypeOf(id)
	if _, probe := id.(cord); probe || t.PkgPath() == reflect.TypeFor[vm.Path]().PkgPath() && !token.IsExported(t.Name()) {
		return ""
	}
	return prefix + text(id)
}

func deviceName(d world.Device) string {
	if d == nil {
		return "no device"
	}
	return d.DeviceName()
}

func describeInput(in *vm.Input) string {
	s := in.Kind.String()
	if in.Address != nil {
		s += fmt.Sprintf(" of %s for %v", deviceName(in.Address.Device), in.Address.Path)
	}
	if in.Value != nil {
		s += ": " + text(in.Value)
	}
	return s + because(in.Err)
}

func describeCommand(c *vm.Command) string {
	verb := c.Kind.String()
	if c.Kind == vm.Flow {
		verb = flow(c.Paused)
	}
	s := fmt.Sprintf("%s %s for %v", verb, deviceName(c.Address.Device), c.Address.Path)
	switch {
	case c.Kind == vm.Tell:
		s += ": " + text(c.Value)
	case c.Kind == vm.Open && c.Paused:
		s += ", paused"
	}
	return s
}

func flow(paused bool) string {
	if paused {
		return "pause"
	}
	return "resume"
}

func describeEvent(ev *actions.Event) string {
	if int(ev.Kind) >= actions.Kinds {
		return "the PID of what it has spawned"
	}
	s := ev.Kind.String() + " "
	switch ev.Kind {
	case actions.Delivery:
		return text(ev.Message.Value())
	case actions.Value, actions.Refused, actions.Done:
		s += text(ev.Value)
	case actions.Ended:
		s = "end"
	default:
		s += "of " + ev.Peer.String()
		if ev.Self {
			s += " in itself"
		}
	}
	return s + because(ev.Reason)
}

func describeAction(a actions.Action) string {
	switch a := a.(type) {
	case nil:
		return "nothing"
	case *actions.SendMessage:
		switch {
		case a == nil:
			return "send nil"
		case a.Orientation == topic.Publisher:
			return "send " + text(a.Message.Value())
		}
		return "feedback " + text(a.Message.Value())
	case actions.AddEndpoint:
		return "open " + a.Role.String() + naming(" as ", a.ID)
	case actions.ReplaceEndpoint:
		return "replace by " + a.Role.String() + naming(" as ", a.ID)
	case actions.DeleteEndpoint:
		return "delete endpoint" + naming(" ", a.ID) + because(a.Reason)
	case actions.SpawnProcess:
		return strings.TrimRight("spawn "+a.Name, " ")
	case actions.QuitProcess:
		switch {
		case a.PID != 0:
			return "kill " + a.PID.String() + because(a.Reason)
		case a.Reason != nil:
			return "fail" + because(a.Reason)
		}
		return "quit"
	case actions.YieldTurn:
		return "yield"
	case actions.FreshName:
		return "fresh name"
	case actions.OpenDevice:
		if a.Paused {
			return "hold " + deviceName(a.Device) + ", paused"
		}
		return "hold " + deviceName(a.Device)
	case actions.TellDevice:
		return "tell " + deviceName(a.Device) + ": " + text(a.Command)
	case actions.CloseDevice:
		return "close " + deviceName(a.Device)
	case actions.FlowControl:
		return flow(a.Paused) + " " + deviceName(a.Device)
	case actions.MetaLevel:
		return "at meta: " + describeAction(a.Action)
	case actions.Tree:
		var parts []string
		for leaf := range actions.Leaves(a) {
			parts = append(parts, describeAction(leaf))
		}
		return strings.Join(parts, "; ")
	}
	return fmt.Sprintf("%T", a)
}

// hidden reports whether a record is about what this package does to make
// things happen.
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
		return r.Name() == doorkeeper
	case vm.Told:
		_, ok := r.Event.Value.(order)
		return ok
	case vm.Performed:
		switch a := r.Action.(type) {
		case actions.OpenDevice:
			return own(a.Device)
		case actions.SpawnProcess:
			return a.Name == doorkeeper || r.Name() == doorkeeper && strings.HasPrefix(a.Name, "probe ")
		}
	}
	return false
}
