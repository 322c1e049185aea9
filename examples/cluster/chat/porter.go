package main

import (
	"errors"
	"fmt"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// Says is the language of the rooms. The people in a room publish what they say.
type Says struct {
	On   string // the node to which the speaker is connected
	Who  string
	What string
}

// The fields of a [Says] that say who speaks.
var (
	On  = topic.FieldOf(func(s *Says) *string { return &s.On })
	Who = topic.FieldOf(func(s *Says) *string { return &s.Who })
)

func init() { world.Register[Says]("chat.Says") }

// place is the name of the room on each node.
const place = "room"

// room is a nested machine that people join by connecting, and that other nodes can reach.
func room(cluster distributed.Config, at tcp.Addr) actions.Action {
	return actions.Spawn(vm.Nested(
		cluster.Serve(place).Monitored(endpoint.Monitor(0, unserved)),
		actions.Spawn(porter(cluster.Network.Node(), at)).Named("porter"),
		actions.Spawn(actions.Next(ears{}, listen())).Named("ears"),
	)).Named(place)
}

// unserved ends the program if other nodes cannot reach the room, for example because the
// address is in use.
func unserved(_ actions.PID, reason error) actions.Action {
	return actions.When(reason != nil && !errors.Is(reason, world.ErrStopped), endpoint.Exit(reason))
}

// porter lets people in on a node.
func porter(node string, at tcp.Addr) actions.Process {
	return actions.Stateless(
		actions.AtMeta(endpoint.ObservePublishers(tcp.Arriving(at), endpoint.OnPresence(func(d tcp.Data) actions.Action {
			return actions.SpawnFunc(func(self actions.PID) actions.Process {
				return actions.Stateless(session{node, fmt.Sprintf("user%v@%s", self, node), d.Connection()}.enter())
			}).Named("session")
		}))),
		endpoint.Subscriber(distributed.Whereabouts(), endpoint.OnPresence(func(h distributed.Here) actions.Action {
			return report("node %q is within reach", h.Place.Node)
		})),
	)
}

// report tells the operator a line.
func report(format string, args ...any) actions.Action {
	return actions.AtMeta(console.Printf("chat: "+format, args...))
}
