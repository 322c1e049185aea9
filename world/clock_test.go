package world_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/world"
	"pgregory.net/rapid"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func TestSystemClock(t *testing.T) {
	if world.SystemClock() != world.SystemClock() {
		t.Error("two values of the system clock differ")
	}
	synctest.Test(t, func(t *testing.T) {
		clock := world.SystemClock()
		start := clock.Now()
		rang := make(chan time.Time)
		clock.AfterFunc(time.Hour, func() { rang <- clock.Now() })
		never := clock.AfterFunc(time.Minute, func() { t.Error("a stopped call was made") })
		if !never.Stop() || never.Stop() {
			t.Error("Stop did not report that it stopped the call once")
		}
		if got := (<-rang).Sub(start); got != time.Hour {
			t.Errorf("rang after %v", got)
		}
	})
}

func TestManualClock(t *testing.T) {
	clock := world.NewManualClock("test", noon)
	var log []string
	note := func(what string) func() {
		return func() { log = append(log, what+clock.Now().Format(" 05")) }
	}
	want := func(lines ...string) {
		t.Helper()
		if !slices.Equal(log, lines) {
			t.Errorf("got %q, want %q", log, lines)
		}
		log = nil
	}

	clock.AfterFunc(3*time.Second, note("c"))
	clock.AfterFunc(1*time.Second, note("a"))
	clock.AfterFunc(3*time.Second, note("d"))
	stopped := clock.AfterFunc(2*time.Second, note("stopped"))
	clock.AfterFunc(2*time.Second, func() {
		note("b")()
		clock.AfterFunc(0, note("b at once"))
		clock.AfterFunc(time.Second, note("b later"))
	})
	if got := clock.Pending(); got != 5 {
		t.Errorf("%d pending", got)
	}
	if !stopped.Stop() || stopped.Stop() {
		t.Error("Stop did not report that it stopped the call once")
	}
	clock.Advance(time.Second / 2)
	want()
	clock.Advance(5 * time.Second)
	want("a 01", "b 02", "b at once 02", "c 03", "d 03", "b later 03")
	if got := clock.Now(); !got.Equal(noon.Add(5500 * time.Millisecond)) {
		t.Errorf("the clock stands at %v", got)
	}

	late := clock.AfterFunc(-time.Second, note("late"))
	want() // never within AfterFunc
	clock.Advance(0)
	want("late 05")
	if late.Stop() {
		t.Error("stopped a call that was made")
	}

	clock.AfterFunc(time.Second, note("set"))
	clock.Set(noon.Add(time.Minute))
	want("set 06")
	if got := clock.Pending(); got != 0 {
		t.Errorf("%d pending", got)
	}
}

// A call may move the clock; time still never goes back.
func TestManualClockMovedByACall(t *testing.T) {
	clock := world.NewManualClock("test", noon)
	clock.AfterFunc(time.Second, func() { clock.Advance(time.Minute) })
	clock.AfterFunc(2*time.Second, func() {})
	clock.Advance(3 * time.Second)
	if got := clock.Now().Sub(noon); got != 61*time.Second {
		t.Errorf("the clock moved by %v", got)
	}
	if got := clock.Pending(); got != 0 {
		t.Errorf("%d pending", got)
	}
}

func TestManualClockMistakes(t *testing.T) {
	mustPanic(t, func() { world.NewManualClock("", noon) }, "name")
	mustPanic(t, func() { world.NewManualClock("system", noon) }, "system", "name of its own")
	clock := world.NewManualClock("test", noon)
	mustPanic(t, func() { clock.Advance(-1) }, "test", "go back")
	mustPanic(t, func() { clock.Set(noon.Add(-1)) }, "test", "go back")
}

// ManualClock behaves as a simple model does, which searches a list for the next
// call.
func TestManualClockRandom(t *testing.T) {
	type call struct {
		at    time.Duration
		name  string
		stop  world.Stopper
		state string
	}
	rapid.Check(t, func(t *rapid.T) {
		clock := world.NewManualClock("test", noon)
		var now time.Duration
		var calls []*call
		var got, want []string
		t.Repeat(map[string]func(*rapid.T){
			"set": func(t *rapid.T) {
				d := time.Duration(rapid.IntRange(-1, 5).Draw(t, "d"))
				c := &call{at: now + max(d, 0), name: fmt.Sprint(len(calls)), state: "pending"}
				c.stop = clock.AfterFunc(d, func() {
					got = append(got, fmt.Sprint(c.name, "@", clock.Now().Sub(noon)))
				})
				calls = append(calls, c)
			},
			"stop": func(t *rapid.T) {
				if len(calls) == 0 {
					t.Skip("no calls")
				}
				c := rapid.SampledFrom(calls).Draw(t, "call")
				if stopped := c.stop.Stop(); stopped != (c.state == "pending") {
					t.Fatalf("Stop of a call that is %s gave %v", c.state, stopped)
				}
				if c.state == "pending" {
					c.state = "stopped"
				}
			},
			"advance": func(t *rapid.T) {
				now += time.Duration(rapid.IntRange(0, 5).Draw(t, "d"))
				due := slices.DeleteFunc(slices.Clone(calls), func(c *call) bool { return c.state != "pending" || c.at > now })
				slices.SortStableFunc(due, func(a, b *call) int { return int(a.at - b.at) })
				for _, c := range due {
					c.state = "made"
					want = append(want, fmt.Sprint(c.name, "@", c.at))
				}
				clock.Set(noon.Add(now))
			},
			"": func(t *rapid.T) {
				if !slices.Equal(got, want) {
					t.Fatalf("got %q, want %q", got, want)
				}
				if at := clock.Now().Sub(noon); at != now {
					t.Fatalf("the clock stands at %v, want %v", at, now)
				}
				pending := 0
				for _, c := range calls {
					if c.state == "pending" {
						pending++
					}
				}
				if clock.Pending() != pending {
					t.Fatalf("%d pending, want %d", clock.Pending(), pending)
				}
			},
		})
	})
}
