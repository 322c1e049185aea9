package drivertest

import (
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/world"
)

// A Driver describes a driver to test, in an outside of its own. The tests call
// its functions from one goroutine at a time, except for Happen.
//
// The driver serves things, numbered from 0, such as addresses, files or stations.
// Each has a demand of its own. Boot and Demand are required. If another field is
// left out, the tests skip what needs it.
type Driver struct {
	// Boot spawns the driver. The tests may perform the same action in several
	// machines, one after another.
	Boot actions.Action

	// Things is how many things the tests may ask for. With 2, the tests also
	// see whether the driver takes one thing for the other. Default: 1.
	Things int

	// Demand returns the actions of a process that wants thing i: endpoints, in
	// most cases. The process has no state. The tests check what it hears at
	// these endpoints. They take a demand back by deleting its endpoints, so the
	// endpoints must not open others.
	Demand func(i int) actions.Action

	// Ready returns endpoints at which another process, which wants nothing
	// itself, sees a presence for as long as thing i is ready. If it is nil, the
	// endpoints of the demand must show that.
	Ready func(i int) actions.Action

	// Happen makes something happen to thing i outside, for the n-th time,
	// counted from 1. It returns the messages that the users of the thing must
	// hear, in order, or nil if they hear something other than messages.
	//
	// The tests call it on a goroutine of its own, so it may wait for the driver.
	// The thing may be closed, and the driver or the whole machine gone: then
	// Happen must not fail, and must return once Close is called.
	Happen func(i, n int) (messages []any)

	// Means returns what a message that arrives at an endpoint of a demand means to the
	// handler that the user gave for it, if Demand opens endpoints for messages that wrap
	// others. If it is nil, a message means itself.
	Means func(message any) any

	// Fail makes thing i fail when it is opened, until mend is called; if mend is
	// nil, the thing cannot be mended. Users must hear a reason that matches the
	// one returned, by [errors.Is], or any reason, if that is nil. The tests call
	// Fail while thing i is not open.
	Fail func(i int) (mend func(), reason error)

	// Open returns the names of what the driver has open outside: sockets,
	// timers, files. A [Tally] can keep them. If it is nil, the tests know which
	// devices are open, but not whether these leave anything behind.
	Open func() []string

	// Stuck returns a device of the driver, and commands for it that the outside
	// does not take, such as writes to a peer that reads nothing. The tests pass
	// the commands to the device, one after another, until one of them waits, and
	// then close the device. If Stuck is nil, the tests do not check that Close
	// ends Do.
	Stuck func() (d world.Device, commands []any)

	// Relay returns the action that starts a relay in a nested machine, at the
	// given level, so that a driver in the machine around it serves users inside.
	Relay func(level int) actions.Action

	// Types are the types of the processes of the driver and of its relays. The
	// tests check that each process is of one of them and can be saved and
	// restored whenever the machine is at rest. If it is nil, they do not.
	Types []actions.Type

	// Patience is how long the driver may take to notice what happens outside
	// and to respond to it. Default: 1 s.
	Patience time.Duration

	// Close ends the simulated outside. The tests call it when the machine is
	// gone.
	Close func()

	blind bool // there is no Open
}

// settings returns d with its defaults. It fails the test if a required field is
// missing or a number is negative.
func (d Driver) settings(t testing.TB) Driver {
	t.Helper()
	switch {
	case d.Boot == nil:
		t.Fatalf("drivertest: Driver.Boot is nil: set it to the action that spawns the driver")
	case d.Demand == nil:
		t.Fatalf("drivertest: Driver.Demand is nil: set it to a function that returns the endpoints of a process that wants something")
	case d.Things < 0 || d.Patience < 0:
		t.Fatalf("drivertest: Driver.Things is %d, Driver.Patience is %v: neither may be negative; leave it zero for the default", d.Things, d.Patience)
	}
	if d.Things == 0 {
		d.Things = 1
	}
	if d.Patience == 0 {
		d.Patience = time.Second
	}
	if d.Open == nil {
		d.Open = func() []string { return nil }
		d.blind = true
	}
	if d.Close == nil {
		d.Close = func() {}
	}
	if d.Means == nil {
		d.Means = func(message any) any { return message }
	}
	return d
}

// Test tests a driver. For each run it calls fresh, in a bubble of
// testing/synctest; t is the test in that bubble. The function returns a driver
// with an outside of its own, in which nothing is open.
//
// All drivers that it returns must be alike: their outsides have the same names
// and addresses, so that Test can compare one run with another. To use files, for
// example, make a directory before Test, and empty it for each run.
func Test(t *testing.T, fresh func(t testing.TB) Driver) {
	t.Helper()
	for _, l := range laws {
		t.Run(l.name, func(t *testing.T) {
			l.try(&trial{TB: t, fresh: fresh, bubble: func(f func(testing.TB)) { inBubble(t, f) }})
		})
	}
}
