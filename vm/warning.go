package vm

import (
	"fmt"
	"reflect"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
)

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

// A Miss describes the messages of one type and one direction that nobody has heard:
// no endpoint matched them, or only endpoints without a handler for messages.
type Miss struct {
	Type        reflect.Type      // of the messages
	Orientation topic.Orientation // of the sender: Publisher for Send, Subscriber for Feedback
	Path        Path              // of the process that sent the first of them
	Name        string            // of that process
	Count       uint64            // of these messages

	// Near says, for people, which endpoint nearly heard one of the messages, and
	// why it did not: its type is a pointer and the message is a value, or the
	// reverse; it pins a field to another value; it has the orientation of the
	// sender, so the other one of Send and Feedback is right; it is in a machine
	// further out or further in; it has no handler for messages; or it came too
	// late. Near is empty if there is no such endpoint.
	Near string

	// Heard says that an endpoint has matched another message of the type, in the
	// machine in which the first of these messages was sent, or that an endpoint
	// would have matched one of them but had just gone.
	Heard bool
}

// String describes the miss for people.
func (m Miss) String() string {
	verb := "sent"
	if m.Orientation == topic.Subscriber {
		verb = "sent as feedback"
	}
	s := fmt.Sprintf("%v, %s by %s", m.Type, verb, Label(m.Path, m.Name))
	if m.Near != "" {
		s += ": " + m.Near
	}
	return s
}
