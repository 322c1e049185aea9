package vm_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
)

// downs is a list of what monitors have been told.
type downs []string

func (d *downs) add(who string) func(actions.PID, error) actions.Action {
	return func(pid actions.PID, reason error) actions.Action {
		*d = append(*d, fmt.Sprintf("%s: %v %v", who, pid, reason))
		return nil
	}
}

func (d *downs) want(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(*d, want) {
		t.Errorf("monitors have been told\n\t%q, and not\n\t%q", *d, want)
	}
}

// watched spawns a process that the parent monitors.
func watched(child actions.SpawnProcess, f func(actions.PID, error) actions.Action) actions.Action {
	return child.Monitored(endpoint.Monitor(0, f))
}

// settled returns a machine that has performed boot, and is at rest.
func settled(t *testing.T, boot ...actions.Action) *vm.Machine {
	t.Helper()
	m := vm.New(boot...)
	m.Apply(vm.Input{Kind: vm.Start})
	for m.Busy() {
		m.Apply(vm.Input{Kind: vm.Continue})
	}
	if err := m.Snapshot().AtRest(); err != nil {
		t.Error(err)
	}
	return m
}

// TestMonitorHearsEveryEnd: the parent hears of every end of a child that it monitors
// from its start, with its reason. B-M25, FC-16, HL-85.
func TestMonitorHearsEveryEnd(t *testing.T) {
	boot := func(f func()) actions.SpawnProcess {
		return actions.SpawnFunc(func(actions.PID) actions.Process { f(); return actions.Stateless() })
	}
	for _, tt := range []struct {
		name  string
		child actions.SpawnProcess
		want  string
	}{
		{"has nothing to do", actions.Spawn(actions.Stateless()), "<nil>"},
		{"boot panics", boot(func() { panic(errBoom) }), "vm: panic: boom"},
		{"boot returns nil", actions.SpawnFunc(func(actions.PID) actions.Process { return nil }), "vm: panic: the function that makes the process has returned nil: return actions.Next or actions.Stateless"},
		{"quits", actions.Spawn(actions.Stateless(actions.Quit())), "<nil>"},
		{"fails", actions.Spawn(actions.Stateless(publish(), later(actions.Fail(errBoom)))), "boom"},
		{"is collected", actions.Spawn(actions.Stateless(later())), "<nil>"},
		{"machine ends from inside", actions.Spawn(vm.Nested(actions.AtMeta(actions.Fail(errBoom)))), "boom"},
		{"machine is collected", actions.Spawn(vm.Nested(later(later(actions.Quit())))), "<nil>"},
		{"is killed", actions.SpawnFunc(func(self actions.PID) actions.Process {
			return actions.Stateless(publish(), actions.Spawn(actions.Stateless(later(actions.Kill(self, errBoom)))))
		}), "boom"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var d downs
			m := settled(t, watched(tt.child, d.add("parent")))
			d.want(t, "parent: 2 "+tt.want)
			if n := len(slices.Collect(m.Processes())); n > 0 {
				t.Errorf("%d processes are left", n)
			}
		})
	}
}

// TestMonitorOfCollected: the machine tells monitors when it removes a process, in the
// same round, and the process that has the monitor lives till then.
func TestMonitorOfCollected(t *testing.T) {
	var d downs
	m := settled(t,
		actions.Spawn(actions.Stateless(watched(actions.Spawn(actions.Stateless(later(later(actions.Send(claim{}))))), d.add("2")))),
		watched(actions.Spawn(actions.Stateless(later())), d.add("1")),
		endpoint.Monitor(2, d.add("1")),
	)
	d.want(t, "1: 3 <nil>", "2: 4 <nil>", "1: 2 <nil>")
	if n := len(slices.Collect(m.Processes())); n > 0 {
		t.Errorf("%d processes are left", n)
	}
	if s := m.Stats(); s.Collected != 4 {
		t.Errorf("collected: %d", s.Collected)
	}
}

// TestMonitorOfNobody: a PID that no process has gives the event at once, with
// ErrNoProcess.
func TestMonitorOfNobody(t *testing.T) {
	var d downs
	settled(t,
		actions.Spawn(actions.Stateless(actions.Quit())),
		later(later(endpoint.Monitor(2, d.add("gone")), endpoint.Monitor(77, func(pid actions.PID, reason error) actions.Action {
			if !errors.Is(reason, vm.ErrNoProcess) {
				t.Error(reason)
			}
			return d.add("never")(pid, reason)
		}))),
	)
	d.want(t, "gone: 2 vm: no process has this PID", "never: 77 vm: no process has this PID")
}

