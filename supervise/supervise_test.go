package supervise_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/supervise"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

type (
	tag  struct{}
	tag2 struct{}
)

func sup(spec supervise.Spec, children ...supervise.Child) *supervise.Definition[tag] {
	return supervise.Define[tag]("supervise_test.sup", spec, children...)
}

// supervised returns a rig with a supervisor of the children a, b and c.
func supervised(t *testing.T, spec supervise.Spec) *rig {
	d := sup(spec, work("a", supervise.Permanent), work("b", supervise.Permanent), work("c", supervise.Permanent))
	r := newRig(t, true, []actions.Type{d.Type}, d.Spawn())
	r.want("+a", "+b", "+c")
	return r
}

// TestStrategies: which children are started again, in their order, after those that
// run have been ended, the last one first. B-M26.
func TestStrategies(t *testing.T) {
	const with = ": supervise: started again with another child"
	for _, tt := range []struct {
		strategy supervise.Strategy
		want     []string
	}{
		{supervise.OneForOne, []string{"-b: boom", "+b"}},
		{supervise.RestForOne, []string{"-b: boom", "-c" + with, "+b", "+c"}},
		{supervise.OneForAll, []string{"-b: boom", "-c" + with, "-a" + with, "+a", "+b", "+c"}},
	} {
		r := supervised(t, supervise.Spec{Strategy: tt.strategy})
		r.order("b", "fail")
		r.want(tt.want...)
		if n := len(r.alive()); n != 4 {
			t.Errorf("strategy %d: %d processes", tt.strategy, n)
		}
	}
}

// TestRestart: which ends are followed by a restart.
func TestRestart(t *testing.T) {
	killed := errors.New("killed")
	for _, tt := range []struct {
		restart supervise.Restart
		what    string
		again   bool
	}{
		{supervise.Permanent, "quit", true}, {supervise.Permanent, "fail", true}, {supervise.Permanent, "panic", true}, {supervise.Permanent, "kill", true}, {supervise.Permanent, "stop", false},
		{supervise.Transient, "quit", false}, {supervise.Transient, "fail", true}, {supervise.Transient, "panic", true}, {supervise.Transient, "kill", true}, {supervise.Transient, "stop", false},
		{supervise.Temporary, "quit", false}, {supervise.Temporary, "fail", false}, {supervise.Temporary, "panic", false}, {supervise.Temporary, "kill", false}, {supervise.Temporary, "stop", false},
	} {
		d := sup(supervise.Spec{}, work("a", tt.restart), work("b", supervise.Permanent))
		r := newRig(t, true, []actions.Type{d.Type}, d.Spawn())
		r.want("+a", "+b")
		switch tt.what {
		case "kill":
			r.m.Perform(actions.Kill(r.pids["a"], killed))
		case "stop":
			r.m.Perform(actions.Kill(r.pids["a"], world.ErrStopped))
		default:
			r.order("a", tt.what)
		}
		r.note()
		if again := slices.Contains(r.lines, "+a"); again != tt.again {
			t.Errorf("%d %s: restarted: %v", tt.restart, tt.what, again)
		}
	}
}

// TestFailedBoot: a child whose boot panics is started again until the supervisor
// gives up. B-M25.
func TestFailedBoot(t *testing.T) {
	boot := actions.SpawnFunc(func(actions.PID) actions.Process { panic("no configuration") })
	d := sup(supervise.Spec{}, work("a", supervise.Permanent), supervise.Child{Name: "b", Start: boot})
	r := newRig(t, true, []actions.Type{d.Type})
	var failures []error
	r.m.VM().Watch(vm.Records(vm.Ended), func(e *vm.Record) {
		if e.Name() == "sup" {
			failures = append(failures, e.Reason)
		}
	})
	r.m.Perform(d.Spawn())
	r.gone()
	if len(failures) != 1 || !errors.Is(failures[0], supervise.ErrIntensity) || !strings.HasSuffix(failures[0].Error(), strings.Repeat("; b: vm: panic: no configuration", 3)) {
		t.Errorf("the supervisor has ended: %v", failures)
	}
	if s := r.m.VM().Stats(); s.SpawnFailed != 4 {
		t.Errorf("%d boots have failed", s.SpawnFailed)
	}
}

// TestIntensity: a supervisor gives up where there would be more restarts in a period
// than it allows. It ends the children, the last one first, and its reason has theirs. DP-35.
func TestIntensity(t *testing.T) {
	r := supervised(t, supervise.Spec{Intensity: 2, Period: time.Second})
	reasons := r.watch(r.named("sup"))
	r.order("a", "fail")
	r.want("-a: boom", "+a")
	r.advance(900 * time.Millisecond)
	r.order("b", "quit")
	r.want("-b", "+b")
	r.advance(100 * time.Millisecond) // the first does not count any more
	r.order("a", "fail")
	r.want("-a: boom", "+a")
	r.order("c", "panic")
	why := "supervise: supervise_test.sup gives up after 3 ends of children in 1s: b ended; a: boom; c: vm: panic: panicked"
	r.want("-c: vm: panic: panicked", "-b: "+why, "-a: "+why)
	r.gone()
	if len(*reasons) != 1 || (*reasons)[0].Error() != why {
		t.Fatalf("the supervisor has ended: %v", *reasons)
	}
	for _, want := range []error{errBoom, supervise.ErrIntensity} {
		if !errors.Is((*reasons)[0], want) {
			t.Errorf("the reason is not %v", want)
		}
	}
}

