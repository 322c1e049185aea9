package main

import (
	"errors"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/world"
)

// host makes this machine the place of its node.
func host(cluster distributed.Config) actions.Action {
	return cluster.Serve("").Continue(actions.ResumeWith(func(s struct{}, pid actions.PID) actions.Transition[struct{}] {
		return actions.Next(s, hosts.Spawn(hosting{pid}))
	}))
}

var hosts = actions.Define("logger.host", hosting.open)

// A hosting prints when other nodes can reach this machine. It ends the program when they
// cannot, for example because the address is in use.
type hosting struct{ Server actions.PID }

func (h hosting) open() actions.Action {
	return actions.Group(
		endpoint.Subscriber(distributed.Whereabouts(), endpoint.OnPresence(func(h distributed.Here) actions.Action {
			return console.Printf("logger: node %q is within reach", h.Place.Node)
		})),
		endpoint.Monitor(h.Server, func(_ actions.PID, reason error) actions.Action {
			return actions.When(reason != nil && !errors.Is(reason, world.ErrStopped), endpoint.Exit(reason))
		}),
	)
}
