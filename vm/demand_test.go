package vm_test

import (
	"slices"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
)

// A machine that has reached its limit for an input wants a Continue also if only
// ends of demand are left to report. Here the end of one demand causes the end of
// another, in a machine with a low limit.
func TestLastsLeftOver(t *testing.T) {
	const customer = 3
	var gone []int
	m := vm.Config{Limits: vm.Limits{Steps: 1}}.New(
		actions.Spawn(actions.Stateless(endpoint.ObserveSubscribers(topic.All[parcel](),
			endpoint.OnLast(func(p parcel) actions.Action {
				gone = append(gone, p.To)
				return actions.Kill(customer, nil)
			}, parcelTo)))),
		actions.Spawn(actions.Stateless(
			endpoint.Subscriber(topic.Where(parcelTo.Is(1))).As("first"),
			endpoint.Subscriber(topic.Where(parcelTo.Is(2))),
			actions.Delete("first"),
		)),
	)
	for in := vm.Start; in == vm.Start || m.Busy(); in = vm.Continue {
		m.Apply(vm.Input{Kind: in})
		if s := m.Snapshot(); s.Busy() != m.Busy() {
			t.Errorf("the machine is busy: %v, and its state: %v", m.Busy(), s.Busy())
		}
	}
	if !slices.Equal(gone, []int{1, 2}) {
		t.Errorf("at rest, the demand has ended that there was for %v, want 1 and 2", gone)
	}
}
