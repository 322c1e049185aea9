package actions

import (
	"iter"
	"reflect"
	"slices"

	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// An Action is a request of a process to the virtual machine in which it
// lives. It is one of
//
//	AddEndpoint  ReplaceEndpoint  DeleteEndpoint
//	*SendMessage
//	SpawnProcess  QuitProcess
//	YieldTurn  FreshName  *UpdateLocal
//	MonitorProcess  UnmonitorProcess
//	OpenDevice  TellDevice  CloseDevice  FlowControl
//	MetaLevel
//	Tree
//	nil
type Action interface{ action() }

// The variants of [Action].
type (
	// AddEndpoint opens an endpoint, or gives a new handler to the one that
	// has the same name, if the role is the same. If the role is another, the
	// process fails: see [ReplaceEndpoint].
	AddEndpoint struct {
		ID      EndpointID // nil for an anonymous endpoint
		Role    topic.Role
		Handler *Handler // nil for an endpoint that ignores all events
		Passive bool     `fingerprint:"-"` // the endpoint does not keep its process: see [Local]. Older journals do not have it in their fingerprints
	}

	// ReplaceEndpoint moves the endpoint of the same name to another role, in one
	// step. A peer with which the conversation is the same before and after is not
	// told. If the process has no endpoint of that name, it opens one.
	ReplaceEndpoint struct{ AddEndpoint }

	// DeleteEndpoint closes an endpoint. If there is none of that name, nothing
	// happens, and the machine counts it.
	DeleteEndpoint struct {
		ID     EndpointID
		Reason error // for the peers; nil if there is none
	}

	// SendMessage sends a message. It is an action by pointer, so that a
	// message and the request to send it are one allocation.
	SendMessage struct {
		Message     topic.Message
		Orientation topic.Orientation // of the sender
	}

	// SpawnProcess starts a process.
	SpawnProcess struct {
		Name string                 // for people
		Boot func(self PID) Process // evaluated as part of the new process
		Then *Resumption            // continues the parent, with the PID of the child; may be nil

		// Monitor, if not nil, is performed by the parent in the same step, with the PID
		// of the child. It does not work at a meta-level. (Traces of a journal have sums
		// over the other fields.)
		Monitor *MonitorProcess `fingerprint:"-"`
	}

	// QuitProcess ends a process, and closes its endpoints and devices. If there is
	// no process with the PID, nothing happens, and the machine counts it.
	QuitProcess struct {
		PID    PID   // zero for the acting process
		Reason error // for the peers; nil if there is none
	}

	// YieldTurn lets the other processes have their turn, and then continues.
	YieldTurn struct{ Resume Resumption }

	// FreshName continues the process at once with a name that no endpoint of the
	// process has, and that no other FreshName gives it.
	FreshName struct{ Resume NameResumption }

	// MonitorProcess asks for one event [Down] when another process of the same
	// machine has gone: when it has ended, with its reason, or when the machine has
	// removed it because nothing could happen to it any more, without a reason. If
	// there is no process with the PID, the event comes at once, with the reason
	// vm.ErrNoProcess. If the process monitors the PID already, it only gets a new
	// handler. See [UnmonitorProcess].
	//
	// A monitor does not keep the process that it is about in the machine. It keeps
	// the process that has it there.
	MonitorProcess struct {
		PID     PID      // not that of the acting process; zero only in SpawnProcess
		Handler *Handler // nil for a process that ignores the event

		// Binds says that if the acting process ends first, the machine ends the other
		// one, too, with a reason that wraps vm.ErrOrphaned and that of the acting
		// process. Of several, the one with the highest PID goes first.
		Binds bool
	}

	// UnmonitorProcess ends a [MonitorProcess]: the event does not come. If there is
	// none for the PID, nothing happens, and the machine counts it.
	UnmonitorProcess struct{ PID PID }

	// UpdateLocal continues the process at once with a local value: see [Local]. At a
	// meta-level, it has the value of the process for that level. The resulting actions
	// are those of the process, so they are performed in its own machine: see [AtLevel].
	// It is an action by pointer, so that it can be part of what it updates with.
	UpdateLocal struct {
		Local  *Type        // of the value
		State  reflect.Type // that Update requires; nil if it does not change the state
		Update Updater
	}

	// OpenDevice opens a device. If the process holds the device already, it only
	// gives it a new handler.
	OpenDevice struct {
		Device  world.Device
		Handler *Handler // nil for a device whose events the process ignores
		Paused  bool     // no value but the first comes until FlowControl resumes the device
	}

	// TellDevice sends a command to a device that the process holds. If the process
	// does not hold it, nothing happens, and the machine counts it.
	TellDevice struct {
		Device  world.Device
		Command any
	}

	// CloseDevice closes a device that the process holds. The device first carries
	// out the commands that it got before.
	CloseDevice struct{ Device world.Device }

	// FlowControl pauses or resumes a device that the process holds. No value comes
	// from a paused device, with one exception: if a value was on its way when the
	// device was paused, and the device then ends, the process gets that value
	// before the end.
	FlowControl struct {
		Device world.Device
		Paused bool
	}

	// MetaLevel performs an action one level up: in the machine in which the
	// machine of the acting process is itself a process. See [AtMeta].
	MetaLevel struct{ Action Action }

	// A Tree is a list of actions that are performed in order. It may contain
	// nil, and other trees, to any depth.
	Tree []Action
)

func (AddEndpoint) action()      {}
func (ReplaceEndpoint) action()  {}
func (DeleteEndpoint) action()   {}
func (*SendMessage) action()     {}
func (SpawnProcess) action()     {}
func (QuitProcess) action()      {}
func (YieldTurn) action()        {}
func (FreshName) action()        {}
func (MonitorProcess) action()   {}
func (UnmonitorProcess) action() {}
func (OpenDevice) action()       {}
func (TellDevice) action()       {}
func (CloseDevice) action()      {}
func (FlowControl) action()      {}
func (MetaLevel) action()        {}
func (Tree) action()             {}
func (*UpdateLocal) action()     {}

// An Updater is the function of an [UpdateLocal].
type Updater interface {
	// Update returns the next state, the next value, and actions. The value is nil if
	// the process has none, and nil removes it. The level is 0 for the machine of the
	// process, 1 for one level up, and so on. Update must be pure.
	Update(state, value any, level int) (nextState, nextValue any, a Action)
}

// A PID names a process within its virtual machine. PIDs are never used again.
// The first process of a machine has PID 1; zero stands for the acting
// process.
type PID uint64

// An EndpointID names an endpoint within its process. It must be comparable
// with ==, or the process fails. A local endpoint and endpoints at each meta-level
// may have the same name.
type EndpointID any

// When returns the actions if cond is true, and nil otherwise. Like the
// arguments of any function, the actions are made in both cases.
func When(cond bool, as ...Action) Action {
	if !cond {
		return nil
	}
	return Group(as...)
}

// Group returns the simplest action that stands for all of as: nil, the only
// one, or a [Tree].
func Group(as ...Action) Action {
	switch len(as) {
	case 0:
		return nil
	case 1:
		return as[0]
	default:
		return Tree(slices.Clone(as)) // so that as can be on the stack of the caller
	}
}

// Leaves yields the actions in a tree that are not trees themselves, in the
// order in which they are performed, without nils. It does not recurse, so trees may
// have any depth.
func Leaves(a Action) iter.Seq[Action] {
	return func(yield func(Action) bool) {
		t, ok := a.(Tree)
		if !ok {
			if a != nil {
				yield(a)
			}
			return
		}
		stack := []Tree{t}
		for len(stack) > 0 {
			top := len(stack) - 1
			t := stack[top]
			if len(t) == 0 {
				stack = stack[:top]
				continue
			}
			stack[top] = t[1:]
			switch a := t[0].(type) {
			case nil:
			case Tree:
				stack = append(stack, a)
			default:
				if !yield(a) {
					return
				}
			}
		}
	}
}
