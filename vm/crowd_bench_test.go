package vm_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
)

// leave tells all members of a crowd to leave.
type leave struct{}

// member is a process of a crowd: it subscribes to all parcels, and leaves when it
// hears leave.
func member() actions.SpawnProcess {
	return actions.Spawn(actions.Stateless(
		endpoint.Subscriber(topic.All[parcel]()),
		endpoint.Subscriber(topic.All[leave](), endpoint.OnMessage(func(leave) actions.Action { return actions.Quit() })),
	))
}

// A reaper ends processes in a given order, some in each of its turns.
type reaper struct {
	victims []actions.PID
	at      int
}

func (r reaper) turn() actions.Transition[reaper] {
	t := make(actions.Tree, 0, load+1)
	for range min(load, len(r.victims)-r.at) {
		t = append(t, actions.Kill(r.victims[r.at], nil))
		r.at++
	}
	if r.at < len(r.victims) {
		t = append(t, actions.Yield(reaper.turn))
	}
	return actions.Next(r, t)
}

// watchers are processes that observe subscribers of parcels: each one, the first and
// the last, and each one by the address.
var watchers = actions.Tree{
	actions.Spawn(actions.Stateless(endpoint.ObserveSubscribers(topic.All[parcel](),
		endpoint.OnPresence(func(parcel) actions.Action { return nil }),
		endpoint.OnAbsence(func(parcel, error) actions.Action { return nil })))),
	actions.Spawn(actions.Stateless(endpoint.ObserveSubscribers(topic.All[parcel](),
		endpoint.OnFirst(func(parcel) actions.Action { return nil }),
		endpoint.OnLast(func(parcel) actions.Action { return nil })))),
	actions.Spawn(actions.Stateless(endpoint.ObserveSubscribers(topic.All[parcel](),
		endpoint.OnFirst(func(parcel) actions.Action { return nil }, parcelTo),
		endpoint.OnLast(func(parcel) actions.Action { return nil }, parcelTo)))),
}

// BenchmarkCrowd ends many processes that subscribe to one topic. The time is that of
// all of them.
func BenchmarkCrowd(b *testing.B) {
	reap := func(order func(n int) []int) func(n int, members []actions.PID) actions.Action {
		return func(n int, members []actions.PID) actions.Action {
			r := reaper{}
			for _, i := range order(n) {
				r.victims = append(r.victims, members[i])
			}
			return actions.Spawn(actions.Next(r, actions.Yield(reaper.turn)))
		}
	}
	upTo := func(n int) []int {
		order := make([]int, n)
		for i := range order {
			order[i] = i
		}
		return order
	}
	for _, tt := range []struct {
		name  string
		leave func(n int, members []actions.PID) actions.Action
	}{
		{"at once", func(int, []actions.PID) actions.Action { return actions.Send(leave{}) }},
		{"first to last", reap(upTo)},
		{"last to first", reap(func(n int) []int {
			order := upTo(n)
			slices.Reverse(order)
			return order
		})},
		{"random", reap(func(n int) []int { return rand.New(rand.NewPCG(9, 4)).Perm(n) })},
	} {
		for _, n := range []int{40_000, 160_000} {
			b.Run(fmt.Sprintf("%s/%d", tt.name, n), func(b *testing.B) {
				for b.Loop() {
					b.StopTimer()
					var members []actions.PID
					boot := actions.Tree{watchers}
					for range n {
						boot = append(boot, actions.SpawnFunc(func(self actions.PID) actions.Process {
							members = append(members, self)
							return member().Boot(self)
						}))
					}
					var orders func() actions.Action
					boot = append(boot, actions.Spawn(actions.Stateless(endpoint.Device(hand{}, endpoint.OnValue(func(begin) actions.Action {
						return orders()
					})))))
					m := vm.Config{Limits: vm.Limits{Queue: 1 << 20}}.New(boot)
					out := run(m, vm.Input{Kind: vm.Start})
					orders = func() actions.Action { return tt.leave(n, members) }
					b.StartTimer()
					run(m, vm.Input{Kind: vm.Value, Address: out[len(out)-1].Address, Value: begin{}})
					b.StopTimer()
					if got := m.Stats().Ended; got != uint64(n) {
						b.Fatalf("%d processes have ended, want %d", got, n)
					}
					b.StartTimer()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/process")
			})
		}
	}
}
