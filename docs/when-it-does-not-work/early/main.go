// Early sends a message before anybody is there to hear it.
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

func cook(o Order) actions.Action { return console.Printf("one %s for table %d", o.Dish, o.Table) }

func main() {
	kitchen := actions.Stateless(
		endpoint.Subscriber(topic.All[Order](), endpoint.OnMessage(cook)),
	)
	guest := actions.Stateless(actions.Send(Order{4, "soup"}))
	boot := actions.Tree{console.Driver(), actions.Spawn(guest).Named("guest"), actions.Spawn(kitchen).Named("kitchen")}
	if err := ground.Run(context.Background(), boot); err != nil {
		log.Fatal(err)
	}
}
