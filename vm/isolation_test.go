package vm_test

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
)

// claim is published by the misbehaving process, so that a witness observes its end
// and the reason.
type claim struct{}

// job is work for the siblings of the misbehaving process.
type job struct{ Left int }

var errBoom = errors.New("boom")

// publish keeps a process visible.
func publish() actions.Action { return endpoint.Publisher(topic.All[claim]()) }

// later performs actions in the turn after next, when the endpoints of the process
// are open.
func later(as ...actions.Action) actions.Action {
	return actions.Yield(func(struct{}) actions.Transition[struct{}] { return actions.Stateless(as...) })
}

// misbehaviours are ways to misbehave. Each is a process; is checks the reason that
// the others see, and none means that nobody sees an end.
var misbehaviours = []struct {
	name string
	do   func() actions.Action
	is   func(reason error) bool
}{
	{"panic with an error", crash(func() { panic(errBoom) }), isErr(errBoom)},
	{"panic with a string", crash(func() { panic("boom") }), isText("boom")},
	{"panic with a number", crash(func() { panic(3) }), isText("3")},
	{"panic with nil", crash(func() { panic(nil) }), isText("nil")},
	{"runtime error", crash(func() { var none []int; none[len(none)] = 1 }), isText("out of range")},
	{"Goexit", crash(runtime.Goexit), isErr(vm.ErrGoexit)},
	{"panic in a message handler", inHandler(func() { panic(errBoom) }), isErr(errBoom)},
	{"Goexit in a message handler", inHandler(runtime.Goexit), isErr(vm.ErrGoexit)},
	{"panic in boot", inBoot(func() { panic(errBoom) }), nil},
	{"Goexit in boot", inBoot(runtime.Goexit), nil},
	{"boot returns nil", func() actions.Action {
		return actions.SpawnFunc(func(actions.PID) actions.Process { return nil })
	}, nil},
	{"wrong state type", does(endpoint.Subscriber(topic.All[job](), endpoint.OnMessageState(
		func(n int, _ job) actions.Transition[int] { return actions.Next(n) }))), isErr(vm.ErrStateType)},
	{"wrong state type of a continuation", does(actions.Yield(func(n int) actions.Transition[int] { return actions.Next(n) })), isErr(vm.ErrStateType)},
	{"wrong role", does(
		endpoint.Publisher(topic.All[job]()).As("x"),
		endpoint.Subscriber(topic.All[job]()).As("x")), isErr(vm.ErrRole)},
	{"meta-level above the ground", does(actions.AtMeta(actions.Send(job{}))), isErr(vm.ErrNoOuterLevel)},
	{"two levels above the ground", does(actions.AtMeta(actions.AtMeta(actions.Quit()))), isErr(vm.ErrNoOuterLevel)},
	{"endpoint without a topic", does(actions.AddEndpoint{}), isErr(vm.ErrAction)},
	{"endpoint with a name that cannot be compared", does(endpoint.Publisher(topic.All[job]()).As([]int{1})), isErr(vm.ErrAction)},
	{"nil message", does((*actions.SendMessage)(nil)), isErr(vm.ErrAction)},
	{"nil device", does(actions.TellDevice{}), isErr(vm.ErrAction)},
	{"spawn of nothing", does(actions.SpawnProcess{}), isErr(vm.ErrAction)},
	{"killing oneself", func() actions.Action {
		return actions.SpawnFunc(func(self actions.PID) actions.Process {
			return actions.Stateless(publish(), later(actions.Kill(self, errBoom)))
		})
	}, isErr(errBoom)},
	{"killing one's machine", func() actions.Action {
		return actions.Spawn(vm.Nested(actions.AtMeta(publish()), later(actions.AtMeta(actions.Fail(errBoom)))))
	}, isErr(errBoom)},
	{"yield at a meta-level", func() actions.Action {
		return actions.Spawn(vm.Nested(actions.AtMeta(publish()), later(actions.AtMeta(later()))))
	}, isErr(vm.ErrAction)},
	{"monitor at a meta-level", func() actions.Action {
		return actions.Spawn(vm.Nested(actions.AtMeta(publish()), later(actions.AtMeta(actions.Monitor(1, nil)))))
	}, isErr(vm.ErrAction)},
	{"spawn with a monitor at a meta-level", func() actions.Action {
		return actions.Spawn(vm.Nested(actions.AtMeta(publish()),
			later(actions.AtMeta(actions.Spawn(actions.Stateless()).Monitored(actions.MonitorProcess{})))))
	}, isErr(vm.ErrAction)},
	{"spawn with a monitor for another type of state", does(actions.Spawn(actions.Stateless()).Monitored(endpoint.MonitorState(0,
		func(n int, _ actions.PID, _ error) actions.Transition[int] { return actions.Next(n) }))), isErr(vm.ErrStateType)},
	{"monitor of nobody", does(actions.MonitorProcess{}), isErr(vm.ErrAction)},
	{"monitor of oneself", func() actions.Action {
		return actions.SpawnFunc(func(self actions.PID) actions.Process {
			return actions.Stateless(publish(), later(actions.Monitor(self, nil)))
		})
	}, isErr(vm.ErrAction)},
	{"monitor with a handler for another type of state", does(endpoint.MonitorState(1,
		func(n int, _ actions.PID, _ error) actions.Transition[int] { return actions.Next(n) })), isErr(vm.ErrStateType)},
	{"panic in the handler of a monitor", does(actions.SpawnThen(actions.Stateless(actions.Quit()), func(s struct{}, child actions.PID) actions.Transition[struct{}] {
		return actions.Next(s, endpoint.Monitor(child, func(actions.PID, error) actions.Action { panic(errBoom) }))
	})), isErr(errBoom)},
	{"Goexit in the handler of a monitor", does(actions.SpawnThen(actions.Stateless(actions.Quit()), func(s struct{}, child actions.PID) actions.Transition[struct{}] {
		return actions.Next(s, endpoint.Monitor(child, func(actions.PID, error) actions.Action { runtime.Goexit(); return nil }))
	})), isErr(vm.ErrGoexit)},
	{"100,000 trees in each other", func() actions.Action {
		var deep actions.Action = actions.Fail(errBoom)
		for range 100_000 {
			deep = actions.Tree{nil, deep}
		}
		return actions.Spawn(actions.Stateless(publish(), deep))
	}, isErr(errBoom)},
	{"100,000 meta-levels", func() actions.Action {
		var deep actions.Action = actions.Quit()
		for range 100_000 {
			deep = actions.AtMeta(deep)
		}
		return actions.Spawn(actions.Stateless(publish(), deep))
	}, isErr(vm.ErrNoOuterLevel)},
	{"1,000 machines in each other", func() actions.Action {
		out := func(a actions.Action) actions.Action {
			for range 1000 {
				a = actions.AtMeta(a)
			}
			return a
		}
		var deep actions.Action = actions.Spawn(actions.Stateless(out(publish()), later(actions.Fail(errBoom))))
		for range 1000 {
			deep = actions.Spawn(vm.Nested(deep))
		}
		return deep
	}, isErr(errBoom)},
	{"1,000 machines beside each other", func() actions.Action {
		var all actions.Tree
		for range 999 {
			all = append(all, actions.Spawn(vm.Nested(crash(func() { panic("boom") })())))
		}
		return append(all, does(actions.Fail(errBoom))())
	}, isErr(errBoom)},
	{"endless queue", func() actions.Action {
		many := make(actions.Tree, 1<<20+1)
		for i := range many {
			many[i] = actions.Delete("nothing")
		}
		return actions.Spawn(actions.Stateless(publish(), later(actions.SpawnThen(actions.Stateless(),
			func(s struct{}, _ actions.PID) actions.Transition[struct{}] { return actions.Next(s, many) }))))
	}, isErr(vm.ErrOverflow)},
}

