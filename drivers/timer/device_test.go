package timer

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/go-marketplace/marketplace/world"
)

// named is a clock with a name.
type named struct {
	world.Clock
	name string
}

func (n named) ClockName() string { return n.name }

// Tickers have the same name only if their clocks have, and none has that of an
// alarm.
func TestTickerNamesAreInjective(t *testing.T) {
	name := rapid.SampledFrom([]string{"", "a", "system", `"a"`, `a")`, `a"), "b`, "world.Alarm(nil, 0ns, )"})
	rapid.Check(t, func(t *rapid.T) {
		a, b := ticker{named{nil, name.Draw(t, "a")}}, ticker{named{nil, name.Draw(t, "b")}}
		if (a == b) != (a.DeviceName() == b.DeviceName()) {
			t.Fatalf("%v is %s, and %v is %s", a, a.DeviceName(), b, b.DeviceName())
		}
		if !strings.HasPrefix(a.DeviceName(), "timer.ticker(") {
			t.Fatalf("%v is %s", a, a.DeviceName())
		}
	})
}

func openTickerOf(t *testing.T, clock world.Clock) world.Handle {
	t.Helper()
	h, err := ticker{clock}.Open(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

func tell(t *testing.T, h world.Handle, commands ...any) {
	t.Helper()
	if n, err := h.Try(commands); n != len(commands) || err != nil {
		t.Fatalf("%d of %d commands are carried out, %v", n, len(commands), err)
	}
}

func receive(t *testing.T, h world.Handle, want now) {
	t.Helper()
	if v, err := h.Recv(); v != want || err != nil {
		t.Fatalf("received %v, %v; want %v", v, err, want)
	}
}

func TestTicker(t *testing.T) {
	clock := world.NewManualClock("test", noon)
	h := openTickerOf(t, clock)
	receive(t, h, now{noon, 0})
	clock.Advance(time.Second)
	tell(t, h, read{1})
	receive(t, h, now{noon.Add(time.Second), 1})
	tell(t, h, read{2}, wake{noon.Add(-time.Hour)}, read{3}) // one value for all
	receive(t, h, now{noon.Add(time.Second), 3})
	tell(t, h, wake{noon.Add(time.Hour)}, wake{noon.Add(time.Minute)})
	if n := clock.Pending(); n != 1 {
		t.Errorf("%d calls are pending", n)
	}
	clock.Advance(time.Hour)
	receive(t, h, now{noon.Add(time.Minute), 3})
	if n := clock.Pending(); n != 0 {
		t.Errorf("%d calls are pending", n)
	}
}

// A wake that is replaced, or whose ticker is closed, gives no value.
func TestTickerDisarms(t *testing.T) {
	clock := world.NewManualClock("test", noon)
	h := openTickerOf(t, clock)
	receive(t, h, now{noon, 0})
	tell(t, h, wake{noon.Add(time.Minute)}, wake{noon.Add(time.Hour)})
	clock.Advance(time.Minute)
	tell(t, h, read{1})
	receive(t, h, now{noon.Add(time.Minute), 1})
	for range 2 {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	}
	tell(t, h, wake{noon.Add(2 * time.Hour)}) // too late
	if n := clock.Pending(); n != 0 {
		t.Errorf("%d calls are pending", n)
	}
	if _, err := h.Recv(); !errors.Is(err, world.ErrClosed) {
		t.Error(err)
	}
	if n, err := h.Try([]any{read{2}, "nonsense"}); n != 1 || err == nil {
		t.Error(n, err)
	}
}

// deaf is a clock that stops no calls.
type deaf struct{ *world.ManualClock }

func (d deaf) AfterFunc(after time.Duration, f func()) world.Stopper {
	d.ManualClock.AfterFunc(after, f)
	return d
}

func (deaf) Stop() bool { return false }

// A call that comes although it was stopped, because it was on its way, does
// nothing.
func TestTickerIgnoresLateCalls(t *testing.T) {
	clock := deaf{world.NewManualClock("test", noon)}
	h := openTickerOf(t, clock)
	receive(t, h, now{noon, 0})
	tell(t, h, wake{noon.Add(time.Minute)}, wake{noon.Add(time.Hour)})
	clock.Advance(time.Minute)
	if h.(*openTicker).fresh {
		t.Error("the ticker wakes too early")
	}
	clock.Advance(59 * time.Minute)
	receive(t, h, now{noon.Add(time.Hour), 0})
	tell(t, h, wake{noon.Add(2 * time.Hour)})
	h.Close()
	clock.Advance(time.Hour)
}

// Close unblocks Recv.
func TestTickerClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := openTickerOf(t, world.SystemClock())
		receive(t, h, now{time.Now().UTC(), 0})
		over := make(chan error)
		go func() {
			_, err := h.Recv()
			over <- err
		}()
		synctest.Wait()
		h.Close()
		if err := <-over; !errors.Is(err, world.ErrClosed) {
			t.Error(err)
		}
	})
}

// fickle is a clock that does something while it is read.
type fickle struct {
	*world.ManualClock
	looks int
	does  map[int]func()
}

func (f *fickle) Now() time.Time {
	now := f.ManualClock.Now()
	f.looks++
	if do := f.does[f.looks]; do != nil {
		do()
	}
	return now
}

// A clock that is moved by hand while a wake is being set does not get past it.
func TestTickerWhileTheClockMoves(t *testing.T) {
	for _, moved := range []time.Duration{time.Second, 59 * time.Second, time.Minute, time.Hour} {
		f := &fickle{ManualClock: world.NewManualClock("test", noon)}
		h := openTickerOf(t, f)
		receive(t, h, now{noon, 0})
		f.does = map[int]func(){f.looks + 1: func() { f.Advance(moved) }}
		tell(t, h, wake{noon.Add(time.Minute)})
		if moved < time.Minute {
			f.Advance(time.Minute - moved)
		}
		receive(t, h, now{noon.Add(max(moved, time.Minute)), 0})
	}
}

// setBack is a clock that is behind another.
type setBack struct {
	world.Clock
	behind *time.Duration
}

func (s setBack) Now() time.Time { return s.Clock.Now().Add(-*s.behind) }

// When the clock has been set back, the ticker wakes later.
func TestTickerWhenTheClockIsSetBack(t *testing.T) {
	clock, behind := world.NewManualClock("test", noon), time.Duration(0)
	h := openTickerOf(t, setBack{clock, &behind})
	receive(t, h, now{noon, 0})
	tell(t, h, wake{noon.Add(time.Minute)})
	behind = time.Hour
	clock.Advance(time.Minute)
	clock.Advance(time.Hour - 1)
	tell(t, h, read{1})
	receive(t, h, now{noon.Add(time.Minute - 1), 1})
	clock.Advance(1)
	receive(t, h, now{noon.Add(time.Minute), 1})
}