// TestMonitorOrder: monitors are told in the order of PIDs, after all peers.
func TestMonitorOrder(t *testing.T) {
	var d downs
	settled(t,
		actions.Spawn(actions.Stateless(publish(), later(later(actions.Fail(errBoom))))),
		actions.Spawn(actions.Stateless(later(endpoint.Monitor(2, d.add("3"))))),
		actions.Spawn(actions.Stateless(endpoint.Monitor(2, d.add("4")))),
		endpoint.Monitor(2, d.add("1")),
		actions.Spawn(actions.Stateless(endpoint.ObservePublishers(topic.All[claim](), endpoint.OnAbsence(func(_ claim, reason error) actions.Action {
			return d.add("peer")(2, reason)
		})))),
	)
	d.want(t, "peer: 2 boom", "1: 2 boom", "3: 2 boom", "4: 2 boom")
}

// TestMonitorTwice: a second monitor of a process only changes the handler.
func TestMonitorTwice(t *testing.T) {
	var d downs
	m := settled(t,
		actions.Spawn(actions.Stateless(publish(), later(later(actions.Quit())))),
		endpoint.Monitor(2, d.add("first")), endpoint.Monitor(2, d.add("second")),
	)
	d.want(t, "second: 2 <nil>")
	if s := m.Stats(); s.Events != 1 {
		t.Errorf("%d events", s.Events)
	}
}

// TestUnmonitor: the event does not come after Unmonitor, and the process can be
// removed; without a monitor, the machine counts the Unmonitor.
func TestUnmonitor(t *testing.T) {
	var d downs
	m := settled(t,
		actions.Spawn(actions.Stateless(publish(), later(later(actions.Quit())))),
		endpoint.Monitor(2, d.add("1")), actions.Unmonitor(2), actions.Unmonitor(2),
	)
	d.want(t)
	if s := m.Stats(); s.Ignored != 1 || s.Collected != 1 {
		t.Errorf("ignored: %d, collected: %d", s.Ignored, s.Collected)
	}
}

// TestMonitorKeepsItsOwner: a process with a monitor is not removed, and the process
// that it monitors is.
func TestMonitorKeepsItsOwner(t *testing.T) {
	var d downs
	m := settled(t,
		actions.Spawn(actions.Stateless(publish())),
		actions.Spawn(actions.Stateless(later())),
		endpoint.Monitor(2, d.add("1")), endpoint.Monitor(3, d.add("1")),
	)
	d.want(t, "1: 3 <nil>")
	p, ok := m.Process(vm.Path{1})
	if !ok || !slices.Equal(p.Monitors, []actions.PID{2}) {
		t.Errorf("process 1 is there: %v, and monitors %v", ok, p.Monitors)
	}
	if got, want := m.String(), "1 boot {}\n\tmonitors 2\n2  {}\n\tpublisher of vm_test.claim{}\n"; got != want {
		t.Errorf("the text is\n%s, and not\n%s", got, want)
	}
}

// TestMonitorInSnapshot: a machine that goes on from a snapshot tells monitors.
func TestMonitorInSnapshot(t *testing.T) {
	var d downs
	boot := settled(t, actions.Spawn(actions.Stateless(
		endpoint.Device(hand{"x"}, endpoint.OnValue(func(int) actions.Action { return actions.Fail(errBoom) })))),
		endpoint.Monitor(2, d.add("1")))
	s := boot.Snapshot()
	parts := s.Parts()
	copied, err := parts.State()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []vm.State{s, copied, s} {
		d = nil
		m := s.Machine(nil)
		m.Apply(vm.Input{Kind: vm.Value, Address: m.Held(1), Value: 1})
		d.want(t, "1: 2 boom")
	}
}

