package actions

import (
	"reflect"

	"github.com/go-marketplace/marketplace/topic"
)

// A Transition is one step of a process: the state that it moves to, and what
// it wants done.
type Transition[S any] struct {
	State   S
	Actions Action
}

// Next moves to state s, performing the actions.
func Next[S any](s S, as ...Action) Transition[S] {
	return Transition[S]{State: s, Actions: Group(as...)}
}

// Stateless is the transition of a process that has no state of its own.
func Stateless(as ...Action) Transition[struct{}] { return Next(struct{}{}, as...) }

// And returns t with further actions.
func (t Transition[S]) And(as ...Action) Transition[S] {
	t.Actions = Group(t.Actions, Group(as...))
	return t
}

// Then continues from the state of t, and has the actions of both.
func (t Transition[S]) Then(f func(S) Transition[S]) Transition[S] {
	u := f(t.State)
	u.Actions = Group(t.Actions, u.Actions)
	return u
}

// Sequence runs transition functions one after another, each on the state that
// the one before has left, and has the actions of all.
func Sequence[S any](s S, fs ...func(S) Transition[S]) Transition[S] {
	t := Transition[S]{State: s}
	all := make(Tree, 0, len(fs))
	for _, f := range fs {
		t = f(t.State)
		all = append(all, t.Actions)
	}
	t.Actions = Group(all...)
	return t
}

// Erase implements [Process].
func (t Transition[S]) Erase() (state any, as Action) { return t.State, t.Actions }

// StateType implements [Process].
func (t Transition[S]) StateType() reflect.Type { return reflect.TypeFor[S]() }

func (Transition[S]) process() {}

// A Process is a [Transition] that has forgotten the type of its state. As the
// first transition of a process, it is the specification of the process.
type Process interface {
	// Erase returns the state and the actions of the transition.
	Erase() (state any, as Action)

	// StateType returns the type of the state. It is the same for the life of
	// the process.
	StateType() reflect.Type

	process()
}

// A Handler is the transition function of an endpoint or a device, with the
// type of its state forgotten. Package endpoint makes handlers from typed
// functions.
type Handler struct {
	// State is the type of state that Run requires, or nil if any will do. It
	// is checked when the endpoint is opened.
	State reflect.Type

	// Run is called with the state of the process and an event. The event is
	// valid during the call only. Run must be pure.
	Run func(state any, ev *Event) (next any, a Action)

	// Events are the kinds of event that Run is called for, and perhaps
	// IgnoresReason. Zero means all.
	Events EventSet

	// Demand asks for events [First] and [Last]. It is nil if those are of no
	// interest.
	Demand *Demand
}

// HandlerOf returns f as a [Handler].
func HandlerOf[S any](f func(S, *Event) Transition[S]) *Handler {
	return &Handler{
		State: reflect.TypeFor[S](),
		Run: func(state any, ev *Event) (any, Action) {
			s, _ := state.(S) // comma, ok: the state may be a nil interface
			return f(s, ev).Erase()
		},
	}
}

// Demand says how the machine counts the peers of an endpoint: those with
// equal values in the selected fields of their conversations count as one
// demand. The endpoint is told of the first peer, and, once the machine has
// come to rest, that there is none any more.
type Demand struct {
	By     topic.Selection
	Filter Filter
}

// Counts returns the conversation by which an endpoint that plays the role own
// counts one that plays the role peer; self says that both are of one process. It
// reports false if the endpoint does not count the peer.
func (d Demand) Counts(own, peer topic.Role, self bool) (conversation topic.Topic, ok bool) {
	common, ok := peer.Intersect(own)
	peer.Topic = common
	if !ok || !own.Sees(peer) || !d.Filter.Passes(peer, self) {
		return topic.Topic{}, false
	}
	return common.Project(d.By), true
}

// A Filter says which peers count, by what they are. The zero Filter passes
// everybody.
type Filter struct {
	Interest    Maybe[topic.Interest]
	Orientation Maybe[topic.Orientation]
	Others      bool // what the process does itself does not count
}

// Maybe is a value that may be left out.
type Maybe[T comparable] struct {
	Value T
	Set   bool
}

// Only returns the value v.
func Only[T comparable](v T) Maybe[T] { return Maybe[T]{v, true} }

func (m Maybe[T]) allows(v T) bool { return !m.Set || m.Value == v }

// Passes reports whether the filter lets a peer through.
func (f Filter) Passes(peer topic.Role, self bool) bool {
	return f.Interest.allows(peer.Interest) && f.Orientation.allows(peer.Orientation) && !(f.Others && self)
}

// A Resumption continues a process with a PID: that of a child that it has
// spawned, or zero.
type Resumption struct {
	State reflect.Type // that Run requires; nil if any will do
	Run   func(state any, child PID) (next any, a Action)
}

// ResumeWith returns f as a [Resumption].
func ResumeWith[S any](f func(S, PID) Transition[S]) Resumption {
	return Resumption{reflect.TypeFor[S](), func(state any, child PID) (any, Action) {
		s, _ := state.(S)
		return f(s, child).Erase()
	}}
}

// A NameResumption continues a process with a fresh name.
type NameResumption struct {
	State reflect.Type // that Run requires; nil if any will do
	Run   func(state any, name EndpointID) (next any, a Action)
}

// ResumeNamed returns f as a [NameResumption].
func ResumeNamed[S any](f func(S, EndpointID) Transition[S]) NameResumption {
	return NameResumption{reflect.TypeFor[S](), func(state any, name EndpointID) (any, Action) {
		s, _ := state.(S)
		return f(s, name).Erase()
	}}
}

// An Event is what an endpoint or a device is told.
type Event struct {
	Kind    EventKind
	Peer    topic.Role    // narrowed to what is common to both; for Presence, Absence, First and Last
	Self    bool          // the peer is an endpoint of the same process; for Delivery: the process has sent the message itself
	Reason  error         // for Absence, Ended and Failed
	Message topic.Message // for Delivery
	Value   any           // for Value, and the command for Failed and Done
}

// EventKind tells events apart.
type EventKind uint8

// The kinds of event.
const (
	Delivery EventKind = iota // a message has come
	Presence                  // a peer has come
	Absence                   // a peer has gone
	First                     // somebody is there for a conversation, and nobody was
	Last                      // nobody is there for a conversation any more
	Value                     // a device has a value
	Ended                     // a device has come to its end
	Failed                    // a device has failed to carry out a command
	Done                      // a device has carried out a command: see world.Reporter
)

// An EventSet is a set of kinds of event.
type EventSet uint16

// IgnoresReason is a mark on the kinds of a [Handler]: it does nothing with the
// reason of an absence. A process that fails in the sight of such handlers alone
// has failed unheard, and the machine warns of it.
const IgnoresReason EventSet = 1 << 15

// EventsOf returns the set of the given kinds.
func EventsOf(ks ...EventKind) (s EventSet) {
	for _, k := range ks {
		s |= 1 << k
	}
	return s
}

// Has reports whether k is in s. The zero EventSet has all kinds.
func (s EventSet) Has(k EventKind) bool { return s == 0 || s>>k&1 == 1 }

// EventKinds is the number of kinds of event.
const EventKinds = int(Done) + 1

// String returns the name of the kind, in lower case.
func (k EventKind) String() string {
	switch k {
	case Delivery:
		return "message"
	case Presence:
		return "presence"
	case Absence:
		return "absence"
	case First:
		return "first"
	case Last:
		return "last"
	case Value:
		return "value"
	case Ended:
		return "end"
	case Failed:
		return "failed"
	case Done:
		return "done"
	}
	return "unknown"
}
