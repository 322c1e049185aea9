// Slow waits in a handler, in which nothing may wait.
package main

import (
	"context"
	"log"
	"time"

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

func roast(o Order) actions.Action {
	time.Sleep(2 * time.Second)
	return console.Printf("one %s", o.Dish)
}

func main() {
	kitchen := actions.Stateless(endpoint.Subscriber(topic.All[Order](), endpoint.OnMessage(roast)))
	guest := actions.Stateless(actions.Send(Order{4, "goose"}))
	if err := ground.Run(context.Background(), console.Driver(), actions.Spawn(kitchen).Named("kitchen"), actions.Spawn(guest).Named("guest")); err != nil {
		log.Fatal(err)
	}
}
