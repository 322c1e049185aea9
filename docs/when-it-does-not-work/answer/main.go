// Answer has a kitchen that answers an order with an order.
package main

import (
	"context"
	"log"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/topic"
)

// An Order is what a guest wants.
type Order struct {
	Table int
	Dish  string
}

func cook(o Order) actions.Action {
	return actions.Send(Order{o.Table, "no " + o.Dish[:min(8, len(o.Dish))]})
}

func main() {
	kitchen := actions.Stateless(endpoint.Subscriber(topic.All[Order](), endpoint.OnMessage(cook)))
	guest := actions.Stateless(actions.Send(Order{4, "goose"}))
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	ground := ground.Ground{SlowLimit: 100 * time.Millisecond} // so that you need not wait so long
	if err := ground.Run(ctx, actions.Spawn(kitchen).Named("kitchen"), actions.Spawn(guest).Named("guest")); err != nil {
		log.Fatal(err)
	}
}
