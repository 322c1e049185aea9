package timer_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/timer"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// A diary is what has expired when, since some beginning.
type diary struct {
	mu    sync.Mutex
	begin time.Time
	lines []string
}

func (d *diary) note(what string, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, fmt.Sprint(what, " ", now.Sub(d.begin)))
}

func (d *diary) expect(t *testing.T, want ...string) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.Equal(d.lines, want) {
		t.Errorf("the diary says %q; want %q", d.lines, want)
	}
	d.lines = nil
}

// hears is a process that subscribes to all timers, until n have expired, and
// does something when it sees that timers work.
func (d *diary) hears(n int, does ...actions.Action) actions.Process {
	return actions.Next(0,
		endpoint.Subscriber(topic.All[timer.Expired](),
			endpoint.OnPresence(func(timer.Expired) actions.Action { return actions.Group(does...) }),
			endpoint.OnMessageState(func(heard int, e timer.Expired) actions.Transition[int] {
				d.note(e.Label, e.Now)
				return actions.Next(heard+1, actions.When(heard+1 == n, actions.Quit()))
			})),
		endpoint.Subscriber(topic.All[timer.Time](), endpoint.OnMessage(func(now timer.Time) actions.Action {
			d.note("time "+now.Label, now.Now)
			return nil
		})),
	)
}

func nested(depth int, as ...actions.Action) actions.Action {
	a := actions.Group(as...)
	for range depth {
		a = actions.Spawn(vm.Nested(timer.Relay("r"), a))
	}
	return a
}

// In a bubble, by the clock of the system, timers expire to the nanosecond, at
// any depth; and when the last one has, the machine ends.
func TestSystemClock(t *testing.T) {
	for depth := range 4 {
		synctest.Test(t, func(t *testing.T) {
			d := &diary{begin: time.Now()}
			err := ground.Run(t.Context(), timer.Driver(), nested(depth, actions.Spawn(d.hears(6,
				timer.After("b", time.Hour+1), timer.At("a", d.begin.Add(time.Hour)), timer.After("c", time.Hour+1),
				timer.Every("tick", 25*time.Minute), timer.Now("now"), timer.After("never", 2*time.Hour), timer.After("zero", 0),
			))))
			if err != nil {
				t.Error(err)
			}
			d.expect(t, "time now 0s", "zero 0s", "tick 25m0s", "tick 50m0s", "a 1h0m0s", "b 1h0m0.000000001s", "c 1h0m0.000000001s")
			if now := time.Since(d.begin); now != time.Hour+1 {
				t.Errorf("the machine has ended after %v", now)
			}
		})
	}
}

// A clock that is moved by hand stands where it was left.
func TestManualClock(t *testing.T) {
	for depth := range 4 {
		synctest.Test(t, func(t *testing.T) {
			clock := world.NewManualClock("test", time.Time{})
			d := &diary{}
			over := make(chan error)
			go func() {
				over <- ground.Run(t.Context(), timer.DriverOn(clock), nested(depth, actions.Spawn(d.hears(5,
					timer.After("b", time.Minute), timer.After("a", time.Second), timer.After("c", time.Minute), timer.Every("tick", 40*time.Second),
				))))
			}()
			synctest.Wait()
			d.expect(t)
			clock.Advance(time.Second - 1)
			synctest.Wait()
			d.expect(t)
			clock.Advance(1)
			synctest.Wait()
			d.expect(t, "a 1s")
			clock.Advance(59 * time.Second)
			synctest.Wait()
			d.expect(t, "tick 40s", "b 1m0s", "c 1m0s")
			clock.Advance(time.Hour)
			d.expectOver(t, over)
			if n := clock.Pending(); n != 0 {
				t.Errorf("%d calls are pending", n)
			}
		})
	}
}

func (d *diary) expectOver(t *testing.T, over chan error) {
	t.Helper()
	synctest.Wait()
	select {
	case err := <-over:
		if err != nil {
			t.Error(err)
		}
	default:
		t.Fatal("the machine has not ended")
	}
}

// A machine in which processes only wait ends.
func TestNobodySetsATimer(t *testing.T) {
	d := &diary{}
	if err := ground.Run(t.Context(), timer.Driver(), nested(3, actions.Spawn(d.hears(1)))); err != nil {
		t.Error(err)
	}
}

// A machine can be stopped while timers are pending, and then nothing is left.
func TestStopOnTheGround(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		d := &diary{begin: time.Now()}
		over := make(chan error)
		go func() {
			over <- ground.Run(ctx, timer.Driver(), nested(2, actions.Spawn(d.hears(0, timer.Every("tick", time.Second)))))
		}()
		<-time.After(3500 * time.Millisecond)
		cancel()
		d.expectOver(t, over)
		d.expect(t, "tick 1s", "tick 2s", "tick 3s")
	})
}

// Two machines do not know of each other's timers, even by the same clock.
func TestTwoMachines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all sync.WaitGroup
		diaries := [2]diary{}
		for i := range diaries {
			diaries[i].begin = time.Now()
			all.Go(func() {
				err := ground.Run(t.Context(), timer.Driver(), actions.Spawn(diaries[i].hears(1, timer.After("a", time.Duration(i+1)*time.Minute))))
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		diaries[0].expect(t, "a 1m0s")
		diaries[1].expect(t, "a 2m0s")
	})
}
