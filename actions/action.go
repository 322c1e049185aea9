package actions

import (
	"iter"
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
//	YieldTurn  FreshName
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
		Handler *Handler // nil if nothing is to be done about any event
	}

	// ReplaceEndpoint moves the endpoint of the same name to another role, in
	// one step: peers with which the conversation is the same before and after
	// hear nothing.
	ReplaceEndpoint struct{ AddEndpoint }

	// DeleteEndpoint closes an endpoint. If there is none of that name, it
	// does nothing.
	DeleteEndpoint struct {
		ID     EndpointID
		Reason error
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
	}

	// QuitProcess ends a process, and whatever it holds.
	QuitProcess struct {
		PID    PID // zero for the acting process
		Reason error
	}

	// YieldTurn lets the other processes have their turn, and then continues.
	YieldTurn struct{ Resume Resumption }

	// FreshName continues at once with a name that no endpoint of the process
	// has or will get otherwise.
	FreshName struct{ Resume NameResumption }

	// OpenDevice opens a device, or gives a new handler to the one that is
	// open already.
	OpenDevice struct {
		Device  world.Device
		Handler *Handler
		Paused  bool // receives nothing but its first value until it is resumed
	}

	// TellDevice sends a command to a device that the process holds. If it
	// does not, nothing happens, and the machine counts it.
	TellDevice struct {
		Device  world.Device
		Command any
	}

	// CloseDevice closes a device that the process holds. What it was told
	// before is carried out first.
	CloseDevice struct{ Device world.Device }

	// FlowControl pauses or resumes a device that the process holds. No value
	// comes from a paused device, but one that was on its way when the device
	// was paused, if the device then comes to its end: that value comes, and
	// the end after it.
	FlowControl struct {
		Device world.Device
		Paused bool
	}

	// MetaLevel performs an action one level up: in the machine in which the
	// machine of the acting process is itself a process.
	MetaLevel struct{ Action Action }

	// A Tree is a list of actions that are performed in order. It may contain
	// nil, and other trees, to any depth.
	Tree []Action
)

func (AddEndpoint) action()     {}
func (ReplaceEndpoint) action() {}
func (DeleteEndpoint) action()  {}
func (*SendMessage) action()    {}
func (SpawnProcess) action()    {}
func (QuitProcess) action()     {}
func (YieldTurn) action()       {}
func (FreshName) action()       {}
func (OpenDevice) action()      {}
func (TellDevice) action()      {}
func (CloseDevice) action()     {}
func (FlowControl) action()     {}
func (MetaLevel) action()       {}
func (Tree) action()            {}

// A PID names a process within its virtual machine. PIDs are never used again.
// The first process of a machine has PID 1; zero stands for the acting
// process.
type PID uint64

// An EndpointID names an endpoint within its process. It must be comparable
// with ==; a process that uses one that is not fails. Names of local endpoints
// and of endpoints at a meta-level are kept apart.
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
		return Tree(slices.Clone(as)) // so that as need not be on the heap
	}
}

// Leaves yields the actions in a tree that are not trees themselves, in the
// order in which they are performed, without nils. A tree of any depth costs
// no stack.
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
