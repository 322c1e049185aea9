package tcp

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// DR-33: of any number of connections that are accepted one after the other, those
// beyond the burst take as long as the rate says; and none waits longer.
func TestDR33RateIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		perSecond, burst := rapid.IntRange(1, 1000).Draw(t, "rate"), rapid.IntRange(1, 20).Draw(t, "burst")
		q := quota{rate: newRate(perSecond, burst)}
		gaps := rapid.SampledFrom([]time.Duration{0, 1, q.every / 2, q.every - 1, q.every, q.every + 1, 3 * q.every, time.Minute})
		var accepted []time.Time
		// allowed reports whether a connection at that time keeps to the rate.
		allowed := func(now time.Time) bool {
			for i, at := range accepted {
				if beyond := len(accepted) + 1 - i - burst; now.Sub(at) < time.Duration(beyond)*q.every {
					return false
				}
			}
			return true
		}
		now := time.Unix(1e9, 0)
		for range 60 {
			now = now.Add(gaps.Draw(t, "gap"))
			if d := q.wait(now); d > 0 {
				if allowed(now.Add(d - 1)) {
					t.Fatalf("the %dth connection waits for %v, and need not wait that long", len(accepted), d)
				}
				now = now.Add(d)
			}
			if !allowed(now) {
				t.Fatalf("the %dth connection is accepted, and is one too many", len(accepted))
			}
			q.count(now)
			accepted = append(accepted, now)
		}
		if took := now.Sub(accepted[0]); took < time.Duration(59-burst)*time.Second/time.Duration(perSecond) {
			t.Fatalf("60 connections in %v", took)
		}
	})
}

// DR-33: the limits of a rate, and the default of its burst.
func TestDR33Rates(t *testing.T) {
	for _, test := range []struct {
		perSecond, burst int
		want             rate
	}{
		{0, 0, rate{}},
		{1, 1, rate{time.Second, 0}},
		{10, 3, rate{100 * time.Millisecond, 200 * time.Millisecond}},
		{10, 0, rate{100 * time.Millisecond, 900 * time.Millisecond}},
		{3, 1, rate{333333334, 0}},
		{math.MaxInt, 1, rate{1, 0}},
		{1, math.MaxInt, rate{time.Second, time.Second * time.Duration(min(math.MaxInt-1, math.MaxInt64/int64(time.Second)))}},
	} {
		if got := newRate(test.perSecond, test.burst); got != test.want {
			t.Errorf("%d a second, %d at once: %+v, want %+v", test.perSecond, test.burst, got, test.want)
		}
	}
	q := quota{rate: newRate(1, math.MaxInt)}
	if d := q.wait(time.Now()); d > 0 {
		t.Errorf("the first connection waits for %v", d)
	}
}

// DR-33: a clock that goes back delays connections by one interval at most.
func TestDR33ClockGoesBack(t *testing.T) {
	q := quota{rate: newRate(10, 1)}
	now := time.Now()
	q.count(now)
	if d := q.wait(now.Add(-time.Hour)); d != 100*time.Millisecond {
		t.Errorf("the next connection waits for %v", d)
	}
}
