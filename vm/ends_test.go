package vm_test

import (
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
)

// TestKillDropsQueue: a process that is killed before its first turn does nothing,
// and its actions are counted as dropped. B-M09.
func TestKillDropsQueue(t *testing.T) {
	heard := 0
	m := vm.New(
		endpoint.Subscriber(topic.All[say](), endpoint.OnMessage(func(say) actions.Action { heard++; return nil })),
		actions.SpawnThen(actions.Stateless(actions.Send(say{"a"}), actions.Send(say{"b"})),
			func(s struct{}, victim actions.PID) actions.Transition[struct{}] {
				return actions.Next(s, actions.Kill(victim, nil))
			}),
	)
	run(m, vm.Input{Kind: vm.Start})
	if s := m.Stats(); heard != 0 || s.Ended != 1 || s.Dropped != 2 {
		t.Errorf("heard %d messages; %+v", heard, s)
	}
}

// TestSpawnFailed: a child whose first transition panics is counted, and watchers
// see why, with its path and name. HL-85, B-M25.
func TestSpawnFailed(t *testing.T) {
	m := vm.New(actions.SpawnFunc(func(actions.PID) actions.Process { panic("no") }).Named("child"))
	var seen []string
	m.Watch(vm.Records(vm.Crashed), func(r *vm.Record) { seen = append(seen, r.Path().String()+" "+r.Name()+": "+r.Reason.Error()) })
	run(m, vm.Input{Kind: vm.Start})
	if n := m.Stats().SpawnFailed; n != 1 || len(seen) != 1 || seen[0] != "2 child: vm: panic: no" {
		t.Errorf("%d have failed; watchers see %q", n, seen)
	}
}
