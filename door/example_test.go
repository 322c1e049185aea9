package door_test

import (
	"context"
	"fmt"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/door"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// A Greeting is asked for by a Visitor.
type (
	Visitor  struct{ Name string }
	Greeting struct{ Name, Text string }
)

var GreetingName = topic.FieldOf(func(g *Greeting) *string { return &g.Name })

func init() {
	world.Register[Visitor]("example.Visitor")
	world.Register[Greeting]("example.Greeting")
}

// Greeter greets each visitor.
func Greeter() actions.Action {
	return actions.Spawn(actions.Stateless(
		endpoint.Publisher(topic.All[Greeting]()),
		endpoint.Subscriber(topic.All[Visitor](), endpoint.OnMessage(func(v Visitor) actions.Action {
			return actions.Send(Greeting{v.Name, "Welcome, " + v.Name + "!"})
		})),
	)).Named("greeter")
}

// A main function runs a machine, sends into it, and hears what it says.
func Example() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	hall := door.New("hall")
	done := make(chan error, 1)
	go func() { done <- ground.Run(ctx, hall.Driver(), Greeter()) }()

	for ev := range door.Subscribe(ctx, hall, topic.Where(GreetingName.Is("tony"))) {
		switch ev.Kind {
		case door.Presence: // somebody greets visitors
			if err := hall.Send(ctx, Visitor{"tony"}); err != nil {
				fmt.Println(err)
			}
		case door.Message:
			fmt.Println(ev.Value.Text)
			cancel()
		case door.End:
			fmt.Println(ev.Reason)
		}
	}
	fmt.Println(<-done)
	// Output:
	// Welcome, tony!
	// context canceled
	// <nil>
}

// After the end of the run, a door says why it is closed.
func ExampleDoor_Send_closed() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	hall := door.New("hall")
	done := make(chan error, 1)
	go func() { done <- ground.Run(ctx, hall.Driver()) }()
	fmt.Println(hall.Send(context.Background(), Visitor{"tony"}))
	cancel()
	<-done
	fmt.Println(hall.Send(context.Background(), Visitor{"ann"}))
	// Output:
	// <nil>
	// door "hall": the door is closed: world: the ground is stopping
}

// Buys is how many things a Visitor has bought.
var Buys = rpc.Define[Visitor, int]("example.buys")

// A function calls a process, and repeats the call with the same key. The operation is
// carried out once.
func ExampleKey() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	shop := door.New("shop")
	sell := func(sold int, v Visitor) (int, int, error) {
		fmt.Println("selling to", v.Name)
		return sold + 1, sold + 1, nil
	}
	done := make(chan error, 1)
	go func() {
		done <- ground.Run(ctx, actions.Spawn(rpc.Serve(0, rpc.Handle(Buys, sell))), shop.Driver())
	}()
	for range 2 {
		fmt.Println(rpc.Do(ctx, shop, Buys, Visitor{"tony"}, door.Key("order-17")))
	}
	cancel()
	<-done
	// Output:
	// selling to tony
	// 1 <nil>
	// 1 <nil>
}
