// Inside subscribes in a nested machine to what is said in the machine around it.
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

// An Order is what a guest wants.
type Order struct {
	Table int
	Dish  string
}

func cook(o Order) actions.Action { return console.Printf("one %s for table %d", o.Dish, o.Table) }

func main() {
	kitchen := vm.Nested(
		endpoint.Subscriber(topic.All[Order](), endpoint.OnMessage(cook)),
	)
	guest := actions.Stateless(actions.Send(Order{4, "soup"}))
	if err := ground.Run(context.Background(), console.Driver(), actions.Spawn(kitchen).Named("kitchen"), actions.Spawn(guest).Named("guest")); err != nil {
		log.Fatal(err)
	}
}
