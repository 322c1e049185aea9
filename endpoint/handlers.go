package endpoint

import (
	"reflect"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
)

// A Handler handles one kind of event at an endpoint for messages of type M. The
// functions that begin with On make handlers. Handlers are immutable values.
type Handler[M any] struct{ handler }

// FromInterest restricts the handler to peers of the given interest. It has no
// effect on handlers of messages, because a message does not have the interest of
// its sender.
func (h Handler[M]) FromInterest(i topic.Interest) Handler[M] {
	if h.kind != actions.Delivery {
		h.filter.Interest = actions.Only(i)
	}
	return h
}

// FromOrientation restricts the handler to peers of the given orientation.
func (h Handler[M]) FromOrientation(o topic.Orientation) Handler[M] {
	h.filter.Orientation = actions.Only(o)
	return h
}

// FromOthers restricts the handler to peers that are not endpoints of the same
// process, and to messages that the process has not sent itself. Other processes
// of the same nested machine are others, also at meta-levels.
func (h Handler[M]) FromOthers() Handler[M] {
	h.filter.Others = true
	return h
}

// IgnoringReason says that a handler of absence ignores the reason. For example, a
// driver that only counts its processes leaves the reason to the processes that they
// serve. If no other handler gets the reason, the machine warns of it. It has no
// effect on handlers of other events.
func (h Handler[M]) IgnoringReason() Handler[M] {
	h.ignores = h.kind == actions.Absence
	return h
}

// OnMessage calls f for every message, or at a publisher for every feedback, that
// the topic of the endpoint matches.
func OnMessage[M any](f func(m M) actions.Action) Handler[M] {
	return Handler[M]{handler{kind: actions.Delivery, run: func(state any, ev *actions.Event) (any, actions.Action) {
		return state, f(messageOf[M](ev))
	}}}
}

// OnMessageState is [OnMessage] for functions that update the state.
func OnMessageState[S, M any](f func(s S, m M) actions.Transition[S]) Handler[M] {
	return Handler[M]{handler{kind: actions.Delivery, state: reflect.TypeFor[S](), run: func(state any, ev *actions.Event) (any, actions.Action) {
		s, _ := state.(S)
		t := f(s, messageOf[M](ev))
		return t.State, t.Actions
	}}}
}

// OnPresence calls f once for each peer that comes. The argument c is an example of
// the conversation: fields that one of the two endpoints pins are set, and open
// fields are zero. [OnEvent] tells open fields from those pinned to zero: it gets
// the pattern.
//
// Peers are endpoints of the other orientation whose topics have a message in common
// with that of this endpoint. They can belong to the same process: see
// [Handler.FromOthers].
func OnPresence[M any](f func(c M) actions.Action) Handler[M] {
	return plain[M](actions.Presence, func(ev *actions.Event) actions.Action { return f(conversationOf[M](ev)) })
}

// OnPresenceState is [OnPresence] for functions that update the state.
func OnPresenceState[S, M any](f func(s S, c M) actions.Transition[S]) Handler[M] {
	return stateful[M](actions.Presence, func(s S, ev *actions.Event) actions.Transition[S] {
		return f(s, conversationOf[M](ev))
	})
}

// OnAbsence calls f once for each peer that goes. The argument c is that of
// [OnPresence]. The reason is the one with which the process of the peer has failed
// or was killed, or has deleted the endpoint; it is nil if there was none.
func OnAbsence[M any](f func(c M, reason error) actions.Action) Handler[M] {
	return plain[M](actions.Absence, func(ev *actions.Event) actions.Action {
		return f(conversationOf[M](ev), ev.Reason)
	})
}

// OnAbsenceState is [OnAbsence] for functions that update the state.
func OnAbsenceState[S, M any](f func(s S, c M, reason error) actions.Transition[S]) Handler[M] {
	return stateful[M](actions.Absence, func(s S, ev *actions.Event) actions.Transition[S] {
		return f(s, conversationOf[M](ev), ev.Reason)
	})
}

