package actions

import (
	"fmt"

	"github.com/go-marketplace/marketplace/internal/text"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// String describes the event for people. Values are shown as their types show
// them.
func (e *Event) String() string {
	switch e.Kind {
	case Delivery:
		if e.Peer.Orientation == topic.Subscriber {
			return "feedback " + e.Message.String()
		}
		return "message " + e.Message.String()
	case Absence:
		return fmt.Sprintf("absence of %v%s", e.Peer, because(e.Reason))
	case Presence, First, Last:
		return fmt.Sprintf("%v of %v", e.Kind, e.Peer)
	case Value, Refused, Done:
		return e.Kind.String() + " " + text.Value(e.Value) + because(e.Reason)
	case Ended:
		return "end" + because(e.Reason)
	}
	return e.Kind.String()
}

func because(reason error) string {
	if reason == nil {
		return ""
	}
	return fmt.Sprintf(" (%v)", reason)
}

// String describes the action for people.
func (a AddEndpoint) String() string { return fmt.Sprintf("add %v%s", a.Role, named(a.ID)) }

// String describes the action for people.
func (a ReplaceEndpoint) String() string { return fmt.Sprintf("replace%s by %v", named(a.ID), a.Role) }

// String describes the action for people.
func (a DeleteEndpoint) String() string {
	return fmt.Sprintf("delete%s%s", named(a.ID), because(a.Reason))
}

// String describes the action for people.
func (a *SendMessage) String() string {
	switch {
	case a == nil:
		return "send nothing"
	case a.Orientation == topic.Subscriber:
		return "feedback " + a.Message.String()
	}
	return "send " + a.Message.String()
}

// String describes the action for people.
func (a SpawnProcess) String() string {
	if a.Name == "" {
		return "spawn"
	}
	return "spawn " + a.Name
}

// String describes the action for people.
func (a QuitProcess) String() string {
	if a.PID == 0 {
		return "quit" + because(a.Reason)
	}
	return fmt.Sprintf("kill %v%s", a.PID, because(a.Reason))
}

// String describes the action for people.
func (YieldTurn) String() string { return "yield" }

// String describes the action for people.
func (FreshName) String() string { return "fresh name" }

// String describes the action for people.
func (a OpenDevice) String() string { return "open " + deviceName(a.Device) }

// String describes the action for people.
func (a TellDevice) String() string {
	return fmt.Sprintf("tell %s %s", deviceName(a.Device), text.Value(a.Command))
}

// String describes the action for people.
func (a CloseDevice) String() string { return "close " + deviceName(a.Device) }

// String describes the action for people.
func (a FlowControl) String() string {
	if a.Paused {
		return "pause " + deviceName(a.Device)
	}
	return "resume " + deviceName(a.Device)
}

// String describes the action for people.
func (a MetaLevel) String() string {
	n := 0
	for range Leaves(a.Action) {
		n++
	}
	return fmt.Sprintf("at meta-level: %d actions", n)
}

// String describes the action for people.
func (t Tree) String() string {
	n := 0
	for range Leaves(t) {
		n++
	}
	return fmt.Sprintf("%d actions", n)
}

func named(id EndpointID) string {
	if id == nil {
		return ""
	}
	return fmt.Sprintf(" (%s)", text.Value(id))
}

func deviceName(d world.Device) string {
	if d == nil {
		return "no device"
	}
	return d.DeviceName()
}
