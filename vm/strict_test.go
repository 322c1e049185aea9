package vm_test

import (
	"errors"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
)

// HL-36: a sender needs no endpoint, unless the limits are strict. Then a sender
// without one fails, at the level at which it sends, and the message is not
// delivered.
func TestStrict(t *testing.T) {
	all := topic.All[job]()
	left := topic.FieldOf(func(j *job) *int { return &j.Left })
	for name, tt := range map[string]struct {
		sends  actions.Action
		depth  int
		strict bool // it fails if the limits are strict
	}{
		"nothing":                   {actions.Send(job{1}), 0, true},
		"a publisher":               {actions.Group(endpoint.Publisher(all), actions.Send(job{1})), 0, false},
		"an observing publisher":    {actions.Group(endpoint.ObserveSubscribers(all), actions.Send(job{1})), 0, false},
		"a publisher of another":    {actions.Group(endpoint.Publisher(topic.Where(left.Is(2))), actions.Send(job{1})), 0, true},
		"a publisher that has gone": {actions.Group(endpoint.Publisher(all).As("p"), actions.Delete("p"), actions.Send(job{1})), 0, true},
		"a subscriber":              {actions.Group(endpoint.Subscriber(topic.Where(left.Is(1))), actions.Send(job{1})), 0, true},
		"feedback":                  {actions.Feedback(job{1}), 0, true},
		"feedback of a subscriber":  {actions.Group(endpoint.Subscriber(topic.Where(left.Is(1))), actions.Feedback(job{1})), 0, false},
		"at a meta-level":           {actions.AtMeta(actions.Send(job{1})), 1, true},
		"a publisher there":         {actions.AtMeta(endpoint.Publisher(all), actions.Send(job{1})), 1, false},
		"a publisher here":          {actions.Group(endpoint.Publisher(all), actions.AtMeta(actions.Send(job{1}))), 1, true},
		"two levels up":             {actions.AtMeta(endpoint.Publisher(all), actions.AtMeta(actions.Send(job{1}))), 2, true},
		"a publisher two levels up": {actions.AtMeta(actions.AtMeta(endpoint.Publisher(all), actions.Send(job{1}))), 2, false},
	} {
		t.Run(name, func(t *testing.T) {
			for _, strict := range []bool{false, true} {
				heard, failed := 0, error(nil)
				hear := actions.Spawn(actions.Stateless(
					endpoint.Subscriber(all, endpoint.OnMessage(func(job) actions.Action { heard++; return nil })),
					endpoint.Publisher(all, endpoint.OnMessage(func(job) actions.Action { heard++; return nil }))))
				m := vm.Config{Limits: vm.Limits{Strict: strict}, Watch: func(r *vm.Record) {
					if r.Kind == vm.Ended && r.Name() == "sender" {
						failed = r.Reason
					}
				}}.New(hear, nested(tt.depth, actions.Spawn(actions.Stateless(tt.sends)).Named("sender")))
				run(m, vm.Input{Kind: vm.Start})
				if fails := strict && tt.strict; errors.Is(failed, vm.ErrNotAdvertised) != fails || (heard == 0) != fails {
					t.Errorf("strict %v: %d have heard, and the sender has failed with %v", strict, heard, failed)
				}
			}
		})
	}
}

// HL-36: a Start can make a machine strict, which a snapshot keeps.
func TestStrictFromStart(t *testing.T) {
	m := vm.New(endpoint.Device(hand{"a"}, endpoint.OnValue(func(int) actions.Action { return actions.Send(job{1}) })))
	open := run(m, vm.Input{Kind: vm.Start, Limits: &vm.Limits{Strict: true}})
	at := open[0].Address
	m = m.Snapshot().Machine(nil)
	run(m, vm.Input{Kind: vm.Value, Address: at, Value: 1})
	if !errors.Is(m.Failure(), vm.ErrNotAdvertised) {
		t.Errorf("it has failed with %v", m.Failure())
	}
}
