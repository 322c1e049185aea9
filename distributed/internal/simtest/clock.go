package simtest

import (
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/world"
)

// Pass lets time pass, which is that of the bubble of a test: the machines do all that they do
// in d, and are at rest at the end. Nothing real is waited for.
func Pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// A clock is the clock of a node. While the node is paused, its timers wait.
type clock struct{ of *Node }

// ClockName implements [world.Clock].
func (c clock) ClockName() string { return "sim " + c.of.name }

// Now implements [world.Clock].
func (c clock) Now() time.Time { return time.Now() }

// after is time.AfterFunc for times that are not over yet: in a bubble of testing/synctest, a
// timer that fires at once makes the race detector end the process (golang/go#78156).
func after(d time.Duration, f func()) *time.Timer { return time.AfterFunc(max(d, 1), f) }

// AfterFunc implements [world.Clock].
func (c clock) AfterFunc(d time.Duration, f func()) world.Stopper {
	s := &timer{clock: c, f: f}
	s.timer = after(d, s.fire)
	return s
}

type timer struct {
	clock   clock
	f       func()
	timer   *time.Timer
	stopped bool
}

func (t *timer) fire() {
	n := t.clock.of.net
	n.mu.Lock()
	switch {
	case t.stopped:
		n.mu.Unlock()
		return
	case t.clock.of.paused:
		t.clock.of.later = append(t.clock.of.later, t.fire)
		n.mu.Unlock()
		return
	}
	t.stopped = true
	n.mu.Unlock()
	t.f()
}

func (t *timer) Stop() bool {
	n := t.clock.of.net
	n.mu.Lock()
	defer n.mu.Unlock()
	was := !t.stopped
	t.stopped = true
	t.timer.Stop()
	return was
}
