package follow

import (
	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
)

// Relay returns the process that has those inside a nested machine served by the
// driver outside. There is one in each machine between the driver and its users.
func Relay() actions.SpawnProcess {
	return actions.Spawn(actions.Stateless(
		endpoint.ObserveSubscribers(topic.All[Line](),
			endpoint.OnFirst(func(l Line) actions.Action { return carry(l.File) }, File),
			endpoint.OnLast(func(l Line) actions.Action {
				return actions.Tree{actions.AtMeta(actions.Delete(l.File)), actions.Delete(l.File)}
			}, File),
		),
	)).Named("follow relay")
}

// carry carries the lines of a file inward.
func carry(path string) actions.Action {
	if path == "" {
		return nil
	}
	return actions.AtMeta(endpoint.Subscriber(In(path),
		endpoint.OnPresence(func(Line) actions.Action { return ready(path) }),
		endpoint.OnMessage(func(l Line) actions.Action { return actions.Send(l) }),
		endpoint.OnAbsence(func(_ Line, reason error) actions.Action { return actions.Delete(path).Because(reason) }),
	).As(path))
}
