package outbox_test

import (
	"context"
	"fmt"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/outbox"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/world"
)

// An Order is what a customer delivers to the shop.
type Order struct {
	Customer string
	Pieces   int
}

func init() { world.Register[Order]("outbox_test.Order") }

var orders = outbox.Box{Place: distributed.Place{Node: "berlin", Name: "shop"}, Name: "orders"}

// Two machines: a shop, and a customer that hands an order over. With ground.Ground.Journal,
// the order arrives exactly once, whatever happens to the machines and to the link.
func Example() {
	network := distributed.Memory()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() {
		cluster := distributed.Config{Network: network.Node("berlin")}
		ended <- ground.Run(ctx, cluster.Serve("shop"), outbox.Receiver("orders"), actions.Spawn(actions.Stateless(
			endpoint.Subscriber(outbox.From("orders"), endpoint.OnMessage(func(d outbox.Delivery) actions.Action {
				fmt.Printf("the shop has %+v\n", d.Body)
				return nil
			})))))
	}()
	cluster := distributed.Config{Network: network.Node("paris")}
	order := rpc.Call(outbox.Deliver, outbox.Message{To: orders, Body: Order{"tony", 3}}, func(id outbox.ID, err error) actions.Action {
		fmt.Println("message", id.N, "is delivered:", err == nil)
		return endpoint.Exit(err)
	})
	if err := ground.Run(ctx, cluster.Driver(), outbox.Sender(orders), actions.Spawn(actions.Stateless(order))); err != nil {
		fmt.Println(err)
	}
	stop()
	<-ended
	// Output:
	// the shop has {Customer:tony Pieces:3}
	// message 1 is delivered: true
}
