package world

import "time"

// A Clock tells the time and can call back later. It is a value that devices
// hold, so its dynamic type must be comparable: [SystemClock], a [*ManualClock],
// or one of your own.
type Clock interface {
	// ClockName returns the name of the clock. It becomes part of the names of
	// devices: two clocks that are used in one machine have different names,
	// and the same clock has the same name in the next run.
	ClockName() string

	// Now returns the time.
	Now() time.Time

	// AfterFunc calls f once when d has passed, on a goroutine of the clock's
	// choice, unless it is stopped before. If d is zero or negative that is
	// due at once, but never within the call of AfterFunc.
	AfterFunc(d time.Duration, f func()) Stopper
}

// A Stopper stops what a clock was asked to call.
type Stopper interface {
	// Stop prevents the call, and reports whether it did: false means that it
	// was made, is being made, or was stopped before. It does not wait for a
	// call that is being made.
	Stop() bool
}

// SystemClock returns the clock of the time package, named "system". Its calls
// come on goroutines of their own. In a bubble of testing/synctest it is the
// bubble's clock. All values of it are equal.
func SystemClock() Clock { return systemClock{} }

// systemClockName is the name that no other clock may have.
const systemClockName = "system"

type systemClock struct{}

func (systemClock) ClockName() string { return systemClockName }
func (systemClock) Now() time.Time    { return time.Now() }
func (systemClock) AfterFunc(d time.Duration, f func()) Stopper {
	return time.AfterFunc(d, f)
}
