package main

import (
	"fmt"
	"time"

	"github.com/go-marketplace/marketplace/world"
)

func Example() {
	clock := hurried{world.NewManualClock("hurried", time.Time{})}
	if err := run(clock); err != nil {
		fmt.Println(err)
	}
	// Output:
	// the egg is in the water
	// the egg is done after 4s
	// the alarm is silent
}

// A hurried clock lets nobody wait: as soon as it is asked to call, it moves
// forward to when it is to do so.
type hurried struct{ *world.ManualClock }

func (c hurried) AfterFunc(d time.Duration, f func()) world.Stopper {
	call := c.ManualClock.AfterFunc(d, f)
	go c.Advance(d)
	return call
}
