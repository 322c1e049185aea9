package distributed

import (
	"fmt"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed/internal/wire"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
)

// Serve returns the action that makes the machine in which it is performed a place with a
// name, so that others can take part in it: see [Place.At]. The machine can be nested. The
// name has at most 255 bytes; "" stands for the node itself.
//
// The place has an epoch, which stays the same as long as the machine lives: also if it
// is recovered from a journal. The process fails if the network cannot offer the place.
//
// Serve panics if c is not as its fields demand, or the name is too long.
func (c Config) Serve(name string) actions.SpawnProcess {
	c = c.settled("Serve")
	if len(name) > wire.MaxName {
		panic(fmt.Sprintf("distributed: Config.Serve: the name %.32q... has %d bytes, and at most %d are allowed", name, len(name), wire.MaxName))
	}
	return actions.SpawnFunc(func(self actions.PID) actions.Process {
		s := server{config: c, self: self, place: Place{c.Network.Node(), name, 0}}
		return actions.Next(s, s.open())
	}).Named("place " + name)
}

// A server is the process that makes its machine a place.
type server struct {
	config Config
	self   actions.PID
	place  Place // without an epoch until the first opening of the lobby
}

func (s server) lobby() lobby { return lobby{s.config, s.place.Name} }

// open opens the lobby, and says as which place the machine is served.
func (s server) open() actions.Action {
	return actions.Tree{
		endpoint.Device(s.lobby(), endpoint.OnValueState(server.opened), endpoint.OnValueState(server.arrived),
			endpoint.OnEnded(func(reason error) actions.Action { return actions.Fail(reason) })),
		actions.When(s.place.Epoch != 0, s.here()),
	}
}

func (s server) here() actions.Action {
	return endpoint.Publisher(topic.Where(herePlace.Is(s.place))).As("here")
}

// opened handles the opening of the lobby: the first decides the epoch.
func (s server) opened(v lobbyOpen) actions.Transition[server] {
	fresh := s.place.Epoch == 0
	if fresh {
		s.place.Epoch = v.Epoch
	}
	return actions.Next(s, actions.When(fresh, s.here()), actions.Tell(s.lobby(), lobbyAccept{s.place.Epoch}))
}

// arrived handles a client.
func (s server) arrived(v lobbyArrived) actions.Transition[server] {
	return actions.Next(s, actions.SpawnFunc(func(self actions.PID) actions.Process {
		m := newMirror(s.config, self)
		m.server, m.place, m.client, m.conn = s.self, s.place, v.Client, v.Conn
		return actions.Next(m, m.open())
	}).Named("client "+v.Client))
}
