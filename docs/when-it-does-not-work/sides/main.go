// Sides answers with Send what a publisher hears only as feedback.
package main

import (
	"context"
	"log"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/topic"
)

// An Order is what a guest wants.
type Order struct {
	Table int
	Dish  string
}

// Sorry says that something is off.
type Sorry struct{ Dish string }

func main() {
	kitchen := actions.Stateless(endpoint.Subscriber(topic.All[Order](),
		endpoint.OnMessage(func(o Order) actions.Action { return actions.Send(Sorry{o.Dish}) })))
	guest := actions.Stateless(
		endpoint.Publisher(topic.All[Sorry](),
			endpoint.OnMessage(func(s Sorry) actions.Action { return console.Printf("no %s today", s.Dish) })),
		actions.Send(Order{4, "soup"}),
	)
	if err := ground.Run(context.Background(), console.Driver(), actions.Spawn(kitchen).Named("kitchen"), actions.Spawn(guest).Named("guest")); err != nil {
		log.Fatal(err)
	}
}
