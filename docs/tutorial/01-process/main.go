// Process runs two processes: one that listens for orders, and one that gives
// two of them.
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
type Order struct{ Dish string }

// cook is told of an order, and returns what should be done about it.
func cook(o Order) actions.Action {
	return console.Printf("kitchen: one %s, coming up", o.Dish)
}

func main() {
	kitchen := actions.Stateless(
		endpoint.Subscriber(topic.All[Order](), endpoint.OnMessage(cook)),
	)
	guest := actions.Stateless(
		actions.Send(Order{"soup"}),
		actions.Send(Order{"tart"}),
	)
	err := ground.Run(context.Background(), console.Driver(), actions.Spawn(kitchen), actions.Spawn(guest))
	if err != nil {
		log.Fatal(err)
	}
}
