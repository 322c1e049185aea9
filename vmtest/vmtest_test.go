package vmtest_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/vmtest"
	"github.com/go-marketplace/marketplace/world"
)

// lamp is a device.
type lamp struct{ N int }

func (l lamp) DeviceName() string { return fmt.Sprintf("lamp(%d)", l.N) }
func (lamp) Open(context.Context, world.Env) (world.Handle, error) {
	panic("there is no outside in a test")
}

func TestProbes(t *testing.T) {
	m := vmtest.Run(t, Account("tony"))
	all := vmtest.Subscriber(m, topic.All[Balance]())
	all.ExpectPresence(Balance{Account: "tony"})
	customer := vmtest.Publisher(m, topic.All[Deposit]())
	customer.ExpectPresence(Deposit{Account: "tony"})
	watcher := vmtest.ObservePublishers(m, topic.All[Deposit]())
	watcher.ExpectPresence(Deposit{}) // which is open: customer speaks to all
	unseen := vmtest.ObserveSubscribers(m, topic.Where(BalanceOf.Is("tony")))
	unseen.ExpectPresence(Balance{Account: "tony"})
	everybody := vmtest.New(m, topic.Subscriber, topic.Everything, topic.All[Balance]())
	if heard := everybody.Take(); len(heard) != 2 || heard[1].Peer.Interest != topic.Observer {
		t.Errorf("told of %v", heard)
	}

	customer.Send(Deposit{"tony", 3})
	customer.Send(Deposit{"tony", 4})
	customer.Send(Deposit{"sam", 5})
	all.ExpectMessages(Balance{"tony", 3, "somebody"}, Balance{"tony", 7, "somebody"})
	watcher.ExpectMessages(Deposit{"tony", 3}, Deposit{"tony", 4})
	watcher.ExpectMessages(Deposit{"sam", 5})
	all.Feedback(Balance{"tony", 0, ""})
	unseen.ExpectMessages(Balance{"tony", 0, ""})

	customer.Send(Deposit{"tony", -8})
	all.ExpectAbsence(Balance{Account: "tony"}, errOverdrawn)
	customer.ExpectAbsence(Deposit{Account: "tony"}, errOverdrawn)
	all.ExpectNothing()

	customer.Close(io.ErrClosedPipe)
	watcher.ExpectMessages(Deposit{"tony", -8})
	watcher.ExpectAbsence(Deposit{}, io.ErrClosedPipe)
	all.Close(nil)
	unseen.ExpectAbsence(Balance{Account: "tony"}, nil)
}

func TestSpy(t *testing.T) {
	m := vmtest.Run(t)
	spy := vmtest.ObservePublishers(m, topic.Any)
	m.Perform(actions.Send(Deposit{"tony", 1}), actions.Send(topic.Tuple{"says", 3}))
	spy.ExpectMessages(topic.Erased{Message: topic.MessageOf(Deposit{"tony", 1})}, topic.Erased{Message: topic.MessageOf(topic.Tuple{"says", 3})})
	p := vmtest.Publisher(m, topic.Where(DepositTo.Is("tony")))
	spy.ExpectPresence(topic.Erased{Topic: topic.Where(DepositTo.Is("tony")).Topic()})
	spy.Feedback(topic.Erased{Message: topic.MessageOf(Deposit{"tony", 2})})
	p.ExpectPresence() // nothing is expected
	p.ExpectMessages(Deposit{"tony", 2})
}

func TestPattern(t *testing.T) {
	type query struct{ About topic.Pattern[Deposit] }
	m := vmtest.Run(t)
	p := vmtest.Subscriber(m, topic.All[query]())
	m.Perform(actions.Send(query{topic.Where(DepositTo.Is("tony"))}))
	p.ExpectMessages(query{topic.Where(DepositTo.Is("tony"))})
	mustFail(t, func(t vmtest.TB) {
		m := vmtest.Run(t)
		p := vmtest.Subscriber(m, topic.All[query]())
		m.Perform(actions.Send(query{topic.Where(DepositTo.Is("tony"))}))
		p.ExpectMessages(query{topic.All[Deposit]()})
	}, "vmtest_test.query{")
}

