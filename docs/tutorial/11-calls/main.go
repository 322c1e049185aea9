// Calls lets a waiter ask the cellar for a bottle, and wait for the answer without
// standing still.
package main

import (
	"context"
	"errors"
	"log"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/world"
)

// A Wish is a wine, and how many bottles of it.
type Wish struct {
	Wine    string
	Bottles int
}

func init() { world.Register[Wish]("calls.Wish") }

// Fetch gets bottles from the cellar. The result is how many are left.
var Fetch = rpc.Define[Wish, int]("calls.fetch")

var errEmpty = errors.New("there is not enough of it")

type cellar struct{ Riesling int }

func (c cellar) fetch(w Wish) (cellar, int, error) {
	if w.Wine != "Riesling" || w.Bottles > c.Riesling {
		return c, 0, errEmpty
	}
	c.Riesling -= w.Bottles
	return c, c.Riesling, nil
}

func waiter() actions.Process {
	ask := func(w Wish) actions.Action {
		return rpc.Call(Fetch, w, func(left int, err error) actions.Action {
			if err != nil {
				return console.Printf("waiter: no %s: %v", w.Wine, err)
			}
			return console.Printf("waiter: %d bottles of %s, and %d are left", w.Bottles, w.Wine, left)
		})
	}
	return actions.Stateless(
		ask(Wish{"Riesling", 2}),
		ask(Wish{"Barolo", 1}),
		console.Printf("waiter: do sit down"),
	)
}

func main() {
	err := ground.Run(context.Background(), console.Driver(),
		actions.Spawn(rpc.Serve(cellar{Riesling: 6}, rpc.Handle(Fetch, cellar.fetch))),
		actions.Spawn(waiter()),
	)
	if err != nil {
		log.Fatal(err)
	}
}
