package ground_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// Issue 9.3: a machine that closes its last device ends, even if that device was
// paused and a value of it was on its way.
func TestValueOfAClosedPausedDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		valve, tap, other := newStage(), newStage(), newStage()
		control, d, blocked := puppet{"valve", valve}, puppet{"tap", tap}, puppet{"blocked", other}
		goOn, over := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(over)
			if err := ground.Run(t.Context(),
				endpoint.Device(d),
				endpoint.Device(blocked, endpoint.OnValue(func(say) actions.Action {
					<-goOn
					return actions.Close(blocked)
				})),
				endpoint.Device(control, endpoint.OnValue(func(say) actions.Action {
					return actions.Group(actions.Pause(d), actions.Close(d), actions.Close(control))
				}))); err != nil {
				t.Error(err)
			}
		}()
		synctest.Wait()
		for _, s := range []*stage{other, valve, tap} { // so that the last two wait, in this order
			s.values <- say{"go"}
			synctest.Wait()
		}
		close(goOn)
		<-over
	})
}

// Issue 9.3: a value that was on its way when its device was paused is not lost when
// the device then ends: its holder gets the value, and then the end.
func TestValueBeforeTheEndOfAPausedDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		valve, tap := newStage(), newStage()
		control, d := puppet{"valve", valve}, puppet{"tap", tap}
		begun, goOn := make(chan struct{}), make(chan struct{})
		var heard []string
		note := func(s string) { heard = append(heard, s) }
		over := make(chan struct{})
		go func() {
			defer close(over)
			if err := ground.Run(t.Context(),
				endpoint.Device(d,
					endpoint.OnValue(func(v say) actions.Action { note(v.Text); return nil }),
					endpoint.OnEnded(func(error) actions.Action { note("end"); return actions.Close(control) })),
				endpoint.Device(control, endpoint.OnValue(func(v say) actions.Action {
					note(v.Text)
					close(begun)
					<-goOn
					return actions.Pause(d)
				}))); err != nil {
				t.Error(err)
			}
		}()
		synctest.Wait()
		valve.values <- say{"pause"}
		<-begun
		tap.values <- say{"value"}
		close(tap.values)
		synctest.Wait()
		close(goOn)
		<-over
		if want := []string{"pause", "value", "end"}; !slices.Equal(heard, want) {
			t.Errorf("heard %v, want %v", heard, want)
		}
	})
}

// Issue 9.9: the journal of a program that ends itself ends with a stop.
func TestExitIsRecordedAsAStop(t *testing.T) {
	reason := errors.New("no more")
	for range 50 {
		l := &ledger{s: newStage()}
		g := ground.Ground{Journal: l}
		if err := g.Run(t.Context(), endpoint.Exit(reason)); err == nil {
			t.Error("no error")
		}
		if got, want := l.kinds(), "start, stop asked, stop done"; !strings.HasSuffix(got, "stop done") {
			t.Fatalf("the journal has %s, want %s", got, want)
		}
	}
}

// Issue 9.3: values of devices enter a machine whose processes never rest, however
// many there are.
func TestValuesEnterAMachineThatNeverRests(t *testing.T) {
	var forever func(struct{}) actions.Transition[struct{}]
	stop := false
	forever = func(struct{}) actions.Transition[struct{}] {
		return actions.Stateless(actions.When(!stop, actions.Yield(forever)))
	}
	boot := actions.Tree{}
	for range 5000 {
		boot = append(boot, actions.Spawn(actions.Stateless(actions.Yield(forever))))
	}
	s := newStage()
	d := puppet{"p", s}
	go func() {
		for range 5 {
			s.values <- say{"value"}
		}
		close(s.values)
	}()
	n := 0
	g := ground.Ground{Limits: vm.Limits{Steps: 1}} // so that it goes on often
	err := g.Run(t.Context(), append(boot, endpoint.Device(d,
		endpoint.OnValue(func(say) actions.Action { n++; return nil }),
		endpoint.OnEnded(func(error) actions.Action { stop = true; return nil })))...)
	if err != nil || n != 5 {
		t.Errorf("%v, %d values", err, n)
	}
}

// Issue 9.3: an alarm without delay rings after all work is done, however much there
// is. The driver of TCP relies on that: when the alarm rings, it drops data that
// nobody has taken.
func TestRestAlarmWaitsForTheWork(t *testing.T) {
	for _, tt := range []struct {
		name string
		work int // endless if it is 0
	}{{"much work", 200}, {"work without end", 0}} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := world.Alarm{Clock: world.SystemClock()}
				done, rang := 0, false
				var work func(struct{}) actions.Transition[struct{}]
				work = func(struct{}) actions.Transition[struct{}] {
					if done++; done == 10 || done == 20 {
						synctest.Wait() // until it is set, and until it has rung
					}
					return actions.Stateless(actions.When(done != tt.work && !rang, actions.Yield(work)))
				}
				g := ground.Ground{Limits: vm.Limits{Steps: 1}}
				if err := g.Run(t.Context(), actions.Yield(work), endpoint.Device(a,
					endpoint.OnValue(func(world.AlarmRang) actions.Action {
						rang = true
						if done < tt.work {
							t.Errorf("it rings after %d of %d turns", done, tt.work)
						}
						return nil
					}))); err != nil || !rang {
					t.Errorf("%v, rang: %v", err, rang)
				}
			})
		})
	}
}
