package world

import (
	"container/heap"
	"fmt"
	"sync"
	"time"
)

// A ManualClock is a clock for tests that moves only when it is told to. Its
// methods may be called from any goroutine, and from the functions it calls.
type ManualClock struct {
	name string

	mu      sync.Mutex
	now     time.Time
	set     uint64 // how many calls were asked for; orders equal deadlines
	pending manualCalls
}

// NewManualClock returns a clock that stands at start. The name must differ
// from that of every other clock that the same machine uses. It panics if the
// name is empty or "system", which is the name of [SystemClock].
func NewManualClock(name string, start time.Time) *ManualClock {
	if name == "" || name == systemClockName {
		panic(fmt.Sprintf("world: NewManualClock(%q): a manual clock needs a name of its own; give it one such as \"test\"", name))
	}
	// A clock that moves by hand has no monotonic reading to offer.
	return &ManualClock{name: name, now: start.Round(0)}
}

// ClockName returns the name given to [NewManualClock].
func (c *ManualClock) ClockName() string { return c.name }

// Now returns the time at which the clock stands. While a function is called,
// that is the function's deadline.
func (c *ManualClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Pending returns how many calls are set and neither made nor stopped.
func (c *ManualClock) Pending() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.pending)
}

// AfterFunc has f called by the [ManualClock.Advance] or [ManualClock.Set] that
// brings the clock to d from now. If d is zero or negative, that is the next
// one, which may be Advance(0).
func (c *ManualClock) AfterFunc(d time.Duration, f func()) Stopper {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.set++
	call := &manualCall{clock: c, at: c.now.Add(max(d, 0)), order: c.set, f: f}
	heap.Push(&c.pending, call)
	return call
}

// Advance moves the clock forward and calls what becomes due, on this goroutine
// and with no lock held: the earliest deadline first, equal ones in the order in
// which they were set, and with them what these calls set that becomes due
// within d. The clock stands at each deadline in turn and at last at d from
// where it stood. It panics if d is negative.
func (c *ManualClock) Advance(d time.Duration) {
	if d < 0 {
		panic(fmt.Sprintf("world: ManualClock %q: Advance(%v): time does not go back; give a duration of 0 or more", c.name, d))
	}
	c.moveTo(c.Now().Add(d))
}

// Set moves the clock forward to t, as [ManualClock.Advance] does. It panics if
// the clock stands later than t.
func (c *ManualClock) Set(t time.Time) {
	t = t.Round(0)
	if now := c.Now(); t.Before(now) {
		panic(fmt.Sprintf("world: ManualClock %q: Set(%v): time does not go back; the clock stands at %v", c.name, t, now))
	}
	c.moveTo(t)
}

// moveTo makes the calls that are due until t, and leaves the clock at t, or
// later if one of the calls moved it further.
func (c *ManualClock) moveTo(t time.Time) {
	for {
		f := c.next(t)
		if f == nil {
			return
		}
		f()
	}
}

// next takes out the first call that is due until t and moves the clock to its
// deadline. If there is none, it moves the clock to t and returns nil.
func (c *ManualClock) next(t time.Time) func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.pending) == 0 || c.pending[0].at.After(t) {
		c.moveUpTo(t)
		return nil
	}
	call := heap.Pop(&c.pending).(*manualCall)
	c.moveUpTo(call.at)
	return call.f
}

// moveUpTo sets the time unless the clock is there already.
func (c *ManualClock) moveUpTo(t time.Time) {
	if t.After(c.now) {
		c.now = t
	}
}

// A manualCall is a call that a ManualClock will make.
type manualCall struct {
	clock *ManualClock
	at    time.Time
	order uint64
	f     func()
	place int // in the heap; -1 once it is out
}

// Stop takes the call back.
func (call *manualCall) Stop() bool {
	call.clock.mu.Lock()
	defer call.clock.mu.Unlock()
	if call.place < 0 {
		return false
	}
	heap.Remove(&call.clock.pending, call.place)
	return true
}

// manualCalls is a heap, the next call first.
type manualCalls []*manualCall

func (h manualCalls) Len() int { return len(h) }

func (h manualCalls) Less(i, j int) bool {
	if h[i].at.Equal(h[j].at) {
		return h[i].order < h[j].order
	}
	return h[i].at.Before(h[j].at)
}

func (h manualCalls) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

// Push is called by package heap.
func (h *manualCalls) Push(x any) {
	call := x.(*manualCall)
	call.place = len(*h)
	*h = append(*h, call)
}

// Pop is called by package heap.
func (h *manualCalls) Pop() any {
	last := len(*h) - 1
	call := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	call.place = -1
	return call
}
