// Conversations lets a waiter and a kitchen talk: orders go one way, and what
// is off the menu comes back.
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

// An Order is what a table wants.
type Order struct {
	Table int
	Dish  string
}

func kitchen() actions.Process {
	return actions.Stateless(
		endpoint.Subscriber(topic.All[Order](), endpoint.OnMessage(func(o Order) actions.Action {
			if o.Dish == "swordfish" {
				return actions.Feedback(o)
			}
			return console.Printf("kitchen: one %s for table %d", o.Dish, o.Table)
		})),
	)
}

func waiter() actions.Process {
	return actions.Stateless(
		endpoint.Publisher(topic.All[Order](), endpoint.OnMessage(func(o Order) actions.Action {
			return console.Printf("waiter: sorry, table %d, the %s is off", o.Table, o.Dish)
		})),
		actions.Send(Order{4, "soup"}),
		actions.Send(Order{7, "swordfish"}),
	)
}

func main() {
	err := ground.Run(context.Background(), console.Driver(), actions.Spawn(kitchen()), actions.Spawn(waiter()))
	if err != nil {
		log.Fatal(err)
	}
}
