// Dropped makes an action and does not return it.
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

func main() {
	kitchen := actions.Stateless(endpoint.Subscriber(topic.All[Order](),
		endpoint.OnMessage(func(o Order) actions.Action {
			console.Printf("one %s", o.Dish)
			return nil
		})))
	guest := actions.Stateless(actions.Send(Order{4, "soup"}))
	if err := ground.Run(context.Background(), console.Driver(), actions.Spawn(kitchen).Named("kitchen"), actions.Spawn(guest).Named("guest")); err != nil {
		log.Fatal(err)
	}
}
