// Machines lets a waiter in one machine order from a cook in another one.
package main

import (
	"context"
	"errors"
	"log"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// An Order is what the waiter wants, and Served is what he gets.
type (
	Order  struct{ Dish string }
	Served struct{ Dish string }
)

func init() {
	world.Register[Order]("machines.Order")
	world.Register[Served]("machines.Served")
}

var errNoGas = errors.New("no gas")

func cook() actions.Process {
	return actions.Stateless(endpoint.Subscriber(topic.All[Order](), endpoint.OnMessage(func(o Order) actions.Action {
		if o.Dish == "soup" {
			return actions.Send(Served(o))
		}
		return actions.Fail(errNoGas)
	})))
}

func waiter(kitchen distributed.Place) actions.Process {
	return actions.Stateless(
		kitchen.At(endpoint.Subscriber(topic.All[Served](), endpoint.OnMessage(func(s Served) actions.Action {
			return console.Printf("waiter: one %s", s.Dish)
		}))),
		kitchen.At(endpoint.Publisher(topic.All[Order](),
			endpoint.OnPresence(func(Order) actions.Action {
				return actions.Group(distributed.Send(kitchen, Order{"soup"}), distributed.Send(kitchen, Order{"pie"}))
			}),
			endpoint.OnAbsence(func(_ Order, reason error) actions.Action {
				return actions.Group(console.Printf("waiter: there is no cook any more: %v", reason), endpoint.Exit(nil))
			}),
		)),
	)
}

func main() {
	network := distributed.Memory()
	back := distributed.Config{Network: network.Node("back")}
	front := distributed.Config{Network: network.Node("front")}
	kitchen := distributed.Place{Node: "back", Name: "kitchen"}

	ctx, stop := context.WithCancel(context.Background())
	closed := make(chan error)
	go func() { closed <- ground.Run(ctx, back.Serve("kitchen"), actions.Spawn(cook())) }()
	err := ground.Run(ctx, console.Driver(), front.Driver(), actions.Spawn(waiter(kitchen)))
	stop()
	if err := errors.Join(err, <-closed); err != nil {
		log.Fatal(err)
	}
}
