package marketplace

import (
	"errors"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/world"
)

// ServePlace makes this machine a place, as [distributed.Config.Serve] does, and prints
// on the console when other nodes can reach it, after the name of the program. If they
// cannot, for example because the address is in use, it ends the program with the reason.
func ServePlace(name string, cluster distributed.Config, place string) actions.Action {
	return cluster.Serve(place).Continue(actions.ResumeWith(func(s struct{}, pid actions.PID) actions.Transition[struct{}] {
		return actions.Next(s, hosts.Spawn(host{name, pid}))
	}))
}

var hosts = actions.Define("marketplace.host", host.open)

// A host reports about a place of this machine.
type host struct {
	Name   string // of the program
	Server actions.PID
}

func (h host) open() actions.Action {
	return actions.Group(
		endpoint.Subscriber(distributed.Whereabouts(), endpoint.OnPresence(func(at distributed.Here) actions.Action {
			return console.Printf("%s: node %q is within reach", h.Name, at.Place.Node)
		})),
		endpoint.Monitor(h.Server, func(_ actions.PID, reason error) actions.Action {
			return actions.When(reason != nil && !errors.Is(reason, world.ErrStopped), endpoint.Exit(reason))
		}),
	)
}
