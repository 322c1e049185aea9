package supervise

import (
	"time"

	"github.com/go-marketplace/marketplace/actions"
)

// A Strategy says which children a supervisor starts again when one of them has to be
// started again. Those of them that run are ended first, the last one first, with the
// reason [ErrRestart].
type Strategy uint8

// The strategies.
const (
	OneForOne  Strategy = iota // that child alone
	RestForOne                 // that child, and those after it
	OneForAll                  // all children
)

// A Restart says when a child is started again after its end.
type Restart uint8

// When a child is started again.
const (
	Permanent Restart = iota // always
	Transient                // if it has ended with a reason
	Temporary                // never
)

// A Child describes a child of a supervisor.
type Child struct {
	// Name names the child among those of its supervisor. The names of children and
	// their number are in saved machines and in presence.
	Name string

	// Start starts the child, each time: spawn a process type ([actions.Definition])
	// or a machine (vm.Nested). It has no continuation and no monitor.
	Start actions.SpawnProcess

	// Restart says when the child is started again.
	Restart Restart
}

// A Spec says what a supervisor does. The zero Spec is ready to use.
type Spec struct {
	Strategy Strategy

	// Intensity is the number of restarts that there may be within Period. Zero stands
	// for 3; with a negative number, the first restart is one too many.
	Intensity int

	// Period is how long a restart counts. Zero stands for 5 seconds.
	Period time.Duration

	// Backoff says how long a supervisor waits before a restart. The zero Backoff is
	// not to wait.
	Backoff Backoff

	// OnGiveUp, if not nil, returns what a supervisor that gives up does last, after it
	// has ended its children and before it fails with the reason: it tells somebody, or
	// spawns what takes over. It must be pure. If it panics, the supervisor fails with
	// the panic, and its children end all the same.
	OnGiveUp func(reason *Error) actions.Action
}

// A Backoff is a time that doubles with each restart in a period: Min for the first,
// and at most Max.
type Backoff struct {
	Min time.Duration
	Max time.Duration // zero stands for Min
}

// before returns how long to wait before restart n of a period, which counts from 1.
func (b Backoff) before(n int) time.Duration {
	d := b.Min
	for ; n > 1 && d < b.Max; n-- {
		d = min(2*d, b.Max)
	}
	return d
}
