package describe

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

// Record describes what has happened in a machine, in a line.
func Record(r *vm.Record) string {
	var s string
	who := Label(r.Path(), r.Name())
	switch r.Kind {
	case vm.Entered:
		s = "> " + Input(&r.Input)
	case vm.Late:
		s = "late: " + Input(&r.Input)
	case vm.Commanded:
		s = "< " + Command(&r.Command)
	case vm.Performed:
		s = fmt.Sprintf("%s: %s%s", who, strings.Repeat("at meta: ", int(r.Level)), Action(r.Action))
	case vm.Resumed:
		s = who + ": hears the PID of what it has spawned"
	case vm.Told:
		s = fmt.Sprintf("%s: hears %s", who, Event(r.Event))
		if e, ok := r.Endpoint(); ok {
			s += " at " + e.Role.String() + Naming(" as ", e.ID)
		}
	default:
		s = fmt.Sprintf("%s: %v", who, r.Kind)
		if r.Action != nil {
			s += ": " + Action(r.Action)
		}
		s += because(r.Reason)
	}
	return strings.ReplaceAll(s, "\n", `\n`)
}

func Label(path vm.Path, name string) string { return strings.TrimRight(path.String()+" "+name, " ") }

func because(reason error) string {
	if reason == nil {
		return ""
	}
	return ": " + Reason(reason)
}

// Reason returns the text of a reason, or nothing if there is none. Reasons are
// made by programs, and their texts may panic.
func Reason(reason error) (text string) {
	if reason == nil {
		return ""
	}
	defer func() {
		if recover() != nil {
			text = fmt.Sprintf("a %T, which does not say what it is", reason)
		}
	}()
	return reason.Error()
}

// naming returns the name of an endpoint, unless it is one that concerns
// nobody.
func Naming(prefix string, id actions.EndpointID) string {
	if id == nil {
		return ""
	}
	t := reflect.TypeOf(id)
	if t.PkgPath() != "" && strings.HasPrefix(t.PkgPath(), reflect.TypeFor[vm.Machine]().PkgPath()) && !token.IsExported(t.Name()) {
		return ""
	}
	return prefix + Value(id)
}

func deviceName(d world.Device) string {
	if d == nil {
		return "no device"
	}
	return d.DeviceName()
}

func Input(in *vm.Input) string {
	s := in.Kind.String()
	if in.Address != nil {
		s += fmt.Sprintf(" of %s for %v", deviceName(in.Address.Device), in.Address.Path)
	}
	if in.Value != nil {
		s += ": " + Value(in.Value)
	}
	return s + because(in.Err)
}

func Command(c *vm.Command) string {
	verb := c.Kind.String()
	if c.Kind == vm.Flow {
		verb = flow(c.Paused)
	}
	s := fmt.Sprintf("%s %s for %v", verb, deviceName(c.Address.Device), c.Address.Path)
	switch {
	case c.Kind == vm.Tell:
		s += ": " + Value(c.Value)
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

func Event(ev *actions.Event) string {
	s := ev.Kind.String() + " "
	switch ev.Kind {
	case actions.Delivery:
		return Value(ev.Message.Value())
	case actions.Value, actions.Refused, actions.Done:
		s += Value(ev.Value)
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

func Action(a actions.Action) string {
	switch a := a.(type) {
	case nil:
		return "nothing"
	case *actions.SendMessage:
		switch {
		case a == nil:
			return "send nil"
		case a.Orientation == topic.Publisher:
			return "send " + Value(a.Message.Value())
		}
		return "feedback " + Value(a.Message.Value())
	case actions.AddEndpoint:
		return "open " + a.Role.String() + Naming(" as ", a.ID)
	case actions.ReplaceEndpoint:
		return "replace by " + a.Role.String() + Naming(" as ", a.ID)
	case actions.DeleteEndpoint:
		return "delete endpoint" + Naming(" ", a.ID) + because(a.Reason)
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
		return "tell " + deviceName(a.Device) + ": " + Value(a.Command)
	case actions.CloseDevice:
		return "close " + deviceName(a.Device)
	case actions.FlowControl:
		return flow(a.Paused) + " " + deviceName(a.Device)
	case actions.MetaLevel:
		return "at meta: " + Action(a.Action)
	case actions.Tree:
		var parts []string
		for leaf := range actions.Leaves(a) {
			parts = append(parts, Action(leaf))
		}
		return strings.Join(parts, "; ")
	}
	return fmt.Sprintf("%T", a)
}