// crash is a process that calls f in one of its turns.
func crash(f func()) func() actions.Action {
	return does(actions.Yield(func(struct{}) actions.Transition[struct{}] { f(); return actions.Stateless() }))
}

// inHandler is a process that calls f when it gets its own message.
func inHandler(f func()) func() actions.Action {
	type poke struct{}
	return does(
		endpoint.Subscriber(topic.All[poke](), endpoint.OnMessage(func(poke) actions.Action { f(); return nil })),
		actions.Send(poke{}))
}

func inBoot(f func()) func() actions.Action {
	return func() actions.Action {
		return actions.SpawnFunc(func(actions.PID) actions.Process { f(); return actions.Stateless() })
	}
}

// does is a process that performs as once its endpoints are open.
func does(as ...actions.Action) func() actions.Action {
	return func() actions.Action { return actions.Spawn(actions.Stateless(publish(), later(as...))) }
}

func isErr(want error) func(error) bool {
	return func(got error) bool { return errors.Is(got, want) }
}

func isText(want string) func(error) bool {
	return func(got error) bool {
		var p *vm.PanicError
		return errors.As(got, &p) && strings.Contains(got.Error(), want) && len(p.Stack) > 0
	}
}

// TestIsolation: whatever a process does, the machine and the other processes go on,
// and observe the reason of its absence. HL-07, HL-15, HL-18, HL-44, HL-58, HL-61,
// HL-63, HL-90, HL-98, HL-101, HL-104, HL-105, B-M01 to B-M06, B-M27.
func TestIsolation(t *testing.T) {
	for _, tt := range misbehaviours {
		t.Run(tt.name, func(t *testing.T) {
			var reasons []error
			jobs := 0
			err := ground.Run(t.Context(),
				endpoint.ObservePublishers(topic.All[claim](), endpoint.OnAbsence(func(_ claim, reason error) actions.Action {
					reasons = append(reasons, reason)
					// Only now do the siblings begin.
					return actions.Send(job{100})
				})),
				tt.do(),
				actions.When(tt.is == nil, later(later(actions.Send(job{100})))),
				actions.Spawn(actions.Stateless(endpoint.Subscriber(topic.All[job](), endpoint.OnMessage(func(j job) actions.Action {
					jobs++
					return actions.When(j.Left > 1, actions.Send(job{j.Left - 1}))
				})))).Named("sibling"),
			)
			if err != nil {
				t.Fatal(err)
			}
			if jobs != 100 {
				t.Errorf("the sibling has done %d jobs of 100", jobs)
			}
			if tt.is != nil && (len(reasons) != 1 || !tt.is(reasons[0])) {
				t.Errorf("the witness has seen %v", reasons)
			}
		})
	}
}
