package endpoint

import (
	"reflect"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
)

// A Handler reacts to one kind of event at an endpoint for messages of type M.
// Handlers are immutable values.
type Handler[M any] struct{ handler }

// FromInterest restricts the handler to peers of the given interest. In
// handlers of messages it has no effect: messages reach every interest, and do
// not tell that of their sender.
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

// IgnoringReason says that a handler for absence does nothing with the reason,
// which is for somebody else: a driver that only keeps account of its processes
// leaves it to those for whom they work. If nobody else hears it, the machine
// warns. In handlers for other events it has no effect.
func (h Handler[M]) IgnoringReason() Handler[M] {
	h.ignores = h.kind == actions.Absence
	return h
}

// OnMessage calls f for every message.
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

// OnPresence calls f when a peer has come. The conversation c is what both
// ends have in common, as an example: what either end pins is set, what is
// open is zero. Where that matters, use [OnEvent], which gets the pattern.
//
// There is one call for each peer, and each peer is announced once. Endpoints of
// the same process are peers, too, if they face each other: see
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

// OnAbsence calls f when a peer has gone. The reason is nil if it went of its
// own accord.
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

// OnFirst calls f when somebody is there for a conversation and nobody was.
// Conversations that are equal in the given fields count as one; without
// fields, those that are equal altogether. In c, only those fields are set.
//
// OnFirst and [OnLast] are for those who serve a demand: a driver opens a
// socket for the first who asks for it, and closes it after the last.
func OnFirst[M any](f func(c M) actions.Action, by ...topic.Key[M]) Handler[M] {
	return counted(plain[M](actions.First, func(ev *actions.Event) actions.Action { return f(conversationOf[M](ev)) }), by)
}

// OnFirstState is [OnFirst] for functions that update the state.
func OnFirstState[S, M any](f func(s S, c M) actions.Transition[S], by ...topic.Key[M]) Handler[M] {
	return counted(stateful[M](actions.First, func(s S, ev *actions.Event) actions.Transition[S] {
		return f(s, conversationOf[M](ev))
	}), by)
}

// OnLast calls f when nobody is there for a conversation any more, and somebody
// was. With or without an [OnFirst], which must count the same, it is judged when the machine has come
// to rest, so a conversation that is handed from one process to another is not
// interrupted.
func OnLast[M any](f func(c M) actions.Action, by ...topic.Key[M]) Handler[M] {
	return counted(plain[M](actions.Last, func(ev *actions.Event) actions.Action { return f(conversationOf[M](ev)) }), by)
}

// OnLastState is [OnLast] for functions that update the state.
func OnLastState[S, M any](f func(s S, c M) actions.Transition[S], by ...topic.Key[M]) Handler[M] {
	return counted(stateful[M](actions.Last, func(s S, ev *actions.Event) actions.Transition[S] {
		return f(s, conversationOf[M](ev))
	}), by)
}

// An Event is everything that an endpoint is told of what happens.
type Event[M any] struct {
	Message      M                // for messages
	Conversation topic.Pattern[M] // for everything else
	Peer         topic.Role       // its topic is the conversation
	Self         bool             // the peer is an endpoint of the same process, or the process has sent the message itself
	Reason       error            // for absence
}

// OnEvent calls f for events of the given kind, with all that is known. It is
// the general form of the others, but for [OnFirst] and [OnLast], which it
// refuses with a panic: those count.
func OnEvent[S, M any](kind actions.EventKind, f func(s S, ev Event[M]) actions.Transition[S]) Handler[M] {
	if kind > actions.Absence {
		panic("endpoint: OnEvent is for messages, presence and absence: use OnFirst, OnLast, or a Device")
	}
	return stateful[M](kind, func(s S, ev *actions.Event) actions.Transition[S] {
		e := Event[M]{Peer: ev.Peer, Self: ev.Self, Reason: ev.Reason}
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