// OnFirst calls f when the first peer of a conversation comes. Conversations that are
// equal in the fields by count as one; without fields, those that are equal in all.
// In c, only these fields are set.
//
// OnFirst and [OnLast] let a process serve a demand: a driver opens a socket for the
// first peer that asks for it, and closes it after the last.
func OnFirst[M any](f func(c M) actions.Action, by ...topic.Key[M]) Handler[M] {
	return counted(plain[M](actions.First, func(ev *actions.Event) actions.Action { return f(conversationOf[M](ev)) }), by)
}

// OnFirstState is [OnFirst] for functions that update the state.
func OnFirstState[S, M any](f func(s S, c M) actions.Transition[S], by ...topic.Key[M]) Handler[M] {
	return counted(stateful[M](actions.First, func(s S, ev *actions.Event) actions.Transition[S] {
		return f(s, conversationOf[M](ev))
	}), by)
}

// OnLast calls f when a conversation has no peer left. The machine decides that when
// it has come to rest, so that one process can hand a conversation to another
// without an interruption. An [OnFirst] of the same endpoint must have the same
// fields and filters.
func OnLast[M any](f func(c M) actions.Action, by ...topic.Key[M]) Handler[M] {
	return counted(plain[M](actions.Last, func(ev *actions.Event) actions.Action { return f(conversationOf[M](ev)) }), by)
}

// OnLastState is [OnLast] for functions that update the state.
func OnLastState[S, M any](f func(s S, c M) actions.Transition[S], by ...topic.Key[M]) Handler[M] {
	return counted(stateful[M](actions.Last, func(s S, ev *actions.Event) actions.Transition[S] {
		return f(s, conversationOf[M](ev))
	}), by)
}

// An Event has all data of a message, a presence or an absence.
type Event[M any] struct {
	Message      M                // for messages
	Conversation topic.Pattern[M] // for presence and absence
	Peer         topic.Role       // for presence and absence; its topic is the conversation. For messages only its orientation is set
	PeerID       actions.PeerID   // for presence and absence: which endpoint the peer is
	Self         bool             // the peer is an endpoint of the same process, or the process has sent the message itself
	Reason       error            // for absence
}

// OnEvent calls f for events of the given kind, with all their data. It is the
// general form of [OnMessage], [OnPresence] and [OnAbsence]. It panics if kind is
// another than [actions.Delivery], [actions.Presence] and [actions.Absence].
func OnEvent[S, M any](kind actions.EventKind, f func(s S, ev Event[M]) actions.Transition[S]) Handler[M] {
	if kind > actions.Absence {
		panic("endpoint: OnEvent is for messages, presence and absence: use OnFirst, OnLast, or a Device")
	}
	return stateful[M](kind, func(s S, ev *actions.Event) actions.Transition[S] {
		e := Event[M]{Peer: ev.Peer, PeerID: ev.PeerID, Self: ev.Self, Reason: ev.Reason}
		if kind == actions.Delivery {
			e.Message = messageOf[M](ev)
		} else {
			e.Conversation, _ = topic.Typed[M](ev.Peer.Topic)
		}
		return f(s, e)
	})
}

func plain[M any](k actions.EventKind, f func(*actions.Event) actions.Action) Handler[M] {
	return Handler[M]{handler{kind: k, run: func(state any, ev *actions.Event) (any, actions.Action) {
		return state, f(ev)
	}}}
}

func stateful[M, S any](k actions.EventKind, f func(S, *actions.Event) actions.Transition[S]) Handler[M] {
	return Handler[M]{handler{kind: k, state: reflect.TypeFor[S](), run: actions.HandlerOf(f).Run}}
}

func counted[M any](h Handler[M], by []topic.Key[M]) Handler[M] {
	h.by = topic.Select(by...)
	return h
}

func messageOf[M any](ev *actions.Event) M {
	m, ok := topic.As[M](ev.Message)
	if !ok {
		if e, erased := any(&m).(*topic.Erased); erased {
			e.Message = ev.Message
		}
	}
	return m
}

func conversationOf[M any](ev *actions.Event) M {
	var m M
	if e, erased := any(&m).(*topic.Erased); erased {
		e.Topic = ev.Peer.Topic
		return m
	}
	p, _ := topic.Typed[M](ev.Peer.Topic)
	return p.Example()
}
