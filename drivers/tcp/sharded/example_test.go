package sharded_test

import (
	"bufio"
	"context"
	"fmt"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/drivers/tcp/sharded"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/world/simnet"
)

// A server on two machines, on a network in memory, that tells each client which of
// them serves it. Without the Network it uses that of the operating system, and
// without Workers there is one for each processor.
func Example() {
	network := simnet.New("example")
	ctx := context.Background()
	greet := func(w sharded.Worker) actions.Process {
		return actions.Stateless(
			w.Driver(),
			endpoint.ObservePublishers(tcp.Arriving(w.Listener()),
				endpoint.OnPresence(func(d tcp.Data) actions.Action {
					return actions.Spawn(greeter(w, d.Connection()))
				}),
			),
		)
	}
	l, err := sharded.Config{Workers: 2, Network: network}.Listen(ctx, ":5999", greet)
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 4 {
		conn, err := network.Dial(ctx, "tcp", l.Addr().String())
		if err != nil {
			fmt.Println(err)
			return
		}
		greeting, _ := bufio.NewReader(conn).ReadString('\n')
		fmt.Print(greeting)
		conn.Close()
	}
	fmt.Println(l.Close(ctx))
	// Output:
	// Worker 0 of 2 greets you.
	// Worker 1 of 2 greets you.
	// Worker 0 of 2 greets you.
	// Worker 1 of 2 greets you.
	// <nil>
}

func greeter(w sharded.Worker, c tcp.Connection) actions.Process {
	return actions.Stateless(
		c.Publisher(),
		c.Subscriber(endpoint.OnAbsence(func(tcp.Data, error) actions.Action { return actions.Quit() })),
		c.SendString(fmt.Sprintf("Worker %d of %d greets you.\n", w.ID, w.N)),
	)
}

// Another Policy: worker 0 gets nothing as long as another worker listens.
// LeastLoaded is a Policy, too.
func ExamplePolicy() {
	var spareFirst sharded.Policy = func(last int, loads []sharded.Load) int {
		for i := range loads {
			if next := (last + 1 + i) % len(loads); next != 0 && loads[next].Listening {
				return next
			}
		}
		return 0
	}
	fmt.Println(spareFirst(2, []sharded.Load{{Listening: true}, {}, {Listening: true}}))
	// Output:
	// 2
}