// TestPeriod: a restart counts for its period, to the nanosecond, whatever happens to
// the same child meanwhile. DP-35, B-P12.
func TestPeriod(t *testing.T) {
	for _, early := range []time.Duration{0, 1} {
		r := supervised(t, supervise.Spec{Intensity: 2, Period: time.Second})
		r.order("a", "fail")
		r.advance(900 * time.Millisecond)
		r.order("a", "fail")
		r.advance(100*time.Millisecond - early)
		r.order("a", "fail")
		r.note()
		if gone := len(r.alive()) == 0; gone != (early > 0) {
			t.Errorf("%v early: the supervisor has given up: %v", early, gone)
		}
	}
}

// TestStrict: in a strict machine, a supervisor says that it sets timers.
func TestStrict(t *testing.T) {
	boss := supervise.Define[tag]("supervise_test.strict", supervise.Spec{}, work("a", supervise.Permanent))
	again := endpoint.OnPresence(func(order) actions.Action { return actions.Send(order{"a", "fail"}) })
	m := vm.Config{Limits: vm.Limits{Strict: true}}.New(endpoint.Publisher(topic.All[order](), again), boss.Spawn())
	var reason error
	m.Watch(vm.Records(vm.Ended), func(e *vm.Record) {
		if e.Name() == "strict" {
			reason = e.Reason
		}
	})
	m.Apply(vm.Input{Kind: vm.Start})
	if !errors.Is(reason, supervise.ErrIntensity) {
		t.Errorf("the supervisor has ended because of %v, want that it gives up", reason)
	}
}

// TestNoRestart: with a negative intensity, the first restart is one too many.
func TestNoRestart(t *testing.T) {
	r := supervised(t, supervise.Spec{Intensity: -1})
	r.order("b", "fail")
	why := ": supervise: supervise_test.sup gives up after 1 ends of children in 5s: b: boom"
	r.want("-b: boom", "-c"+why, "-a"+why)
	r.gone()
}

// TestBackoff: the time before a restart doubles with each one in the period, up to a
// bound, and a child that fails at once for ever does not spin.
func TestBackoff(t *testing.T) {
	r := supervised(t, supervise.Spec{Intensity: 10, Period: 10 * time.Second, Backoff: supervise.Backoff{Min: 100 * time.Millisecond, Max: 300 * time.Millisecond}})
	for _, ms := range []time.Duration{100, 200, 300, 300} {
		r.order("b", "fail")
		r.want("-b: boom")
		r.advance(ms*time.Millisecond - 1)
		r.want()
		r.advance(1)
		r.want("+b")
	}
	r.advance(10 * time.Second) // nothing counts any more
	r.order("b", "fail")
	r.advance(100 * time.Millisecond)
	r.want("-b: boom", "+b")
}

// TestBackoffOfAll: children that are started again together wait together, and
// another failure meanwhile makes all wait for the later one.
func TestBackoffOfAll(t *testing.T) {
	const with = ": supervise: started again with another child"
	r := supervised(t, supervise.Spec{Strategy: supervise.RestForOne, Backoff: supervise.Backoff{Min: time.Second, Max: time.Minute}})
	r.order("b", "fail")
	r.want("-b: boom", "-c"+with)
	r.advance(time.Second / 2)
	r.order("a", "fail")
	r.want("-a: boom")
	r.advance(2*time.Second - 1)
	r.want()
	r.advance(1)
	r.want("+a", "+b", "+c")
}

// TestWithoutTimers: without a driver of timers, nobody waits, and every restart
// counts. When a driver comes, those that it finds count for another period; when the
// last one goes, nobody waits any longer.
func TestWithoutTimers(t *testing.T) {
	r := supervised(t, supervise.Spec{Intensity: 3, Period: time.Second, Backoff: supervise.Backoff{Min: time.Second}})
	r.leave()
	r.order("a", "fail")
	r.order("a", "fail")
	r.want("-a: boom", "+a", "-a: boom", "+a")
	r.advance(time.Hour)
	r.drive()
	r.advance(time.Second)
	r.order("b", "fail")
	r.want("-b: boom")
	r.leave()
	r.want("+b")
	r.order("b", "fail")
	r.order("b", "fail")
	r.want("-b: boom", "+b", "-b: boom", "+b")
	r.order("b", "fail")
	r.note()
	r.gone()
}

