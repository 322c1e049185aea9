package endpoint_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/topic"
)

// A Price is published for each item.
type Price struct {
	Item  string
	Cents int
}

var Item = topic.FieldOf(func(p *Price) *string { return &p.Item })

// A total is the state of a process that adds up prices.
type total int

func (t total) add(p Price) actions.Transition[total] {
	t += total(p.Cents)
	fmt.Println("total:", int(t))
	return actions.Next(t)
}

// A subscriber with a state, and a publisher that waits for it.
func Example() {
	adder := actions.Next(total(0), endpoint.Subscriber(topic.All[Price](), endpoint.OnMessageState(total.add)))
	shop := actions.Stateless(endpoint.Publisher(topic.Where(Item.Is("tea")),
		endpoint.OnPresence(func(c Price) actions.Action {
			fmt.Println("somebody wants prices of", c.Item)
			return actions.Tree{actions.Send(Price{"tea", 250}), actions.Send(Price{"tea", 240})}
		}),
	))
	ground.Run(context.Background(), actions.Spawn(adder), actions.Spawn(shop))
	// Output:
	// somebody wants prices of tea
	// total: 250
	// total: 490
}

func ExampleExit() {
	err := ground.Run(context.Background(), actions.Spawn(actions.Stateless(endpoint.Exit(errors.New("no configuration")))))
	fmt.Println(err)
	// Output:
	// no configuration
}
