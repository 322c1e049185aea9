package drivertest

import (
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/world"
)

// A Driver is a driver to be tested, in an outside of its own. The functions in
// it are called from one goroutine at a time, but for Happen.
//
// What the driver serves are things, with numbers from 0, each opened by a
// demand of its own: addresses, files, stations. Boot and Demand are needed.
// Whatever else is left out, the test skips what it would be needed for.
type Driver struct {
	// Boot spawns the driver. The same action may be performed in several
	// machines, one after another.
	Boot actions.Action

	// Things is how many things the tests may ask for. It is better to have 2:
	// then the tests see whether one is mistaken for the other. Default: 1.
	Things int

	// Demand returns what a process performs that wants thing i: endpoints, in
	// most cases. The process has no state. What it hears at these endpoints
	// is what the tests look at. A demand is taken back by the deletion of its
	// endpoints, so that they must not make others.
	Demand func(i int) actions.Action

	// Ready returns endpoints at which another process, one that wants nothing
	// itself, sees somebody for as long as thing i is ready. If it is nil, that
	// is to be seen at the endpoints of the demand.
	Ready func(i int) actions.Action

	// Happen has something happen outside, to thing i, for the n-th time,
	// counted from 1. It returns the messages that those who want the thing are
	// to be told, in their order, or nil if it is something else that they hear.
	//
	// It is called on a goroutine of its own, and may wait for the driver. It
	// may find the thing closed, and then the driver, or the whole machine,
	// gone; it must then not fail, and must return once Close is called.
	Happen func(i, n int) (messages []any)

	// Fail has thing i fail when it is opened, from now on, until mend is
	// called; if that is nil, the thing cannot be mended. Users are to be told
	// of a reason that matches the one returned, by [errors.Is], or of any, if
	// that is nil. It is called while thing i is not open.
	Fail func(i int) (mend func(), reason error)

	// Open returns the names of what the driver has open outside: sockets,
	// timers, files. A [Tally] can keep them. If it is nil, the tests can tell
	// what devices are open, but not whether they leave anything behind.
	Open func() []string

	// Stuck returns a device of the driver, and commands for it that the outside
	// does not take: writes to a peer that reads nothing, for example. The tests
	// have the device carry out the commands, one after another, until one of
	// them waits, and close it then. If it is nil, they do not see whether Close
	// ends Do.
	Stuck func() (d world.Device, commands []any)

	// Relay returns what is performed in a nested machine, at the given level,
	// so that a driver in the machine around it serves users inside.
	Relay func(level int) actions.Action

	// Types are the types of the processes of the driver, and of the relays.
	// With them, the tests see whether each process is of one of them, and
	// whether it can be written down and made anew whenever the machine is at
	// rest. If it is nil, they do not.
	Types []actions.Type

	// Patience is how much time has to pass until the driver has noticed what
	// has happened outside, and has done what it does about it. Default: 1 s.
	Patience time.Duration

	// Close ends what the outside does. It is called when the machine is gone.
	Close func()

	blind bool // there is no Open
}

// settings returns d with its defaults. It fails the test if something is
// missing without which there is nothing to test.
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
	return d
}

// Test tests a driver. For each run it asks for a fresh one, with an outside of
// its own, in which nothing is open. The function is called in a bubble of
// testing/synctest, and t is the test in that bubble.
//
// Two drivers that are returned are alike: their outsides have the same names
// and addresses, so that one run can be compared with another. To use files, for
// example, make a directory before Test, and empty it for each run.
func Test(t *testing.T, fresh func(t testing.TB) Driver) {
	t.Helper()
	for _, l := range laws {
		t.Run(l.name, func(t *testing.T) {
			l.try(&trial{TB: t, fresh: fresh, bubble: func(f func(testing.TB)) { inBubble(t, f) }})
		})
	}
}
