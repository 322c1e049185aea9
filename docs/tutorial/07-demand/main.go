// Demand heats an oven for those who want to bake, for as long as there are
// any.
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

// Bake asks for something to be baked.
type Bake struct {
	What    string
	Degrees int
}

// The fields of Bake that topics can pin.
var (
	What    = topic.FieldOf(func(b *Bake) *string { return &b.What })
	Degrees = topic.FieldOf(func(b *Bake) *int { return &b.Degrees })
)

func ovens() actions.Process {
	return actions.Stateless(endpoint.Subscriber(topic.All[Bake](),
		endpoint.OnFirst(func(c Bake) actions.Action { return console.Printf("oven: heated to %d", c.Degrees) }, Degrees),
		endpoint.OnLast(func(c Bake) actions.Action { return console.Printf("oven: %d is off", c.Degrees) }, Degrees),
		endpoint.OnMessage(func(b Bake) actions.Action { return actions.Feedback(b) }),
	))
}

func baker(what string, degrees int) actions.Process {
	return actions.Stateless(endpoint.Publisher(topic.Where(What.Is(what), Degrees.Is(degrees)),
		endpoint.OnPresence(func(c Bake) actions.Action { return actions.Send(c) }),
		endpoint.OnMessage(func(b Bake) actions.Action {
			return actions.Tree{console.Printf("baker: the %s is done", b.What), actions.Quit()}
		}),
	))
}

func main() {
	err := ground.Run(context.Background(), console.Driver(), actions.Spawn(ovens()),
		actions.Spawn(baker("bread", 220)), actions.Spawn(baker("pie", 180)), actions.Spawn(baker("tart", 180)))
	if err != nil {
		log.Fatal(err)
	}
}
