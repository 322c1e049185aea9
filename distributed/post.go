package distributed

import (
	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
)

// Post returns the action that sends a letter to the mailbox of h if it is there, and then
// continues the process with the result:
//
//   - nil: the mailbox was there, and the letter is on its way, as with [Handle.Send];
//   - [ErrNoMailbox], with the name: the place is there, and the mailbox is not;
//   - [ErrUnreachable]: there was no link for a lease;
//   - another reason, such as [ErrStale], if the place refuses an endpoint as that of
//     [Handle.Presence].
//
// If there is an error, nothing was sent. The process does not wait: it handles other events
// meanwhile. A process that needs an answer from the mailbox makes a call: see package rpc.
//
// Post panics as Send does. Until there is a result, the machine cannot be saved.
func (h Handle) Post(from Handle, body any, then func(error) actions.Action) actions.Action {
	send := h.Send(from, body)
	p := endpoint.Publisher(topic.Where(letterTo.Is(h.Name)), endpoint.OnPresence(func(Letter) actions.Action {
		return actions.Group(send, actions.Quit())
	}))
	p.Passive = true // the postman hears by itself that the place refuses it
	p = p.As(postman{})
	fail := func(reason error) actions.Action { // of which the place need not hear
		return actions.Group(actions.Delete(postman{}), actions.Fail(reason))
	}
	nobody := fail(noMailbox(h.Name, h.Place))
	settled, away := h.Place.Settled(p.Role, actions.HandlerOf(func(s postman, ev *actions.Event) actions.Transition[postman] {
		if ev.Kind == actions.Presence {
			return actions.Next(s, nobody)
		}
		m, _ := ev.Message.Value().(happening)
		return actions.Next(s, actions.When(m.Unreachable() != nil, fail(m.Unreachable())))
	}))
	var last actions.Action = settled
	if away {
		settled.Handler.Events = actions.EventsOf(actions.Presence, actions.Delivery)
	} else {
		last = actions.Yield(func(s postman) actions.Transition[postman] { return actions.Next(s, nobody) })
	}
	return actions.Spawn(actions.Next(postman{}, h.Place.At(p), last)).Named("postman").Monitored(
		endpoint.Monitor(0, func(_ actions.PID, reason error) actions.Action { return then(reason) }))
}

// A postman is the process that sends one letter of [Handle.Post]. Its end is the result.
type postman struct{}
