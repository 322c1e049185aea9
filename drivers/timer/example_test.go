package timer_test

import (
	"context"
	"fmt"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/timer"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// An egg is done after five minutes. The clock is moved by hand; with
// timer.Driver() instead of timer.DriverOn(clock) it would be that of the
// operating system.
func Example() {
	clock := world.NewManualClock("kitchen", time.Date(2026, 1, 2, 7, 30, 0, 0, time.UTC))
	boiling := make(chan bool)
	egg := actions.Stateless(
		endpoint.Subscriber(timer.Expiring("egg"),
			endpoint.OnPresence(func(timer.Expired) actions.Action {
				return actions.Group(timer.After("egg", 5*time.Minute), timer.Now("start"))
			}),
			endpoint.OnMessage(func(e timer.Expired) actions.Action {
				fmt.Println("done at", e.Now.Format(time.Kitchen))
				return actions.Quit()
			}),
		),
		endpoint.Subscriber(timer.Telling("start"),
			endpoint.OnMessage(func(t timer.Time) actions.Action {
				fmt.Println("in at", t.Now.Format(time.Kitchen))
				close(boiling) // only an example may do this
				return nil
			}),
		),
	)
	over := make(chan error)
	go func() {
		over <- ground.Run(context.Background(), timer.DriverOn(clock), actions.Spawn(egg))
	}()
	<-boiling
	clock.Advance(5 * time.Minute)
	fmt.Println(<-over)
	// Output:
	// in at 7:30AM
	// done at 7:35AM
	// <nil>
}

// ticks prints when a timer expires, by a clock that stands at zero and jumps,
// and quits after n times.
func ticks(label string, n int, set actions.Action) actions.Process {
	return actions.Next(0, endpoint.Subscriber(timer.Expiring(label),
		endpoint.OnPresence(func(timer.Expired) actions.Action { return set }),
		endpoint.OnMessageState(func(heard int, e timer.Expired) actions.Transition[int] {
			fmt.Println(e.Label, "at", e.Now.Unix())
			return actions.Next(heard+1, actions.When(heard+1 == n, actions.Quit()))
		})))
}

// hasty is a clock that is at a time as soon as somebody waits for it.
type hasty struct{ *world.ManualClock }

func (h hasty) AfterFunc(d time.Duration, f func()) world.Stopper {
	s := h.ManualClock.AfterFunc(d, f)
	go h.Advance(d)
	return s
}

func newHasty() world.Clock { return hasty{world.NewManualClock("hasty", time.Unix(0, 0))} }

func ExampleEvery() {
	ground.Run(context.Background(), timer.DriverOn(newHasty()),
		actions.Spawn(ticks("tick", 3, timer.Every("tick", 10*time.Second))))
	// Output:
	// tick at 10
	// tick at 20
	// tick at 30
}

func ExampleAt() {
	ground.Run(context.Background(), timer.DriverOn(newHasty()),
		actions.Spawn(ticks("tea", 1, timer.At("tea", time.Unix(3600, 0)))))
	// Output: tea at 3600
}

// A timer in a nested machine, two levels down. There is another one with the
// same label outside; they have nothing to do with each other.
func ExampleRelay() {
	rings := func(where string, after time.Duration) actions.Action {
		return actions.Spawn(actions.Stateless(endpoint.Subscriber(timer.Expiring("tick"),
			endpoint.OnPresence(func(timer.Expired) actions.Action { return timer.After("tick", after) }),
			endpoint.OnMessage(func(timer.Expired) actions.Action {
				fmt.Println("tick", where)
				return actions.Quit()
			}))))
	}
	ground.Run(context.Background(), timer.DriverOn(newHasty()),
		rings("outside", time.Second),
		actions.Spawn(vm.Nested(timer.Relay("outer"),
			actions.Spawn(vm.Nested(timer.Relay("inner"), rings("two levels down", time.Minute))),
		)),
	)
	// Unordered output:
	// tick outside
	// tick two levels down
}

// The driver refuses a request that makes no sense, and tells the sender.
func ExampleRefused() {
	careless := actions.Stateless(
		endpoint.Subscriber(timer.Refusing("tea"), endpoint.OnMessage(func(r timer.Refused) actions.Action {
			fmt.Println(r.Label, "is refused:", r.Reason == timer.ErrNobodyWaits)
			return actions.Quit()
		})),
		timer.After("tea", time.Minute), // without a subscriber of timer.Expiring("tea")
	)
	ground.Run(context.Background(), timer.Driver(), actions.Spawn(careless))
	// Output: tea is refused: true
}
