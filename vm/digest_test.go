package vm_test

import (
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
)

// spoken runs a machine in which somebody says things to listeners, and returns
// it, and how many records there were of each kind.
func spoken(listeners int, changes bool, words ...string) (*vm.Machine, map[vm.RecordKind]int) {
	records := map[vm.RecordKind]int{}
	boot := actions.Tree{endpoint.Device(hand{"a"}, endpoint.OnValue(func(s string) actions.Action { return actions.Send(say{s}) }))}
	for range listeners {
		boot = append(boot, actions.Spawn(actions.Stateless(endpoint.Subscriber(topic.All[say](), endpoint.OnMessage(func(s say) actions.Action {
			return actions.When(s.Text == "go", actions.Quit())
		})))))
	}
	m := vm.Config{Digest: true, Watch: func(r *vm.Record) { records[r.Kind]++ }}.New(boot...)
	m.WatchChanges(changes)
	run(m, vm.Input{Kind: vm.Start})
	for _, w := range words {
		run(m, vm.Input{Kind: vm.Value, Address: m.Held(1), Value: w})
	}
	return m, records
}

// TestDigest: the digest is that of what was done, whoever watches, and goes on
// from a snapshot.
func TestDigest(t *testing.T) {
	one, _ := spoken(3, false, "hello", "go")
	two, _ := spoken(3, true, "hello", "go")
	if one.Digest() != two.Digest() || one.Digest() == 0 {
		t.Errorf("digests %v and %v of one run", one.Digest(), two.Digest())
	}
	for _, other := range []struct {
		listeners int
		words     []string
	}{{2, []string{"hello", "go"}}, {3, []string{"go", "hello"}}, {3, []string{"hello"}}, {3, []string{"hello", "hello"}}} {
		if m, _ := spoken(other.listeners, false, other.words...); m.Digest() == one.Digest() {
			t.Errorf("%+v has the same digest", other)
		}
	}
	half, _ := spoken(3, false, "hello")
	rest := half.Snapshot().Machine(nil)
	run(rest, vm.Input{Kind: vm.Value, Address: rest.Held(1), Value: "go"})
	if rest.Digest() != one.Digest() {
		t.Errorf("digest %v from a snapshot, and %v without", rest.Digest(), one.Digest())
	}
}

// TestWatchChanges: who watches changes is told of endpoints, of ends and of
// commands, and of nothing else.
func TestWatchChanges(t *testing.T) {
	_, all := spoken(3, false, "hello", "go")
	_, changes := spoken(3, true, "hello", "go")
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
