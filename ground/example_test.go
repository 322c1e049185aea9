package ground_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// Two processes, one of which holds a device: an alarm on a simulated clock. Run
// returns when no device is open any more and all work is done.
func ExampleGround_Run() {
	clock := world.NewManualClock("kitchen", time.Date(2026, 1, 1, 8, 0, 0, 0, time.UTC))
	kettle := actions.Stateless(
		endpoint.Device(world.Alarm{Clock: clock, After: 3 * time.Minute},
			endpoint.OnValue(func(r world.AlarmRang) actions.Action {
				return actions.Send("the water boils at " + r.Now.Format("15:04"))
			})),
	)
	drinker := actions.Stateless(
		endpoint.Subscriber(topic.All[string](), endpoint.OnMessage(func(m string) actions.Action {
			fmt.Println(m)
			return nil
		})),
	)
	g := ground.Ground{Watch: func(r *vm.Record) {
		if _, set := r.Input.Value.(world.AlarmSet); set && r.Kind == vm.Entered {
			go clock.Advance(3 * time.Minute) // time passes outside the machine
		}
	}}
	err := g.Run(context.Background(), actions.Spawn(kettle), actions.Spawn(drinker))
	fmt.Println("error:", err)
	// Output:
	// the water boils at 08:03
	// error: <nil>
}

// A process that ends the program with an error.
func ExampleRun() {
	err := ground.Run(context.Background(),
		actions.Spawn(actions.Stateless(endpoint.Exit(errors.New("no configuration")))))
	fmt.Println(err)
	// Output:
	// no configuration
}