// TestMonitorPartsThatDoNotFit: parts with a monitor of nobody, or out of order, are
// refused.
func TestMonitorPartsThatDoNotFit(t *testing.T) {
	m := settled(t, actions.Spawn(actions.Stateless(publish())), actions.Spawn(actions.Stateless(publish())), actions.Spawn(vm.Nested(actions.AtMeta(publish()))),
		actions.Monitor(2, nil), actions.Monitor(3, nil))
	for name, damage := range map[string]func(ps []vm.ProcessParts){
		"nobody":       func(ps []vm.ProcessParts) { ps[0].Monitors[1].PID = 9 },
		"itself":       func(ps []vm.ProcessParts) { ps[0].Monitors[0].PID = 1 },
		"out of order": func(ps []vm.ProcessParts) { slices.Reverse(ps[0].Monitors) },
		"a machine":    func(ps []vm.ProcessParts) { ps[3].Monitors = ps[0].Monitors },
	} {
		p := m.Snapshot().Parts()
		damage(p.Processes)
		if _, err := p.State(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestMonitorObserved: a reason that a monitor gets reaches somebody.
func TestMonitorObserved(t *testing.T) {
	for _, monitors := range []bool{false, true} {
		seen := !monitors
		m := vm.New(actions.Spawn(actions.Stateless(publish(), later(actions.Fail(errBoom)))),
			actions.When(monitors, endpoint.Monitor(2, func(actions.PID, error) actions.Action { return nil })))
		m.Watch(vm.Records(vm.Ended), func(r *vm.Record) { seen = r.Observed() })
		m.Apply(vm.Input{Kind: vm.Start})
		if seen != monitors {
			t.Errorf("monitored: %v, observed: %v", monitors, seen)
		}
	}
}

// TestMonitorWithoutRest: processes that are spawned, monitored and removed for ever
// leave the machine busy, and do not keep it from returning.
func TestMonitorWithoutRest(t *testing.T) {
	var again func(actions.PID, error) actions.Action
	again = func(actions.PID, error) actions.Action {
		return watched(actions.Spawn(actions.Stateless()), again)
	}
	m := vm.Config{Limits: vm.Limits{Steps: 100}}.New(again(0, nil))
	m.Apply(vm.Input{Kind: vm.Start})
	if !m.Busy() {
		t.Error("the machine is at rest")
	}
}

// TestMonitorInContinuation: a parent that monitors its child in the continuation of
// the spawn hears of it, because its turn comes before that of the child.
func TestMonitorInContinuation(t *testing.T) {
	var d downs
	child := actions.SpawnFunc(func(actions.PID) actions.Process { panic(errBoom) })
	settled(t, child.Continue(actions.ResumeWith(func(s struct{}, pid actions.PID) actions.Transition[struct{}] {
		return actions.Next(s, endpoint.Monitor(pid, d.add("parent")))
	})))
	d.want(t, "parent: 2 vm: panic: boom")
}

// TestBindingMonitor: those that a process has bound end with it, the last one first,
// and those that they have bound before the next, with a reason that wraps its own.
func TestBindingMonitor(t *testing.T) {
	var d downs
	binding := func(child actions.SpawnProcess) actions.Action {
		return child.Monitored(actions.MonitorProcess{}.Binding())
	}
	leaf := func() actions.SpawnProcess { return actions.Spawn(actions.Stateless(publish())) }
	hear := func(pid actions.PID) actions.Action { return endpoint.Monitor(pid, d.add("1")) }
	m := settled(t,
		actions.Spawn(actions.Stateless( // 2
			binding(leaf()), // 3
			binding(actions.Spawn(actions.Stateless(publish(), binding(leaf()), binding(actions.Spawn(vm.Nested(actions.AtMeta(publish()))))))), // 4, with 7 and 8
			binding(leaf()), // 5
			leaf(),          // 6
			later(later(later(later(later(later(actions.Fail(errBoom))))))),
		)),
		later(later(later(hear(2), hear(3), hear(4), hear(5), hear(7), hear(8)))),
	)
	orphan := " vm: the process to which this one was bound has ended: boom"
	d.want(t, "1: 2 boom", "1: 5"+orphan, "1: 4"+orphan, "1: 8"+orphan, "1: 7"+orphan, "1: 3"+orphan)
	if ps := slices.Collect(m.Processes()); len(ps) != 1 || !slices.Equal(ps[0].Path, vm.Path{6}) {
		t.Errorf("left is %v", ps)
	}
}

// TestBindingIsUndone: Unmonitor, and a monitor that does not bind, undo the binding.
func TestBindingIsUndone(t *testing.T) {
	for name, a := range map[string]actions.Action{"unmonitor": actions.Unmonitor(3), "monitor": actions.Monitor(3, nil)} {
		m := settled(t, actions.Spawn(actions.Stateless(
			actions.Spawn(actions.Stateless(publish())).Monitored(actions.MonitorProcess{}.Binding()), later(a, actions.Fail(errBoom)))))
		if _, ok := m.Process(vm.Path{3}); !ok {
			t.Errorf("%s: process 3 has ended", name)
		}
	}
}

// TestManyMonitors: processes that stop to monitor another one, in any order, are not
// told, and those that go on are, in their order.
func TestManyMonitors(t *testing.T) {
	var d downs
	var crowd, leave actions.Tree
	for i := range actions.PID(40) {
		as := actions.Tree{endpoint.Monitor(2, d.add(fmt.Sprint(i+3)))}
		if i%4 != 0 {
			as = append(as, later(actions.Unmonitor(2)))
		}
		if i%8 == 1 {
			as = append(as, later(endpoint.Monitor(2, d.add(fmt.Sprint(i+3)))))
		}
		crowd = append(crowd, actions.Spawn(actions.Stateless(as...)))
		if i%8 == 0 {
			leave = append(leave, actions.Kill(i+3, nil))
		}
	}
	settled(t, actions.Spawn(actions.Stateless(publish())), crowd, later(later(later(leave, actions.Kill(2, errBoom)))))
	var want []string
	for i := range 40 {
		if i%8 == 4 || i%8 == 1 {
			want = append(want, fmt.Sprintf("%d: 2 boom", i+3))
		}
	}
	d.want(t, want...)
}