// TestChildrenEndWithTheirSupervisor: children end with their supervisor, for any reason.
func TestChildrenEndWithTheirSupervisor(t *testing.T) {
	r := supervised(t, supervise.Spec{})
	r.m.Perform(actions.Kill(r.named("sup"), errBoom))
	r.note()
	r.gone()
}

// TestQuitsAfterItsChildren: a supervisor whose children have all ended for good quits.
func TestQuitsAfterItsChildren(t *testing.T) {
	d := sup(supervise.Spec{}, work("a", supervise.Transient), work("b", supervise.Temporary))
	r := newRig(t, true, []actions.Type{d.Type}, d.Spawn())
	reasons := r.watch(r.named("sup"))
	r.order("a", "quit")
	r.order("b", "fail")
	r.want("+a", "+b", "-a", "-b: boom")
	r.gone()
	if len(*reasons) != 1 || (*reasons)[0] != nil {
		t.Errorf("the supervisor has ended: %v", *reasons)
	}
}

// TestNests: a supervisor that gives up is a child that has failed.
func TestNests(t *testing.T) {
	inner := supervise.Define[tag2]("supervise_test.inner", supervise.Spec{Intensity: 1}, work("x", supervise.Permanent), work("y", supervise.Permanent))
	d := sup(supervise.Spec{Strategy: supervise.RestForOne, Intensity: 1}, supervise.Child{Name: "in", Start: inner.Spawn()}, work("z", supervise.Permanent))
	r := newRig(t, true, []actions.Type{d.Type, inner.Type}, d.Spawn())
	reasons := r.watch(r.named("sup"))
	r.want("+in", "+z", "+x", "+y")
	for range 2 {
		r.order("y", "fail")
	}
	why := ": supervise: supervise_test.inner gives up after 2 ends of children in 5s: y: boom; y: boom"
	r.want("-y: boom", "+y", "-y: boom", "-x"+why, "-in"+why, "-z: supervise: started again with another child", "+in", "+z", "+x", "+y")
	for range 2 {
		r.order("x", "fail")
	}
	r.note()
	r.gone()
	if len(*reasons) != 1 || !errors.Is((*reasons)[0], errBoom) || !strings.Contains((*reasons)[0].Error(), "in: supervise: supervise_test.inner gives up") {
		t.Errorf("the supervisor has ended: %v", *reasons)
	}
}

// TestMachines: a machine can be a child; it ends with what is in it.
func TestMachines(t *testing.T) {
	d := sup(supervise.Spec{}, supervise.Child{Name: "room", Start: actions.Spawn(vm.Nested(outworkers.Spawn(outworker{"x"})))})
	r := newRig(t, true, []actions.Type{d.Type, outworkers.Type}, d.Spawn())
	r.want("+room")
	r.order("x", "fail")
	r.want("-room: boom", "+room")
	r.m.Perform(actions.Kill(r.pids["room"], errBoom))
	r.want("-room: boom", "+room")
	if n := len(r.alive()); n != 3 {
		t.Errorf("%d processes", n)
	}
}

// TestOthersOfItsType: supervisors of one definition in one machine do not disturb
// each other.
func TestOthersOfItsType(t *testing.T) {
	d := sup(supervise.Spec{Intensity: 1}, work("a", supervise.Permanent))
	r := newRig(t, true, []actions.Type{d.Type}, d.Spawn(), d.Spawn())
	r.want("+a", "+a")
	first := r.pids["a"]
	r.m.Perform(actions.Kill(first, errBoom))
	r.want("-a: boom", "+a")
	if n := len(r.alive()); n != 4 {
		t.Errorf("%d processes", n)
	}
}

// TestDefinePanics: a definition that cannot work is refused where it is made.
func TestDefinePanics(t *testing.T) {
	ok := work("a", supervise.Permanent)
	for want, f := range map[string]func(){
		"no children":             func() { sup(supervise.Spec{}) },
		"child 1 has no name":     func() { sup(supervise.Spec{}, ok, supervise.Child{}) },
		`two children are called`: func() { sup(supervise.Spec{}, ok, ok) },
		"has no Start":            func() { sup(supervise.Spec{}, supervise.Child{Name: "a"}) },
		"continuation or a monitor": func() {
			sup(supervise.Spec{}, supervise.Child{Name: "a", Start: ok.Start.Monitored(actions.MonitorProcess{})})
		},
		"no Restart 7":      func() { sup(supervise.Spec{}, work("a", 7)) },
		"no strategy 7":     func() { sup(supervise.Spec{Strategy: 7}, ok) },
		"negative duration": func() { sup(supervise.Spec{Period: -1}, ok) },
		"a Max and no Min":  func() { sup(supervise.Spec{Backoff: supervise.Backoff{Max: 1}}, ok) },
		"empty name":        func() { supervise.Define[tag]("", supervise.Spec{}, ok) },
	} {
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); !strings.Contains(got, want) {
					t.Errorf("%q does not say %q", got, want)
				}
			}()
			f()
		}()
	}
}