func TestExpectations(t *testing.T) {
	bank := func(t vmtest.TB) (*vmtest.Machine, *vmtest.Probe[Balance]) {
		m := vmtest.Run(t, Account("tony"))
		return m, vmtest.Subscriber(m, topic.All[Balance]())
	}
	mustFail(t, func(t vmtest.TB) {
		_, p := bank(t)
		p.ExpectPresence(Balance{Account: "sam"})
	}, "vmtest: probe 1 (subscriber of vmtest_test.Balance{}): expected presence", `"sam"`,
		`presence of publisher of vmtest_test.Balance{Account: "tony"}`)
	mustFail(t, func(t vmtest.TB) {
		_, p := bank(t)
		p.ExpectAbsence(Balance{Account: "tony"}, nil)
	}, "expected absence", "presence of publisher")
	mustFail(t, func(t vmtest.TB) {
		m, p := bank(t)
		p.Take()
		m.Perform(actions.Send(Deposit{"tony", -1}))
		p.ExpectAbsence(Balance{Account: "tony"}, io.EOF)
	}, "reason of the absence", "want: EOF", "got:  bank: overdrawn")
	mustFail(t, func(t vmtest.TB) {
		_, p := bank(t)
		p.ExpectNothing()
	}, "expected nothing", "presence of publisher")
	mustFail(t, func(t vmtest.TB) {
		m, p := bank(t)
		p.Take()
		m.Perform(actions.Send(Deposit{"tony", 1}))
		p.ExpectMessages(Balance{"tony", 1, "nobody"})
	}, "expected message", `by:      "nobody"`, `by:      "somebody"`)
	mustFail(t, func(t vmtest.TB) {
		_, p := bank(t)
		p.Take()
		p.ExpectMessages(Balance{"tony", 1, ""})
	}, "told nothing")
	mustFail(t, func(t vmtest.TB) {
		_, p := bank(t)
		p.Close(nil)
		p.Send(Balance{})
	}, "probe 1 is closed")
	mustPass(t, func(t vmtest.TB) {
		m := vmtest.Config{Compare: nil}.Run(t, Account("tony"))
		vmtest.Subscriber(m, topic.All[Balance]())
	})
	m := vmtest.Config{Compare: []cmp.Option{cmpopts.IgnoreUnexported(Balance{})}}.Run(t, Account("tony"))
	p := vmtest.Subscriber(m, topic.All[Balance]())
	p.Take()
	m.Perform(actions.Send(Deposit{"tony", 1}))
	p.ExpectMessages(Balance{"tony", 1, "nobody"})
}

func TestNestedPlaces(t *testing.T) {
	m := vmtest.Run(t,
		actions.Spawn(vm.Nested(vmtest.Here("east"), Account("tony"))).Named("bank"),
		actions.Spawn(vm.Nested(actions.Spawn(vm.Nested(vmtest.Here("west"))))),
	)
	outside := vmtest.Subscriber(m, topic.All[Balance]())
	inside := vmtest.Subscriber(m.At("east"), topic.All[Balance]())
	outside.ExpectNothing()
	inside.ExpectPresence(Balance{Account: "tony"})
	m.At("west").Perform(actions.AtMeta(actions.AtMeta(actions.Send(Balance{"sam", 2, ""}))))
	outside.ExpectMessages(Balance{"sam", 2, ""})
	m.At("east").Perform(actions.AtMeta(actions.Quit()))
	mustFail(t, func(t vmtest.TB) { vmtest.Run(t).At("north").Perform() }, `no machine is named "north"`, `vmtest.Here("north")`)
	mustFail(t, func(t vmtest.TB) {
		vmtest.Run(t, actions.Spawn(vm.Nested(vmtest.Here("x"))), vmtest.Here("x")).At("x").Perform()
	}, `2 machines are named "x"`)
}

// TestFirstProcess shows HL-03, HL-04, HL-05.
func TestFirstProcess(t *testing.T) {
	m := vmtest.Run(t, Account("tony"), actions.Quit(), Account("sam"))
	p := vmtest.Subscriber(m, topic.All[Balance]())
	p.ExpectPresence(Balance{Account: "tony"})
	p.ExpectNothing()
	if !strings.Contains(m.Trace(), "1 boot: dropped: spawn account sam") {
		t.Error(m.Trace())
	}
	m = vmtest.Config{}.RunFunc(t, func(self actions.PID) actions.Process {
		return actions.Next(int(self), endpoint.Subscriber(topic.All[Deposit]()))
	})
	vmtest.Publisher(m, topic.All[Deposit]()).ExpectPresence(Deposit{})
	for p := range m.VM().Processes() {
		if p.Name == "boot" && p.State != 1 {
			t.Errorf("state %v", p.State)
		}
	}
	mustFail(t, func(t vmtest.TB) {
		m := vmtest.Config{}.RunFunc(t, func(actions.PID) actions.Process { return nil })
		m.AllowCrashes()
		m.Perform()
	}, "can perform no actions any more")
}

