package marketplace

import (
	"errors"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/supervise"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// driven tells the supervisor of the drivers from others.
type driven struct{}

// The names of the supervisor of the drivers, and of the driver that it starts last.
const (
	driversName = "marketplace.drivers"
	lastDriver  = "console"
)

// boot starts the drivers and, when all run, the program.
func boot(drivers *supervise.Definition[driven], start actions.Action) actions.Action {
	ready := endpoint.ObservePublishers(topic.Where(supervise.Supervisor.Is(driversName), supervise.ChildName.Is(lastDriver)),
		endpoint.OnPresence(func(supervise.Running) actions.Action {
			return actions.Group(actions.Delete(driversName), start)
		}),
	).As(driversName)
	return actions.Group(ready, drivers.Spawn().Continue(actions.ResumeWith(func(s struct{}, pid actions.PID) actions.Transition[struct{}] {
		return actions.Next(s, guards.Spawn(guard{pid}))
	})))
}

// A guard ends the program when the supervisor of the drivers has given up.
type guard struct{ Supervisor actions.PID }

var guards = actions.Define("marketplace.guard", guard.open)

func (g guard) open() actions.Action {
	return endpoint.Monitor(g.Supervisor, func(_ actions.PID, reason error) actions.Action {
		return actions.When(reason != nil && !errors.Is(reason, world.ErrStopped), endpoint.Exit(reason))
	})
}
