// Pinned sends a message of which one field is not what a topic says.
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

// Table is the field of Order that topics can pin.
var Table = topic.FieldOf(func(o *Order) *int { return &o.Table })

func cook(o Order) actions.Action { return console.Printf("one %s for table %d", o.Dish, o.Table) }

func main() {
	kitchen := actions.Stateless(
		endpoint.Subscriber(topic.Where(Table.Is(7)), endpoint.OnMessage(cook)),
	)
	guest := actions.Stateless(actions.Send(Order{4, "soup"}))
	if err := ground.Run(context.Background(), console.Driver(), actions.Spawn(kitchen).Named("kitchen"), actions.Spawn(guest).Named("guest")); err != nil {
		log.Fatal(err)
	}
}
