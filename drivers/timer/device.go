package timer

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/go-marketplace/marketplace/world"
)

// A ticker is the device of a clock. Its values are of type now: one when it is
// opened, one for each read, and one when the time of a wake has come.
type ticker struct{ clock world.Clock }

// now is the time of the clock.
type now struct {
	Now time.Time // in UTC

	// Reading is the number of the last read before the ticker read the clock, or
	// 0 if there was none since it was opened.
	Reading uint64
}

// Urgent implements [world.Urgent].
func (now) Urgent() {}

// read is a command: report the time.
type read struct{ Reading uint64 } // 1 for the first, and one more for each next

// wake is a command: report the time when it is At or later. It replaces the wake
// before it.
type wake struct{ At time.Time }

func init() {
	world.Register[now]("timer.now")
	world.Register[read]("timer.read")
	world.Register[wake]("timer.wake")
	world.Register[Set]("timer.Set")
	world.Register[Cancel]("timer.Cancel")
	world.Register[Read]("timer.Read")
	world.Register[Expired]("timer.Expired")
	world.Register[Time]("timer.Time")
	world.Register[Refused]("timer.Refused")
	world.RegisterErrorKind("timer.ErrNobodyWaits", ErrNobodyWaits)
	world.RegisterErrorKind("timer.ErrNoLabel", ErrNoLabel)
	world.RegisterErrorKind("timer.ErrTwoTimes", ErrTwoTimes)
	world.RegisterErrorKind("timer.ErrNegative", ErrNegative)
}

// DeviceName implements [world.Device].
func (t ticker) DeviceName() string {
	return "timer.ticker(" + strconv.Quote(t.clock.ClockName()) + ")"
}

// Open implements [world.Device].
func (t ticker) Open(context.Context, world.Env) (world.Handle, error) {
	h := &openTicker{clock: t.clock}
	h.changed.L = &h.mu
	h.look()
	return h, nil
}

// openTicker is the handle of a ticker.
type openTicker struct {
	clock world.Clock

	mu      sync.Mutex
	changed sync.Cond
	value   now  // of the last look
	fresh   bool // Recv has not returned the value yet
	reading uint64
	wakes   uint64        // how many there have been
	alarm   world.Stopper // of the last one; nil if it has rung
	closed  bool
}

// look reads the clock, and lets Recv return the time. It replaces a value that
// Recv has not returned yet.
func (h *openTicker) look() {
	h.value = now{plain(h.clock.Now()), h.reading}
	h.fresh = true
	h.changed.Broadcast()
}

// Recv implements [world.Handle].
func (h *openTicker) Recv() (any, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for !h.fresh && !h.closed {
		h.changed.Wait()
	}
	if h.closed {
		return nil, world.ErrClosed
	}
	h.fresh = false
	return h.value, nil
}

// Try implements [world.Handle].
func (h *openTicker) Try(commands []any) (int, error) {
	for i, c := range commands {
		if err := h.Do(c); err != nil {
			return i, err
		}
	}
	return len(commands), nil
}

// Do implements [world.Handle]. It does not block.
func (h *openTicker) Do(command any) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch c := command.(type) {
	case read:
		h.reading = c.Reading
		h.look()
	case wake:
		h.wakes++
		h.disarm()
		h.arm(c.At)
	default:
		return fmt.Errorf("timer: a ticker takes no %T: its commands are read and wake", command)
	}
	return nil
}

// slack is how late a wake may be because a test moved the clock while the alarm
// was set.
const slack = time.Millisecond

// arm sets the alarm to a time.
func (h *openTicker) arm(at time.Time) {
	for !h.closed {
		before := plain(h.clock.Now())
		if !before.Before(at) {
			h.look()
			return
		}
		n := h.wakes
		h.alarm = h.clock.AfterFunc(at.Sub(before), func() { h.ring(n, at) })
		if after := plain(h.clock.Now()); after.Sub(before) < slack && after.Before(at) {
			return
		}
		// The clock has moved meanwhile, so the alarm would be late.
		h.disarm()
		h.wakes++
	}
}

// ring handles the alarm of the n-th wake. It sets the alarm again if the clock has
// been set back meanwhile.
func (h *openTicker) ring(n uint64, at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if n == h.wakes {
		h.alarm = nil
		h.arm(at)
	}
}

func (h *openTicker) disarm() {
	if h.alarm != nil {
		h.alarm.Stop()
		h.alarm = nil
	}
}

// Close implements [world.Handle].
func (h *openTicker) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.disarm()
	h.closed = true
	h.changed.Broadcast()
	return nil
}
