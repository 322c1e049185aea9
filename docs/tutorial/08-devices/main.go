// Devices boils an egg, with a clock that is handed in.
package main

import (
	"context"
	"log"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/world"
)

const soft = 4 * time.Second // minutes, were this not a tutorial

type egg struct{ since time.Time }

func (e egg) boil(set world.AlarmSet) actions.Transition[egg] {
	return actions.Next(egg{since: set.Now}, console.Printf("the egg is in the water"))
}

func (e egg) done(rang world.AlarmRang) actions.Transition[egg] {
	took := rang.Now.Sub(e.since).Round(time.Second)
	return actions.Next(e, console.Printf("the egg is done after %v", took))
}

func newEgg(clock world.Clock) actions.Process {
	return actions.Next(egg{},
		endpoint.Device(world.Alarm{Clock: clock, After: soft},
			endpoint.OnValueState(egg.boil),
			endpoint.OnValueState(egg.done),
			endpoint.OnEnded(func(error) actions.Action { return console.Printf("the alarm is silent") }),
		),
	)
}

func run(clock world.Clock) error {
	return ground.Run(context.Background(), console.Driver(), actions.Spawn(newEgg(clock)))
}

func main() {
	if err := run(world.SystemClock()); err != nil {
		log.Fatal(err)
	}
}