// TestDevices shows HL-97.
func TestDevices(t *testing.T) {
	type state struct{ log string }
	note := func(s state, what string, as ...actions.Action) actions.Transition[state] {
		return actions.Next(state{s.log + what + " "}, as...)
	}
	holder := func(n int) actions.Action {
		return actions.Spawn(actions.Next(state{}, endpoint.Device(lamp{n},
			endpoint.OnValueState(func(s state, v int) actions.Transition[state] {
				return note(s, fmt.Sprint(v), actions.Tell(lamp{n}, v+1), actions.When(v == 9, actions.Pause(lamp{n})))
			}),
			endpoint.OnEndedState(func(s state, reason error) actions.Transition[state] {
				return note(s, fmt.Sprint(reason), actions.Quit())
			}),
			endpoint.OnFailedState(func(s state, command any, reason error) actions.Transition[state] {
				return note(s, fmt.Sprint(command, " ", reason), actions.Close(lamp{n}), endpoint.Subscriber(topic.All[Reply]()))
			}),
		).StartPaused())).Named("holder")
	}
	start := func(t vmtest.TB) *vmtest.Machine {
		return vmtest.Run(t, holder(1), actions.Spawn(vm.Nested(holder(2), holder(3), vmtest.Here("nested"))))
	}
	m := start(t)
	if got := fmt.Sprint(m.Devices()); got != "[lamp(1) of 2 lamp(2) of 3/2 lamp(3) of 3/3]" {
		t.Error(got)
	}
	one, two := m.Device(lamp{1}), m.Device(lamp{2})
	if !one.IsPaused() || !one.IsOpen() || one.Device() != (lamp{1}) || two.Path().String() != "3/2" {
		t.Errorf("%+v", one)
	}
	one.Value(5) // the first value comes, though it is paused
	one.ExpectCommands(6)
	one.ExpectNothing()
	m.Perform(actions.Kill(2, nil))
	if one.IsOpen() || m.Device(lamp{1}) != one {
		t.Error("a device outlives its holder")
	}
	m.At("nested").Perform(actions.Spawn(actions.Stateless(endpoint.Device(lamp{4}), actions.Pause(lamp{4}))))
	if four := m.Device(lamp{4}); !four.IsPaused() || !strings.Contains(m.Trace(), "< pause lamp(4) for 3/5\n") {
		t.Errorf("%v is not paused:\n%s", four, m.Trace())
	}
	m.At("nested").Perform(actions.Kill(5, nil))
	two.Value(7)
	two.Fail(8, io.ErrShortWrite)
	if got := vmtest.Commands[int](two); len(got) != 1 || got[0] != 8 {
		t.Errorf("commands %v", got)
	}
	if two.IsOpen() {
		t.Error("a device is open that was closed")
	}
	three := m.Device(lamp{3})
	three.End(io.EOF)
	if three.IsOpen() || len(m.Devices()) != 0 {
		t.Error("a device is open that has ended")
	}
	for _, want := range []string{"< open lamp(1) for 2, paused\n", "> value of lamp(2) for 3/2: 7\n", "3/2 holder: hears value 7\n",
		"3/2 holder: tell lamp(2): 8\n", "< tell lamp(2) for 3/2: 8\n", "> failed of lamp(2) for 3/2: 8: short write\n", "> end of lamp(3) for 3/3\n"} {
		if !strings.Contains(m.Trace(), want) {
			t.Errorf("%q is not in the trace:\n%s", want, m.Trace())
		}
	}

	mustFail(t, func(t vmtest.TB) { d := start(t).Device(lamp{1}); d.Value(1, 2) }, "lamp(1) of 2 is paused, so it has no value: 2")
	mustFail(t, func(t vmtest.TB) { d := start(t).Device(lamp{1}); d.End(io.ErrUnexpectedEOF); d.End(nil) }, "lamp(1) of 2 is not open any more")
	mustFail(t, func(t vmtest.TB) { start(t).Device(lamp{4}) }, "no process has opened lamp(4)", "\n\tlamp(3) of 3/3")
	mustFail(t, func(t vmtest.TB) { vmtest.Run(t).Device(lamp{4}) }, "Held are: none")
	mustFail(t, func(t vmtest.TB) { vmtest.Run(t, holder(1), holder(1)).Device(lamp{1}) }, "2 processes hold lamp(1)", "2 and 3")
	mustFail(t, func(t vmtest.TB) { d := start(t).Device(lamp{1}); d.Value(1); d.ExpectNothing() }, "expected nothing", "\t2")
	mustFail(t, func(t vmtest.TB) { d := start(t).Device(lamp{1}); d.Value(1); d.ExpectCommands(2, 3) }, "expected other commands", "3")
	mustFail(t, func(t vmtest.TB) { d := start(t).Device(lamp{1}); d.Value(1); vmtest.Commands[string](d) }, "told 2, which is not a string")
}

