package world

import "time"

// A Clock tells the time and calls functions later. Devices hold it as a value, so
// its dynamic type must be comparable. [SystemClock] and [*ManualClock] implement
// it.
type Clock interface {
	// ClockName returns the name of the clock, which is part of the names of
	// devices. Two clocks that one machine uses must have different names, and a
	// clock must have the same name in the next run.
	ClockName() string

	// Now returns the time.
	Now() time.Time

	// AfterFunc calls f once after the duration d, unless it is stopped before.
	// The clock chooses the goroutine. If d is zero or negative, the call is due
	// immediately, but AfterFunc itself does not make it.
	AfterFunc(d time.Duration, f func()) Stopper
}

// A Stopper cancels a call that a clock would make.
type Stopper interface {
	// Stop prevents the call and reports whether it has. False means that the call
	// has started or was stopped before. Stop does not wait for a call that runs.
	Stop() bool
}

// SystemClock returns the clock of package time, named "system". It makes each call
// on a new goroutine. In a bubble of testing/synctest it is the clock of the
// bubble. All its values are equal.
func SystemClock() Clock { return systemClock{} }

// systemClockName is the name that no other clock may have.
const systemClockName = "system"

type systemClock struct{}

func (systemClock) ClockName() string { return systemClockName }
func (systemClock) Now() time.Time    { return time.Now() }
func (systemClock) AfterFunc(d time.Duration, f func()) Stopper {
	return time.AfterFunc(d, f)
}
