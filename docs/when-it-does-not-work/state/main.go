// State opens an endpoint whose handler is for another type of state.
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

type till struct{ orders int }

func count(t till, _ Order) actions.Transition[till] { return actions.Next(till{t.orders + 1}) }

func main() {
	kitchen := actions.Next(0, endpoint.Subscriber(topic.All[Order](), endpoint.OnMessageState(count)))
	guest := actions.Stateless(actions.Send(Order{4, "soup"}))
	if err := ground.Run(context.Background(), console.Driver(), actions.Spawn(kitchen).Named("kitchen"), actions.Spawn(guest).Named("guest")); err != nil {
		log.Fatal(err)
	}
}
