package actions

import (
	"fmt"

	"github.com/go-marketplace/marketplace/internal/text"
	"github.com/go-marketplace/marketplace/topic"
)

// Logs, traces, errors and String describe events and actions in the same words.
// This file has these words.

// String describes the event for people, in a line. Values are shown as their types
// show them. A message or feedback is described by its value alone.
func (e *Event) String() string { return text.Of(e.Describe) }

// Describe writes the text of String to w, within the limits of w.
func (e *Event) Describe(w *text.Writer) {
	switch e.Kind {
	case Delivery:
		w.Value(text.Message, e.Message.Value())
		return
	case Ended:
		w.Word("end")
	case Value:
		w.Word("value ")
		w.Value(text.Input, e.Value)
	case Failed, Done:
		w.Word(e.Kind.String() + " ")
		w.Value(text.Command, e.Value)
	case Presence, Absence, First, Last:
		w.Word(e.Kind.String() + " of ")
		w.Role(e.Peer)
		if e.Self {
			w.Word(" in itself")
		}
	case Down:
		w.Word(fmt.Sprintf("down of %v", e.Value))
	default:
		w.Word(e.Kind.String())
	}
	w.Because(e.Reason)
}

// describe returns the text of an action.
func describe(a Action) string { return text.Of(func(w *text.Writer) { Describe(w, a) }) }

// Describe writes the text of the String method of an action to w, within the limits
// of w. The text of nil is "nothing".
func Describe(w *text.Writer, a Action) {
	switch a := a.(type) {
	case nil:
		w.Word("nothing")
	case AddEndpoint:
		w.Word("open ")
		w.Role(a.Role)
		w.Named(" as ", a.ID)
	case ReplaceEndpoint:
		w.Word("replace by ")
		w.Role(a.Role)
		w.Named(" as ", a.ID)
	case DeleteEndpoint:
		w.Word("delete endpoint")
		w.Named(" ", a.ID)
		w.Because(a.Reason)
	case *SendMessage:
		a.describe(w)
	case SpawnProcess:
		w.Word("spawn")
		if a.Name != "" {
			w.Word(" ")
			w.Plain(text.Name, a.Name)
		}
	case QuitProcess:
		a.describe(w)
	case YieldTurn:
		w.Word("yield")
	case FreshName:
		w.Word("fresh name")
	case MonitorProcess:
		w.Word("monitor " + a.PID.String())
	case UnmonitorProcess:
		w.Word("unmonitor " + a.PID.String())
	case *UpdateLocal:
		w.Word("update local value")
		if a != nil && a.Local != nil {
			w.Word(" ")
			w.Plain(text.Name, a.Local.Name)
		}
	case OpenDevice:
		w.Word("hold ")
		w.Device(a.Device)
		if a.Paused {
			w.Word(", paused")
		}
	case TellDevice:
		w.Word("tell ")
		w.Device(a.Device)
		w.Word(": ")
		w.Value(text.Command, a.Command)
	case CloseDevice:
		w.Word("close ")
		w.Device(a.Device)
	case FlowControl:
		w.Word(flow(a.Paused) + " ")
		w.Device(a.Device)
	case MetaLevel:
		w.Inside(func() {
			w.Word("at meta: ")
			Describe(w, a.Action)
		})
	case Tree:
		a.describe(w)
	default:
		w.Word(fmt.Sprintf("%T", a))
	}
}

func (a *SendMessage) describe(w *text.Writer) {
	switch {
	case a == nil:
		w.Word("send nil")
		return
	case a.Orientation == topic.Publisher:
		w.Word("send ")
	default:
		w.Word("feedback ")
	}
	w.Value(text.Message, a.Message.Value())
}

func (a QuitProcess) describe(w *text.Writer) {
	switch {
	case a.PID != 0:
		w.Word("kill " + a.PID.String())
	case a.Reason != nil:
		w.Word("fail")
	default:
		w.Word("quit")
	}
	w.Because(a.Reason)
}

func flow(paused bool) string {
	if paused {
		return "pause"
	}
	return "resume"
}

func (t Tree) describe(w *text.Writer) {
	n, more := 0, 0
	for leaf := range Leaves(t) {
		if w.Full(n) {
			more++
			continue
		}
		if n > 0 {
			w.Word("; ")
		}
		Describe(w, leaf)
		n++
	}
	if more > 0 {
		if n > 0 {
			w.Word("; ")
		}
		w.Word(fmt.Sprintf("… %d more", more))
	}
}

// String describes the action for people.
func (a AddEndpoint) String() string { return describe(a) }

// String describes the action for people.
func (a ReplaceEndpoint) String() string { return describe(a) }

// String describes the action for people.
func (a DeleteEndpoint) String() string { return describe(a) }

// String describes the action for people.
func (a *SendMessage) String() string { return describe(a) }

// String describes the action for people.
func (a SpawnProcess) String() string { return describe(a) }

// String describes the action for people.
func (a QuitProcess) String() string { return describe(a) }

// String describes the action for people.
func (a YieldTurn) String() string { return describe(a) }

// String describes the action for people.
func (a FreshName) String() string { return describe(a) }

// String describes the action for people.
func (a MonitorProcess) String() string { return describe(a) }

// String describes the action for people.
func (a UnmonitorProcess) String() string { return describe(a) }

// String describes the action for people.
func (a *UpdateLocal) String() string { return describe(a) }

// String describes the action for people.
func (a OpenDevice) String() string { return describe(a) }

// String describes the action for people.
func (a TellDevice) String() string { return describe(a) }

// String describes the action for people.
func (a CloseDevice) String() string { return describe(a) }

// String describes the action for people.
func (a FlowControl) String() string { return describe(a) }

// String describes the action for people, and those in it.
func (a MetaLevel) String() string { return describe(a) }

// String describes the actions for people.
func (t Tree) String() string { return describe(t) }
