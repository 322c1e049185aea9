// Role opens two endpoints under one name.
package main

import (
	"context"
	"log"

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

// Table is the field of Order that topics can pin.
var Table = topic.FieldOf(func(o *Order) *int { return &o.Table })

func main() {
	kitchen := actions.Stateless(
		endpoint.Subscriber(topic.Where(Table.Is(4))).As("orders"),
		endpoint.Subscriber(topic.Where(Table.Is(7))).As("orders"),
	)
	if err := ground.Run(context.Background(), actions.Spawn(kitchen).Named("kitchen")); err != nil {
		log.Fatal(err)
	}
}
