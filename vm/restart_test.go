package vm_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/vm"
)

// TestRestart: a Start of a later incarnation opens all devices again, in the order
// of their addresses, paused if they were; inputs of the old ones are late, and the
// holder hears the new ones in its former state.
func TestRestart(t *testing.T) {
	for depth := range 3 {
		t.Run(fmt.Sprintf("depth=%d", depth), func(t *testing.T) {
			var heard []string
			hear := func(name string) actions.Action {
				return endpoint.Device(hand{name}, endpoint.OnValue(func(v string) actions.Action {
					heard = append(heard, name+" "+v)
					return actions.When(v == "pause", actions.Pause(hand{name}))
				}))
			}
			m := vm.New(nested(depth, hear("a"), actions.Spawn(actions.Stateless(hear("c"))), hear("b")))
			open := slices.Clone(run(m, vm.Input{Kind: vm.Start, Incarnation: 1}))
			value := func(c vm.Command, v string) []vm.Command {
				return run(m, vm.Input{Kind: vm.Value, Address: c.Address, Value: v})
			}
			if len(open) != 3 || open[0].Address.Device != (hand{"a"}) {
				t.Fatalf("opened %v", open)
			}
			value(open[0], "pause")
			again := slices.Clone(run(m, vm.Input{Kind: vm.Start, Incarnation: 2}))
			if len(again) != 3 {
				t.Fatalf("opened again: %v", again)
			}
			for i, name := range []string{"a", "b", "c"} {
				c := again[i]
				if c.Kind != vm.Open || c.Address.Device != (hand{name}) || c.Address.Generation != uint64(4+i) || c.Paused != (name == "a") {
					t.Errorf("command %d is %v of %v, number %d, paused: %v", i, c.Kind, c.Address, c.Address.Generation, c.Paused)
				}
			}
			value(open[1], "nobody hears it")
			value(again[1], "anew")
			if want := []string{"a pause", "b anew"}; !slices.Equal(heard, want) {
				t.Errorf("heard %v, not %v", heard, want)
			}
			if late := m.Stats().Late; late != 1 || m.Incarnation() != 2 {
				t.Errorf("%d inputs are late, incarnation %d", late, m.Incarnation())
			}
		})
	}
}

// TestRestartNeedsLaterIncarnation: an incarnation is never used again.
func TestRestartNeedsLaterIncarnation(t *testing.T) {
	m := vm.New(endpoint.Device(hand{"a"}))
	run(m, vm.Input{Kind: vm.Start, Incarnation: 3})
	if c := run(m, vm.Input{Kind: vm.Start, Incarnation: 3}); len(c) > 0 || m.Stats().Late != 1 {
		t.Errorf("commands %v, late %d", c, m.Stats().Late)
	}
}

// TestRestartLimits: a Start sets the limits from then on.
func TestRestartLimits(t *testing.T) {
	flood := func() actions.Action {
		return endpoint.Device(hand{"a"}, endpoint.OnValue(func(string) actions.Action {
			return actions.Tree{actions.Tell(hand{"a"}, 1), actions.Tell(hand{"a"}, 2), actions.Tell(hand{"a"}, 3)}
		}))
	}
	m := vm.New(flood())
	for incarnation, queue := range []int{0, 2} {
		opened := slices.Clone(run(m, vm.Input{Kind: vm.Start, Incarnation: uint64(incarnation), Limits: &vm.Limits{Queue: queue}}))
		if len(opened) == 0 {
			t.Fatal("nothing opened")
		}
		run(m, vm.Input{Kind: vm.Value, Address: opened[0].Address, Value: "flood"})
	}
	if n := m.Stats().Overflows; n != 1 {
		t.Errorf("%d overflows", n)
	}
}

// A machine that is started again has not failed.
func TestFailureIsOfOneStart(t *testing.T) {
	reason := errors.New("no more")
	m := vm.New(endpoint.Device(hand{"a"}, endpoint.OnValue(func(string) actions.Action { return actions.Fail(reason) })),
		actions.Spawn(actions.Stateless(endpoint.Device(hand{"b"}))))
	open := run(m, vm.Input{Kind: vm.Start, Incarnation: 1})
	run(m, vm.Input{Kind: vm.Value, Address: open[0].Address, Value: "x"})
	if m.Failure() != reason || m.Snapshot().Machine(nil).Failure() != reason {
		t.Errorf("it has failed because of %v", m.Failure())
	}
	run(m, vm.Input{Kind: vm.Start, Incarnation: 2})
	if m.Failure() != nil {
		t.Errorf("it has failed because of %v", m.Failure())
	}
}