func TestStop(t *testing.T) {
	m := vmtest.Run(t, Account("tony"), actions.Spawn(actions.Stateless(endpoint.Device(lamp{1}, endpoint.OnEnded(func(reason error) actions.Action {
		return actions.Send(Reply{Text: fmt.Sprint(errors.Is(reason, world.ErrStopped))})
	})))))
	p := vmtest.Subscriber(m, topic.All[Reply]())
	q := vmtest.Subscriber(m, topic.All[Balance]())
	m.Stop()
	p.ExpectMessages(Reply{0, "true"})
	q.ExpectPresence(Balance{Account: "tony"})
	q.ExpectAbsence(Balance{Account: "tony"}, world.ErrStopped)
}

func TestBudget(t *testing.T) {
	var spin func(struct{}) actions.Transition[struct{}]
	spin = func(struct{}) actions.Transition[struct{}] { return actions.Stateless(actions.Yield(spin)) }
	mustFail(t, func(t vmtest.TB) {
		vmtest.Config{Limits: vm.Limits{Steps: 10}, Budget: 100}.Run(t, actions.Yield(spin))
	}, "has not come to rest after 1", "\n\t1 boot: yield\n")

	// A process that needs several turns comes to rest, too.
	var count func(n int) actions.Transition[int]
	count = func(n int) actions.Transition[int] {
		return actions.Next(n+1, actions.When(n < 50, actions.Yield(count)))
	}
	m := vmtest.Config{Limits: vm.Limits{Steps: 10}}.RunFunc(t, func(actions.PID) actions.Process {
		return actions.Next(0, actions.Yield(count))
	})
	if m.VM().Busy() || !strings.Contains(m.Trace(), "> continue\n") {
		t.Error(m.Trace())
	}
}

func TestCrashes(t *testing.T) {
	crashing := actions.SpawnFunc(func(actions.PID) actions.Process { panic("ouch") }).Named("clumsy")
	mustFail(t, func(t vmtest.TB) { vmtest.Run(t, crashing) },
		"process 2 clumsy has crashed: vm: panic: ouch", "vmtest_test.go", "AllowCrashes")
	mustFail(t, func(t vmtest.TB) {
		vmtest.Run(t, actions.Spawn(actions.Next(1, endpoint.Subscriber(topic.All[Deposit](), endpoint.OnMessageState(account.deposit)))))
	}, "process 2 was ended by the machine: vm: handler for another type of state")
	mustPass(t, func(t vmtest.TB) { vmtest.Run(t, crashing).AllowCrashes() })
	mustPass(t, func(t vmtest.TB) { vmtest.Run(t, actions.Spawn(actions.Stateless(actions.Fail(io.EOF)))) })
}

func TestGolden(t *testing.T) {
	m := vmtest.Run(t, Account("tony"), actions.Spawn(vm.Nested(
		actions.AtMeta(endpoint.Publisher(topic.All[Deposit](), endpoint.OnPresence(func(d Deposit) actions.Action {
			return actions.Tree{actions.AtMeta(actions.Send(Deposit{d.Account, 5}), actions.Feedback(3)), actions.Delete("nothing")}
		})).As("counter")),
		actions.Spawn(actions.Stateless(actions.Fail(errors.New("no\nmore")))),
	)).Named("branch"))
	p := vmtest.Subscriber(m, topic.Where(BalanceOf.Is("tony")))
	p.Send(Balance{"sam", 1, ""})
	m.Perform(actions.Send(Deposit{"tony", -9}))
	vmtest.Golden(t, filepath.Join("testdata", "bank.golden"), m.Trace())
}

func TestGoldenFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "new", "x.golden")
	update := func(on string) {
		if err := flag.Set("update", on); err != nil {
			t.Fatal(err)
		}
	}
	was := flag.Lookup("update").Value.String()
	defer update(was)
	update("false")
	mustFail(t, func(t vmtest.TB) { vmtest.Golden(t, file, "a\nb\n") }, "x.golden", "go test -run '^TestFake$' -update")
	update("true")
	mustPass(t, func(t vmtest.TB) { vmtest.Golden(t, file, "a\nb\n") })
	update("false")
	mustPass(t, func(t vmtest.TB) { vmtest.Golden(t, file, "a\nb\n") })
	if err := os.WriteFile(file, []byte("a\r\nb\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	mustPass(t, func(t vmtest.TB) { vmtest.Golden(t, file, "a\nb\n") })
	mustFail(t, func(t vmtest.TB) { vmtest.Golden(t, file, "a\nc\n") }, "differs", `"b"`, `"c"`, "-update")
}
