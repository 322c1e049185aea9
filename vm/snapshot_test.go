package vm_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
)

// A club is a program that uses most features: members come and go in a nested
// machine, on values of hands outside.
func club() []actions.Action {
	type member struct{ Name int }
	name := topic.FieldOf(func(m *member) *int { return &m.Name })
	join := func(n int) actions.Action {
		return actions.Spawn(actions.Next(sum{},
			endpoint.Publisher(topic.Where(name.Is(n))),
			endpoint.Subscriber(topic.All[parcel](), endpoint.OnMessageState(func(s sum, p parcel) actions.Transition[sum] {
				s = s.add(p).State
				return actions.Next(s, actions.When(s.weight > 20, actions.Fail(fmt.Errorf("%d is too heavy", n))))
			})),
			actions.AtMeta(endpoint.Publisher(topic.Where(parcelTo.Is(n)))),
		)).Named(fmt.Sprint("member ", n))
	}
	inside := actions.Spawn(vm.Nested(
		actions.Spawn(actions.Stateless(
			endpoint.Device(hand{"inner"}, endpoint.OnValue(func(n int) actions.Action {
				return actions.Tree{join(n), actions.Send(parcel{n, n}), actions.Tell(hand{"inner"}, n)}
			})),
		)).Named("porter"),
		actions.Spawn(actions.Next(0, endpoint.ObservePublishers(topic.All[member](),
			endpoint.OnFirstState(func(n int, _ member) actions.Transition[int] { return actions.Next(n + 1) }, name),
			endpoint.OnLastState(func(n int, m member) actions.Transition[int] {
				return actions.Next(n-1, actions.AtMeta(actions.Send(parcel{-m.Name, 1})))
			}, name),
		))).Named("steward"),
	)).Named("club")
	return []actions.Action{
		inside,
		actions.Spawn(actions.Next(sum{},
			endpoint.Subscriber(topic.All[parcel](), endpoint.OnMessageState(sum.add),
				endpoint.OnPresenceState(func(s sum, c parcel) actions.Transition[sum] {
					s.weight += 1000 * c.To
					return actions.Next(s)
				})),
			endpoint.Device(hand{"outer"}, endpoint.OnValueState(func(s sum, n int) actions.Transition[sum] {
				return actions.Next(sum{s.weight + n}, actions.Yield(func(s sum) actions.Transition[sum] {
					return actions.Next(s, actions.When(n%3 == 0, actions.Tell(hand{"outer"}, s.weight)))
				}))
			})),
		)).Named("outer"),
	}
}

// describe returns all that can be seen of a machine from outside.
func describe(m *vm.Machine) string { return fmt.Sprint(m, m.Stats()) }

func said(commands []vm.Command) (out []string) {
	for _, c := range commands {
		out = append(out, fmt.Sprint(c.Kind, c.Address, c.Value))
	}
	return out
}

// A state does not change when its machine goes on, and a machine that goes on from
// it does what the first one did.
func TestSnapshot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := vm.Config{Limits: vm.Limits{Steps: rapid.IntRange(1, 50).Draw(t, "steps")}}.New(club()...)
		var inputs []vm.Input
		var states []vm.State
		var texts, commands []string
		var addresses []*vm.Address
		apply := func(in vm.Input) {
			if rapid.Bool().Draw(t, "snapshot") || len(states) == 0 {
				states = append(states, m.Snapshot())
			} else {
				states = append(states, vm.State{})
			}
			texts = append(texts, describe(m))
			out := m.Apply(in)
			inputs = append(inputs, in)
			commands = append(commands, fmt.Sprint(said(out)))
			for _, c := range out {
				if c.Kind == vm.Open {
					addresses = append(addresses, c.Address)
				}
			}
		}
		apply(vm.Input{Kind: vm.Start})
		for i := range rapid.IntRange(1, 30).Draw(t, "inputs") {
			switch {
			case m.Busy() && rapid.Bool().Draw(t, "continue"):
				apply(vm.Input{Kind: vm.Continue})
			case len(addresses) == 0:
			case i == 20 && rapid.Bool().Draw(t, "stop"):
				apply(vm.Input{Kind: vm.StopAsked})
			default:
				apply(vm.Input{Kind: vm.Value, Address: rapid.SampledFrom(addresses).Draw(t, "device"), Value: rapid.IntRange(0, 9).Draw(t, "value")})
			}
		}
		end := describe(m)
		for i, s := range states {
			if s.Valid() {
				if diff := cmp.Diff(texts[i], describe(s.Machine(nil))); diff != "" {
					t.Fatalf("state %d is not what it was:\n%s", i, diff)
				}
				again := s.Machine(nil)
				for j := i; j < len(inputs); j++ {
					if got := fmt.Sprint(said(again.Apply(inputs[j]))); got != commands[j] {
						t.Fatalf("from state %d, input %d has led to %s, not to %s", i, j, got, commands[j])
					}
				}
				if diff := cmp.Diff(end, describe(again)); diff != "" {
					t.Fatalf("from state %d, the end is another:\n%s", i, diff)
				}
			}
		}
	})
}

// State.Step, which is pure, does what the machine does.
func TestStep(t *testing.T) {
	m := vm.New(club()...)
	s := m.Snapshot()
	for i := range 20 {
		in := vm.Input{Kind: vm.Start}
		if i > 0 {
			in = vm.Input{Kind: vm.Value, Address: &vm.Address{Generation: uint64(i%2 + 1)}, Value: i % 7}
		}
		var out []vm.Command
		s, out = s.Step(in)
		if diff := cmp.Diff(said(m.Apply(in)), said(out)); diff != "" {
			t.Fatalf("input %d: %s", i, diff)
		}
		if diff := cmp.Diff(describe(m), describe(s.Machine(nil))); diff != "" || m.Busy() != s.Busy() {
			t.Fatalf("input %d: %s", i, diff)
		}
	}
}

// Machines that go on from one state do not affect each other.
func TestBranches(t *testing.T) {
	m := vm.New(club()...)
	m.Apply(vm.Input{Kind: vm.Start})
	s := m.Snapshot()
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			branch := s.Machine(nil)
			for j := range 50 {
				branch.Apply(vm.Input{Kind: vm.Value, Address: &vm.Address{Generation: uint64(j%2 + 1)}, Value: (i + j) % 5})
			}
		})
	}
	for j := range 50 {
		m.Apply(vm.Input{Kind: vm.Value, Address: &vm.Address{Generation: uint64(j%2 + 1)}, Value: j % 5})
	}
	wg.Wait()
}
