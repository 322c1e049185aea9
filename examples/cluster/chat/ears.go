package main

import (
	"errors"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
)

// ears is the state of the process that has an ear for each other node with a room: for which
// nodes there is one. An ear stays when its node is lost, and hears its people again when the
// node is back.
type ears map[string]bool

func listen() actions.Action {
	return actions.AtMeta(endpoint.Subscriber(distributed.Named(place),
		endpoint.OnPresenceState(ears.found),
		endpoint.OnAbsence(func(u distributed.Up, reason error) actions.Action {
			return report("node %q is gone: %v", u.Place.Node, reason)
		}),
	))
}

// found starts an ear for a node, if there is none.
func (e ears) found(u distributed.Up) actions.Transition[ears] {
	node := u.Place.Node
	return actions.Next(e.with(node, true), report("node %q is here", node),
		actions.When(!e[node], actions.Spawn(ear(u.Place)).Named("ear "+node).Monitored(endpoint.MonitorState(0,
			func(e ears, _ actions.PID, reason error) actions.Transition[ears] {
				return actions.Next(e.with(node, false), report("the ear for node %q is gone: %v", node, reason))
			}))))
}

func (e ears) with(node string, has bool) ears {
	next := ears{node: has}
	for n, had := range e {
		if n != node {
			next[n] = had
		}
	}
	return next
}

// ear repeats in this room what happens in the room of another node. It asks for the people
// of that node only, so nothing comes back to where it is from. If the programs of the two
// nodes do not fit together, it fails, and other ears do not.
func ear(there distributed.Place) actions.Process {
	there.Epoch = 0 // the lives to come, too
	return actions.Stateless(actions.AtMeta(there.At(endpoint.Subscriber(topic.Where(On.Is(there.Node)),
		endpoint.OnPresence(func(s Says) actions.Action {
			return endpoint.Publisher(topic.Where(On.Is(s.On), Who.Is(s.Who))).As(s.Who)
		}),
		endpoint.OnAbsence(func(s Says, reason error) actions.Action { return actions.Delete(s.Who).Because(reason) }),
		endpoint.OnMessage(func(s Says) actions.Action { return actions.Send(s) }),
	))))
}

// listeners is the admission of rooms: other nodes listen, and do nothing else. So each node
// speaks in its own room alone, and for its own people.
const listeners distributed.Admission = "chat.listeners"

func init() {
	distributed.RegisterAdmission(listeners, func(w distributed.Wish) error {
		if _, ok := topic.Typed[Says](w.Role.Topic); ok && w.Role.Orientation == topic.Subscriber {
			return nil
		}
		return errors.New("chat: other nodes only listen in a room")
	})
}
