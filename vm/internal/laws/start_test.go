package laws

import (
	"maps"
	"testing"

	"pgregory.net/rapid"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
)

// TestLawStartingOrder: in whichever order processes start, each knows the same
// peers at rest (HL-50).
func TestLawStartingOrder(t *testing.T) {
	met := 0
	rapid.Check(t, func(t *rapid.T) {
		roles := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) topic.Role {
			return topic.Role{
				Orientation: rapid.SampledFrom([]topic.Orientation{topic.Publisher, topic.Subscriber}).Draw(t, "orientation"),
				Interest:    rapid.SampledFrom([]topic.Interest{topic.Participant, topic.Observer, topic.Everything}).Draw(t, "interest"),
				Topic:       rapid.SampledFrom(lawTopics).Draw(t, "topic"),
			}
		}), 1, 6).Draw(t, "roles")
		numbers := make([]int, len(roles))
		for i := range numbers {
			numbers[i] = i
		}
		known := knownAfter(roles, numbers)
		if other := knownAfter(roles, rapid.Permutation(numbers).Draw(t, "order")); !maps.Equal(known, other) {
			t.Fatalf("of %v, in one order they know %v, and in another %v", roles, known, other)
		}
		met += len(known)
	})
	if met == 0 {
		t.Error("no process knows any peer")
	}
}

// An acquaintance is the number of a process, and the role of a peer.
type acquaintance struct {
	of   int
	peer string
}

// knownAfter starts a process for each number, with the role of that number, and
// returns how many peers each knows.
func knownAfter(roles []topic.Role, numbers []int) map[acquaintance]int {
	known := map[acquaintance]int{}
	var boot actions.Tree
	for _, i := range numbers {
		boot = append(boot, actions.Spawn(actions.Next(i, actions.AddEndpoint{Role: roles[i], Handler: actions.HandlerOf(
			func(i int, ev *actions.Event) actions.Transition[int] {
				if ev.Kind == actions.Presence {
					known[acquaintance{i, ev.Peer.String()}]++
				}
				return actions.Next(i)
			})})))
	}
	m := vm.New(boot)
	for in := vm.Start; in == vm.Start || m.Busy(); in = vm.Continue {
		m.Apply(vm.Input{Kind: in})
	}
	return known
}
