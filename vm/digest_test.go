package vm_test

import (
	"slices"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
)

// spoken runs a machine in which a process sends messages to subscribers, and returns
// it, and the number of records of each kind.
func spoken(listeners int, set vm.RecordSet, words ...string) (*vm.Machine, map[vm.RecordKind]int) {
	records := map[vm.RecordKind]int{}
	boot := actions.Tree{endpoint.Device(hand{"a"}, endpoint.OnValue(func(s string) actions.Action { return actions.Send(say{s}) }))}
	for range listeners {
		boot = append(boot, actions.Spawn(actions.Stateless(endpoint.Subscriber(topic.All[say](), endpoint.OnMessage(func(s say) actions.Action {
			return actions.When(s.Text == "go", actions.Quit())
		})))))
	}
	m := vm.Config{Digest: true}.New(boot...)
	m.Watch(set, func(r *vm.Record) { records[r.Kind]++ })
	run(m, vm.Input{Kind: vm.Start})
	for _, w := range words {
		run(m, vm.Input{Kind: vm.Value, Address: m.Held(1), Value: w})
	}
	return m, records
}

// TestDigest: the digest depends on what was done, and not on watchers, and goes on
// from a snapshot.
func TestDigest(t *testing.T) {
	one, _ := spoken(3, vm.AllRecords, "hello", "go")
	two, _ := spoken(3, vm.Changes, "hello", "go")
	if one.Digest() != two.Digest() || one.Digest() == 0 {
		t.Errorf("digests %v and %v of one run", one.Digest(), two.Digest())
	}
	for _, other := range []struct {
		listeners int
		words     []string
	}{{2, []string{"hello", "go"}}, {3, []string{"go", "hello"}}, {3, []string{"hello"}}, {3, []string{"hello", "hello"}}} {
		if m, _ := spoken(other.listeners, vm.AllRecords, other.words...); m.Digest() == one.Digest() {
			t.Errorf("%+v has the same digest", other)
		}
	}
	half, _ := spoken(3, vm.AllRecords, "hello")
	rest := half.Snapshot().Machine(nil)
	run(rest, vm.Input{Kind: vm.Value, Address: rest.Held(1), Value: "go"})
	if rest.Digest() != one.Digest() {
		t.Errorf("digest %v from a snapshot, and %v without", rest.Digest(), one.Digest())
	}
}

// TestWatchChanges: a watcher of changes gets records of endpoints, ends and
// commands, and no others. LL-08, B-M28.
func TestWatchChanges(t *testing.T) {
	_, all := spoken(3, vm.AllRecords, "hello", "go")
	_, changes := spoken(3, vm.Changes, "hello", "go")
	for _, kind := range []vm.RecordKind{vm.Ended, vm.Commanded, vm.Collected} {
		if changes[kind] != all[kind] {
			t.Errorf("%d of %d records of kind %v", changes[kind], all[kind], kind)
		}
	}
	if all[vm.Told] == 0 || changes[vm.Told] > 0 || changes[vm.Entered] > 0 {
		t.Errorf("told %v of %v", changes, all)
	}
	if n := changes[vm.Performed]; n != 3 { // the endpoints of the listeners
		t.Errorf("%d actions", n)
	}
}

// TestWatchers: each watcher gets the records of its own set, and of another one
// after Set. HL-39.
func TestWatchers(t *testing.T) {
	m := vm.New(actions.Send(say{"into the void"}), actions.Spawn(actions.Stateless(actions.Quit())))
	var ends, misses, none []vm.RecordKind
	note := func(to *[]vm.RecordKind) func(*vm.Record) {
		return func(r *vm.Record) { *to = append(*to, r.Kind) }
	}
	m.Watch(vm.Records(vm.Ended), note(&ends))
	m.Watch(vm.Records(vm.Undelivered, vm.Spawned), note(&misses)).Set(vm.Records(vm.Undelivered))
	m.Watch(vm.AllRecords, note(&none)).Set(0)
	run(m, vm.Input{Kind: vm.Start})
	if !slices.Equal(ends, []vm.RecordKind{vm.Ended}) || !slices.Equal(misses, []vm.RecordKind{vm.Undelivered}) || len(none) > 0 {
		t.Errorf("ends: %v; misses: %v; none: %v", ends, misses, none)
	}
}
