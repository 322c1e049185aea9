// Presence shows how processes learn who is there to talk to, and why somebody
// has gone.
package main

import (
	"context"
	"errors"
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

// The fields of Order that topics can pin.
var (
	Table = topic.FieldOf(func(o *Order) *int { return &o.Table })
	Dish  = topic.FieldOf(func(o *Order) *string { return &o.Dish })
)

var errNoGas = errors.New("no gas")

func waiter() actions.Process {
	return actions.Stateless(endpoint.Publisher(topic.Where(Table.Is(4)),
		endpoint.OnPresence(func(c Order) actions.Action { return actions.Send(c) }),
		endpoint.OnAbsence(func(c Order, reason error) actions.Action {
			return console.Printf("waiter: no more %s: %v", c.Dish, reason)
		}),
	))
}

func soupCook() actions.Process {
	return actions.Stateless(endpoint.Subscriber(topic.Where(Dish.Is("soup")),
		endpoint.OnPresence(func(c Order) actions.Action {
			return console.Printf("cook: table %d may ask for %s", c.Table, c.Dish)
		}),
		endpoint.OnMessage(func(o Order) actions.Action {
			return actions.Tree{console.Printf("cook: one %s for table %d", o.Dish, o.Table), actions.Fail(errNoGas)}
		}),
	))
}

func owner() actions.Process {
	return actions.Stateless(endpoint.ObserveSubscribers(topic.All[Order](),
		endpoint.OnPresence(func(c Order) actions.Action { return console.Printf("owner: somebody cooks %s", c.Dish) }),
	))
}

func main() {
	err := ground.Run(context.Background(), console.Driver(),
		actions.Spawn(owner()), actions.Spawn(waiter()), actions.Spawn(soupCook()))
	if err != nil {
		log.Fatal(err)
	}
}
