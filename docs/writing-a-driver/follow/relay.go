package follow

import (
	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
)

// Relay returns the process through which the driver outside serves users in a
// nested machine. There is one in each machine between the driver and its
// users.
func Relay() actions.SpawnProcess {
	return actions.Spawn(actions.Next(relay{}, relay{}.open())).Named("follow relay")
}

// A relay is the state of a relay.
type relay struct {
	Files files // that somebody inside wants
}

// open opens what the relay has.
func (r relay) open() actions.Action {
	all := actions.Tree{
		endpoint.ObserveSubscribers(topic.All[Line](),
			endpoint.OnFirstState(relay.begin, File),
			endpoint.OnLastState(relay.end, File),
		),
	}
	for _, path := range r.Files {
		all = append(all, carry(path), ready(path))
	}
	return all
}

func (r relay) begin(l Line) actions.Transition[relay] {
	if l.File == "" {
		return actions.Next(r)
	}
	r.Files = r.Files.with(l.File)
	return actions.Next(r, carry(l.File))
}

func (r relay) end(l Line) actions.Transition[relay] {
	r.Files = r.Files.without(l.File)
	return actions.Next(r, actions.AtMeta(actions.Delete(l.File)), actions.Delete(l.File))
}

// carry carries the lines of a file inward.
func carry(path string) actions.Action {
	return actions.AtMeta(endpoint.Subscriber(In(path),
		endpoint.OnPresence(func(Line) actions.Action { return ready(path) }),
		endpoint.OnMessage(func(l Line) actions.Action { return actions.Send(l) }),
		endpoint.OnAbsence(func(_ Line, reason error) actions.Action { return actions.Delete(path).Because(reason) }),
	).As(path))
}
