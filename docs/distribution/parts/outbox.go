package parts

import (
	"context"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/outbox"
	"github.com/go-marketplace/marketplace/door"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/world"
)

// An Order is what a branch sends to the shop.
type Order struct {
	Tea  string
	Kilo int
}

func init() { world.Register[Order]("parts.Order") }

var orders = outbox.Box{Place: distributed.Place{Node: "berlin", Name: "shop"}, Name: "orders"}

// shop is the machine that gets the orders.
func shop(cluster distributed.Config) actions.Action {
	return actions.Group(cluster.Serve("shop"), outbox.Receiver("orders"), actions.Spawn(actions.Stateless(
		endpoint.Subscriber(outbox.From("orders"), endpoint.OnMessage(func(d outbox.Delivery) actions.Action {
			return console.Printf("order: %v", d.Body)
		})))))
}

// branch is a machine that sends orders.
func branch(first Order) actions.Action {
	return actions.Group(outbox.Sender(orders), actions.Spawn(actions.Stateless(
		rpc.Call(outbox.Deliver, outbox.Message{To: orders, Body: first}, func(_ outbox.ID, err error) actions.Action {
			return console.Printf("delivered: %v", err == nil)
		}))))
}

// orderFrom does the same from ordinary Go code.
func orderFrom(ctx context.Context, hatch *door.Door, number string, o Order) error {
	_, err := rpc.Do(ctx, hatch, outbox.Deliver, outbox.Message{To: orders, Body: o}, door.Key(number))
	return err
}
