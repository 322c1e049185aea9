// Doors lets ordinary Go code order in a restaurant, and watch what is cooked there.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/door"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// Cooked is a dish that comes out of the kitchen.
type Cooked struct{ Dish string }

func init() { world.Register[Cooked]("doors.Cooked") }

// Cook cooks a dish. The result is its price.
var Cook = rpc.Define[string, int]("doors.cook")

type kitchen struct{ Dishes int }

func (k kitchen) cook(a rpc.Ask[string, int]) actions.Transition[kitchen] {
	k.Dishes++
	return actions.Next(k, actions.Send(Cooked{a.Args}), a.Reply(9+k.Dishes))
}

func main() {
	hatch := door.New("hatch")
	ctx, stop := context.WithCancel(context.Background())
	closed := make(chan error)
	go func() {
		closed <- ground.Run(ctx, hatch.Driver(),
			actions.Spawn(rpc.Serve(kitchen{}, rpc.HandleLater(Cook, kitchen.cook))))
	}()

	price, err := rpc.Do(ctx, hatch, Cook, "risotto")
	fmt.Println("to pay:", price, err)

	for ev := range door.Subscribe(ctx, hatch, topic.All[Cooked]()) {
		switch ev.Kind {
		case door.Started: // nothing is missed from now on
			go rpc.Do(ctx, hatch, Cook, "tiramisu")
		case door.Message:
			fmt.Println("out of the kitchen:", ev.Value.Dish)
			stop() // ends the machine, and with it the loop
		case door.End:
			fmt.Println("the hatch is closed:", ev.Reason)
		}
	}
	if err := <-closed; err != nil {
		log.Fatal(err)
	}
}
