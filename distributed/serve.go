package distributed

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/benbjohnson/immutable"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed/internal/wire"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
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
		s := newServer(c, self, Place{c.Network.Node(), name, 0})
		return actions.Next(s, s.open())
	}).Named("place " + name)
}

// A server is the process that makes its machine a place.
type server struct {
	config Config
	self   actions.PID
	place  Place // without an epoch until the first opening of the lobby

	mirrors *immutable.SortedMap[client, actions.PID]
}

// The presence of an opening says that the machine will be served as a place, and has no
// epoch yet.
type opening struct{}

type byClient struct{}

func (byClient) Compare(a, b client) int {
	return cmp.Or(cmp.Compare(a.Node, b.Node), cmp.Compare(a.ID, b.ID))
}

func newServer(c Config, self actions.PID, p Place) server {
	return server{c, self, p, immutable.NewSortedMap[client, actions.PID](byClient{})}
}

func (s server) lobby() lobby { return lobby{s.config, s.place.Name} }

// open opens the lobby, and says as which place the machine is served.
func (s server) open() actions.Action {
	as := actions.Tree{
		endpoint.Device(s.lobby(), endpoint.OnValueState(server.opened), endpoint.OnValueState(server.arrived),
			endpoint.OnEnded(func(reason error) actions.Action { return actions.Fail(reason) })),
		actions.When(s.place.Epoch != 0, s.here()),
		actions.When(s.place.Epoch == 0, endpoint.Publisher(topic.All[opening]()).As("opening")),
	}
	for i := s.mirrors.Iterator(); !i.Done(); {
		who, pid, _ := i.Next()
		as = append(as, s.monitor(who, pid))
	}
	return as
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
	return actions.Next(s, actions.When(fresh, s.here(), actions.Delete("opening")), actions.Tell(s.lobby(), lobbyAccept{s.place.Epoch}))
}

// arrived handles a client. If it has a mirror already, this one goes first, so that nobody
// sees the client twice.
func (s server) arrived(v lobbyArrived) actions.Transition[server] {
	var before actions.Action
	if pid, ok := s.mirrors.Get(v.Client); ok {
		before = actions.Kill(pid, ErrReplaced)
	}
	spawn := actions.SpawnFunc(func(self actions.PID) actions.Process {
		m := newMirror(s.config, self)
		m.server, m.place, m.client, m.conn = s.self, s.place, v.Client.Node, v.Conn
		return actions.Next(m, m.open())
	}).Named("client " + v.Client.Node).Monitored(s.monitor(v.Client, 0)).Continue(actions.ResumeWith(
		func(s server, pid actions.PID) actions.Transition[server] {
			s.mirrors = s.mirrors.Set(v.Client, pid)
			return actions.Next(s)
		}))
	return actions.Next(s, before, spawn)
}

// monitor returns the monitor of a mirror.
func (s server) monitor(who client, pid actions.PID) actions.MonitorProcess {
	return endpoint.MonitorState(pid, func(s server, pid actions.PID, reason error) actions.Transition[server] {
		if now, ok := s.mirrors.Get(who); ok && now == pid {
			s.mirrors = s.mirrors.Delete(who)
		}
		return actions.Next(s, actions.When(isFault(reason), actions.Tell(s.lobby(), lobbyWarn{who.Node, reason})))
	})
}

// isFault reports whether the end of a link is for the log: the reason is neither that the
// client has gone nor that the way to it has.
func isFault(reason error) bool {
	if reason == nil {
		return false
	}
	for _, usual := range []error{ErrLeft, ErrLost, world.ErrStopped, world.ErrNotKept} {
		if errors.Is(reason, usual) {
			return false
		}
	}
	return true
}
