// Nested puts a kitchen into a machine of its own, in which nobody hears the
// guests, and which none of the guests can hear.
package main

import (
	"context"
	"log"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
)

// An Order is what a guest wants, and Served what a guest gets: that is what is
// said in the restaurant.
type (
	Order  struct{ Dish string }
	Served struct{ Dish string }
)

// A Shout is what is said in the kitchen.
type Shout struct{ Text string }

func kitchen() actions.Process {
	return vm.Nested(actions.Spawn(chef()), actions.Spawn(cook()))
}

func chef() actions.Process {
	return actions.Stateless(
		actions.AtMeta(endpoint.Subscriber(topic.All[Order](), endpoint.OnMessage(func(o Order) actions.Action {
			return actions.Send(Shout{o.Dish})
		}))),
	)
}

func cook() actions.Process {
	return actions.Stateless(
		endpoint.Subscriber(topic.All[Shout](), endpoint.OnMessage(func(s Shout) actions.Action {
			return actions.AtMeta(actions.Send(Served{s.Text}))
		})),
	)
}

func guest() actions.Process {
	return actions.Stateless(
		endpoint.Subscriber(topic.All[Shout](), endpoint.OnMessage(func(s Shout) actions.Action {
			return console.Printf("guest: what was that? %q?", s.Text)
		})),
		endpoint.Subscriber(topic.All[Served](), endpoint.OnMessage(func(s Served) actions.Action {
			return console.Printf("guest: ah, the %s", s.Dish)
		})),
		endpoint.Publisher(topic.All[Order](), endpoint.OnPresence(func(Order) actions.Action {
			return actions.Send(Order{"soup"})
		})),
	)
}

func main() {
	err := ground.Run(context.Background(), console.Driver(),
		actions.Spawn(guest()).Named("guest"), actions.Spawn(kitchen()).Named("kitchen"))
	if err != nil {
		log.Fatal(err)
	}
}
