package world

import (
	"container/heap"
	"fmt"
	"sync"
	"time"
)

// A ManualClock is a clock for tests. It moves only in [ManualClock.Advance] and
// [ManualClock.Set]. Any goroutine may call its methods, and so may the functions
// that the clock calls.
type ManualClock struct {
	name string

	mu      sync.Mutex
	now     time.Time
	set     uint64 // number of calls of AfterFunc; orders equal deadlines
	pending manualCalls
}

// NewManualClock returns a clock whose time is start. The name must differ from the
// names of all other clocks that the same machine uses. NewManualClock panics if
// the name is empty or "system", which is the name of [SystemClock].
func NewManualClock(name string, start time.Time) *ManualClock {
	if name == "" || name == systemClockName {
		panic(fmt.Sprintf("world: NewManualClock(%q): a manual clock needs a name of its own; give it one such as \"test\"", name))
	}
	// Round removes the monotonic reading, which would not move with the clock.
	return &ManualClock{name: name, now: start.Round(0)}
}

// ClockName returns the name given to [NewManualClock].
func (c *ManualClock) ClockName() string { return c.name }

// Now returns the time of the clock. While the clock calls a function, its time is
// the deadline of that call.
func (c *ManualClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Pending returns the number of calls that are neither made nor stopped.
func (c *ManualClock) Pending() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.pending)
}

// AfterFunc implements [Clock]. The [ManualClock.Advance] or [ManualClock.Set] that
// moves the clock by d or more from now calls f. If d is zero or negative, the next
// one does, even Advance(0).
func (c *ManualClock) AfterFunc(d time.Duration, f func()) Stopper {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.set++
	call := &manualCall{clock: c, at: c.now.Add(max(d, 0)), order: c.set, f: f}
	heap.Push(&c.pending, call)
	return call
}

// Advance moves the clock forward by d. It makes the calls that become due, on the
// goroutine of the caller and without a lock: the earliest deadline first, and
// equal deadlines in the order of AfterFunc. It also makes the calls that those
// functions set and that become due within d. During each call the time of the
// clock is the deadline of the call. Advance panics if d is negative.
func (c *ManualClock) Advance(d time.Duration) {
	if d < 0 {
		panic(fmt.Sprintf("world: ManualClock %q: Advance(%v): time does not go back; give a duration of 0 or more", c.name, d))
	}
	c.moveTo(c.Now().Add(d))
}

// Set moves the clock forward to t, as [ManualClock.Advance] does. It panics if t is
// before the time of the clock.
func (c *ManualClock) Set(t time.Time) {
	t = t.Round(0)
	if now := c.Now(); t.Before(now) {
		panic(fmt.Sprintf("world: ManualClock %q: Set(%v): time does not go back; the clock stands at %v", c.name, t, now))
	}
	c.moveTo(t)
}

// moveTo makes the calls that are due until t. It leaves the clock at t, or later if
// one of the calls moved it further.
func (c *ManualClock) moveTo(t time.Time) {
	for {
		f := c.next(t)
		if f == nil {
			return
		}
		f()
	}
}

// next removes the first call that is due until t, moves the clock to its deadline,
// and returns its function. If there is none, next moves the clock to t and returns
// nil.
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

// moveUpTo moves the clock to t, unless its time is later.
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
	index int // in the heap; -1 once it is made or stopped
}

// Stop implements [Stopper].
func (call *manualCall) Stop() bool {
	call.clock.mu.Lock()
	defer call.clock.mu.Unlock()
	if call.index < 0 {
		return false
	}
	heap.Remove(&call.clock.pending, call.index)
	return true
}

// manualCalls is a heap whose first element is the next call. It implements
// [heap.Interface].
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
	h[i].index, h[j].index = i, j
}

func (h *manualCalls) Push(x any) {
	call := x.(*manualCall)
	call.index = len(*h)
	*h = append(*h, call)
}

func (h *manualCalls) Pop() any {
	last := len(*h) - 1
	call := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	call.index = -1
	return call
}
