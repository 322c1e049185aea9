package ground_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// Issue 9.3: while many actions wait in the machine, no values enter it.

// bulk is a long value.
type bulk struct{ Name string }

func (bulk) Size() int { return 10_000 }

// A value waits until the machine has less to do; a long value waits longer than a
// short one. The time, the end of a device without waiting values, and a stop do not
// wait. The end of a device comes after its last value.
func TestAdmission(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		names := []string{"flood", "long", "short", "clock", "ends", "last"}
		stages := map[string]*stage{}
		for _, n := range names {
			stages[n] = newStage()
		}
		const jobs = 20_000
		work := 0
		var order []string // in which things enter the machine after the flood
		note := func(what string) actions.Action {
			order = append(order, what)
			if work < jobs-4096 && (what == "short" || what == "long" || what == "last") {
				t.Errorf("%q enters with %d of %d jobs done", what, work, jobs)
			}
			return nil
		}
		flood := func(bulk) actions.Action {
			// Everything that comes now is in the queue before the flood begins.
			stages["long"].values <- bulk{"long"}
			stages["last"].values <- say{"last"}
			close(stages["last"].values)
			stages["short"].values <- say{"short"}
			stages["clock"].values <- world.AlarmRang{}
			close(stages["ends"].values)
			synctest.Wait()
			all := make(actions.Tree, jobs)
			for i := range all {
				all[i] = actions.Send(job{i})
			}
			return all
		}
		go func() {
			synctest.Wait() // until all are open
			stages["flood"].values <- bulk{"flood"}
		}()
		open := actions.Tree{}
		for _, n := range names {
			d := puppet{n, stages[n]}
			hs := []endpoint.DeviceHandler{
				endpoint.OnValue(func(v say) actions.Action { return note(v.Text) }),
				endpoint.OnValue(func(world.AlarmRang) actions.Action { return note("clock") }),
				endpoint.OnEnded(func(reason error) actions.Action {
					if reason == nil { // and not that of the stop
						note("end of " + n)
					}
					return nil
				}),
			}
			if n == "flood" {
				hs = append(hs, endpoint.OnValue(flood))
			} else {
				hs = append(hs, endpoint.OnValue(func(v bulk) actions.Action {
					note(v.Name)
					return endpoint.Exit(nil)
				}))
			}
			open = append(open, endpoint.Device(d, hs...))
		}
		g := ground.Ground{Limits: vm.Limits{Steps: 1000}}
		err := g.Run(t.Context(), open,
			actions.Spawn(actions.Stateless(endpoint.Subscriber(topic.All[job](), endpoint.OnMessage(func(job) actions.Action {
				// A job is done some rounds later, so that the machine is left, busy,
				// between them.
				return afterTurns(5, func() { work++ })
			})))))
		if err != nil {
			t.Fatal(err)
		}
		// Two that enter at once, three in the queue for short ones, one in that for
		// long ones.
		if len(order) != 6 || !slices.Equal(sorted(order[:2]), []string{"clock", "end of ends"}) ||
			!slices.Equal(sorted(order[2:5]), []string{"end of last", "last", "short"}) || order[5] != "long" ||
			slices.Index(order, "end of last") < slices.Index(order, "last") {
			t.Errorf("they enter in the order %q", order)
		}
	})
}

// afterTurns calls f after a number of turns.
func afterTurns(turns int, f func()) actions.Action {
	return actions.Yield(func(struct{}) actions.Transition[struct{}] {
		if turns > 1 {
			return actions.Stateless(afterTurns(turns-1, f))
		}
		f()
		return actions.Stateless()
	})
}

func sorted(s []string) []string { return slices.Sorted(slices.Values(s)) }

// Values also enter a machine in which two processes keep each other busy for ever.
func TestAdmissionWithoutRest(t *testing.T) {
	s := newStage()
	d := puppet{"p", s}
	go func() {
		for i := range 100 {
			s.values <- say{fmt.Sprint(i)}
		}
		close(s.values)
	}()
	heard := 0
	g := ground.Ground{Limits: vm.Limits{Steps: 100}}
	err := g.Run(t.Context(),
		endpoint.Device(d, endpoint.OnValue(func(say) actions.Action { heard++; return nil }),
			endpoint.OnEnded(func(error) actions.Action { return endpoint.Exit(nil) })),
		actions.Spawn(actions.Stateless(endpoint.Subscriber(topic.All[job](), endpoint.OnMessage(func(j job) actions.Action { return actions.Send(j) })), actions.Send(job{1}))))
	if err != nil || heard != 100 {
		t.Errorf("%v, %d values were heard", err, heard)
	}
}
