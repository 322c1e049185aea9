package actions

import (
	"reflect"

	"github.com/go-marketplace/marketplace/topic"
)

// A Transition is one step of a process: its next state, and the actions that the
// machine performs for it.
type Transition[S any] struct {
	State   S
	Actions Action // nil if there are none
}

// Next returns the transition to state s with the given actions.
func Next[S any](s S, as ...Action) Transition[S] {
	return Transition[S]{State: s, Actions: Group(as...)}
}

// Stateless returns the transition of a process without a state.
func Stateless(as ...Action) Transition[struct{}] { return Next(struct{}{}, as...) }

// And returns t with more actions, after those that it has.
func (t Transition[S]) And(as ...Action) Transition[S] {
	t.Actions = Group(t.Actions, Group(as...))
	return t
}

// Then calls f with the state of t. It returns the state that f returns, and the
// actions of t followed by those of f.
func (t Transition[S]) Then(f func(S) Transition[S]) Transition[S] {
	u := f(t.State)
	u.Actions = Group(t.Actions, u.Actions)
	return u
}

// Sequence calls transition functions one after another, the first with s and each
// other with the state that the one before returns. It returns the last state, and
// the actions of all in order.
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

// A Handler is the transition function of an endpoint, a device or a monitor, with
// the type of its state forgotten. Package endpoint makes handlers from typed
// functions.
type Handler struct {
	// State is the type of state that Run requires. The machine compares it with
	// the type of the state of the process when the process opens the endpoint or
	// device. It is nil for a function that takes a state of any type and does not
	// change it: the machine then ignores the state that Run returns.
	State reflect.Type

	// Run handles an event: it gets the state of the process, and returns the next
	// state and actions. The event is valid during the call only. Run must be pure.
	Run func(state any, ev *Event) (next any, a Action)

	// Events are the kinds of event that the machine calls Run for, and perhaps
	// IgnoresReason. Zero means all kinds.
	Events EventSet

	// Demand asks for the events [First] and [Last]. It is nil for a handler that
	// does not need them.
	Demand *Demand

	// Local is the type of a [Local] for a handler that gets and returns the local
	// value of the process for the level of the endpoint in place of the state: see
	// [Local.Handler]. Its State is nil. Local is nil for all other handlers. Code that
	// wraps Run copies the other fields, and hands on the argument and the result.
	Local *Type `fingerprint:"-"`
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

// Demand says how the machine counts the peers of an endpoint. Peers with equal
// values in the selected fields of their conversations are one demand. The endpoint
// gets the event First when the first of them comes, and Last when none is left and
// the machine has come to rest.
type Demand struct {
	By     topic.Selection // the fields; the zero Selection has all
	Filter Filter          // the peers that count
}

// Counts returns the conversation by which an endpoint with role own counts a peer
// with role peer; self says that both belong to the same process. It reports false
// if the endpoint does not count the peer.
func (d Demand) Counts(own, peer topic.Role, self bool) (conversation topic.Topic, ok bool) {
	common, ok := peer.Intersect(own)
	peer.Topic = common
	if !ok || !own.Sees(peer) || !d.Filter.Passes(peer, self) {
		return topic.Topic{}, false
	}
	return common.Project(d.By), true
}

// A Filter selects peers by their roles. The zero Filter passes all.
type Filter struct {
	Interest    Maybe[topic.Interest]    // the only interest that passes, if set
	Orientation Maybe[topic.Orientation] // the only orientation that passes, if set
	Others      bool                     // endpoints and messages of the process itself do not pass
}

// Maybe is an optional value.
type Maybe[T comparable] struct {
	Value T
	Set   bool
}

// Only returns the Maybe that is set to v.
func Only[T comparable](v T) Maybe[T] { return Maybe[T]{v, true} }

func (m Maybe[T]) allows(v T) bool { return !m.Set || m.Value == v }

// Passes reports whether the filter passes a peer. Self says that the peer is an
// endpoint of the same process.
func (f Filter) Passes(peer topic.Role, self bool) bool {
	return f.Interest.allows(peer.Interest) && f.Orientation.allows(peer.Orientation) && !(f.Others && self)
}

// A Resumption is a function that continues a process: after a spawn with the PID of
// the child, and after a yield with zero.
type Resumption struct {
	State reflect.Type // that Run requires; nil for any
	Run   func(state any, child PID) (next any, a Action)
}

// ResumeWith returns f as a [Resumption].
func ResumeWith[S any](f func(S, PID) Transition[S]) Resumption {
	return Resumption{reflect.TypeFor[S](), func(state any, child PID) (any, Action) {
		s, _ := state.(S)
		return f(s, child).Erase()
	}}
}

// A NameResumption is a function that continues a process with a fresh name.
type NameResumption struct {
	State reflect.Type // that Run requires; nil for any
	Run   func(state any, name EndpointID) (next any, a Action)
}

// ResumeNamed returns f as a [NameResumption].
func ResumeNamed[S any](f func(S, EndpointID) Transition[S]) NameResumption {
	return NameResumption{reflect.TypeFor[S](), func(state any, name EndpointID) (any, Action) {
		s, _ := state.(S)
		return f(s, name).Erase()
	}}
}

// An Event is the argument of a [Handler]: what has happened at an endpoint or a
// device of the process, or to a process that it monitors.
type Event struct {
	Kind    EventKind
	Peer    topic.Role    // for Presence, Absence, First and Last; its topic is that of the conversation. For Delivery, only its orientation is set: that of the sender
	PeerID  PeerID        `fingerprint:"-"` // for Presence and Absence: which endpoint the peer is. Older journals do not have it in their fingerprints
	Self    bool          // the peer is an endpoint of the same process; for Delivery, the sender is the process itself
	Reason  error         // for Absence, Ended, Failed and Down; nil if there is none
	Message topic.Message // for Delivery
	Value   any           // the value for Value, the command for Failed and Done, and the PID for Down: that of the process that has gone
}

// A PeerID tells the peers of an endpoint apart: the presence and the absence of one
// endpoint have the same PeerID, and those of two endpoints have different ones. An
// endpoint that moves to another role keeps its PeerID. It is unique in the machine in
// which the conversation takes place, and it is of no use to send messages. Its
// fields are exported so that it can be part of a state.
type PeerID struct {
	PID PID    // the process, or the nested machine in which it lives
	Seq uint32 // the number of the endpoint in the process
}

// EventKind tells events apart.
type EventKind uint8

// The kinds of event.
const (
	Delivery EventKind = iota // a message or feedback has come
	Presence                  // a peer has come
	Absence                   // a peer has gone
	First                     // the first peer of a demand has come: see Demand
	Last                      // a demand has no peer left: see Demand
	Value                     // a value has come from a device
	Ended                     // a device has ended
	Failed                    // a device has failed to carry out a command
	Done                      // a device has carried out a command: see world.Reporter
	Down                      // a process has gone: see MonitorProcess
)

// An EventSet is a set of kinds of event.
type EventSet uint16

// IgnoresReason in the Events of a [Handler] says that the handler ignores the reason
// of an absence. If a process fails and only such handlers are told, the machine
// warns of the failure.
const IgnoresReason EventSet = 1 << 15

// EventsOf returns the set of the given kinds.
func EventsOf(ks ...EventKind) (s EventSet) {
	for _, k := range ks {
		s |= 1 << k
	}
	return s
}

// Has reports whether k is in s. All kinds are in the zero EventSet.
func (s EventSet) Has(k EventKind) bool { return s == 0 || s>>k&1 == 1 }

// EventKinds is the number of kinds of event.
const EventKinds = int(Down) + 1

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
	case Down:
		return "down"
	}
	return "unknown"
}
