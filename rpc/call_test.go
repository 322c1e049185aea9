package rpc_test

import (
	"fmt"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/vmtest"
	"github.com/go-marketplace/marketplace/world"
)

// run starts a machine and returns a probe of the answers in it.
func run(t *testing.T, boot ...actions.Action) (*vmtest.Machine, *vmtest.Probe[Answer]) {
	m := vmtest.Config{Types: []actions.Type{banks.Type, customers.Type}}.Run(t, boot...)
	return m, vmtest.Subscriber(m, topic.All[Answer]())
}

// expectQuiet expects that no process is left but those of the test and n others.
func expectQuiet(t *testing.T, m *vmtest.Machine, n int) {
	t.Helper()
	for p := range m.VM().Processes() {
		if p.Name == "caller" || p.Name == "rpc.ticket" {
			t.Errorf("process %v (%s) is left, with %v", p.Path, p.Name, p.Endpoints)
		}
		if p.Name == "bank" || p.Name == "customer" {
			n--
		}
	}
	if n != 0 {
		t.Errorf("%d processes are missing, or too many", n)
	}
}

// DP-11, DP-14: an operation is called, and the continuation gets its result.
func TestCall(t *testing.T) {
	bank := banks.Spawn(accounts{})
	tests := []struct {
		name string
		boot actions.Action
		do   actions.Action
		want []Answer
	}{
		{"a result", bank, call("a", Change{"x", 5}), []Answer{{"a", 5, ""}}},
		{"several calls, answered in their order", bank, actions.Tree{call("a", Change{"x", 5}), call("b", Change{"x", 6})}, []Answer{{"a", 5, ""}, {"b", 11, ""}}},
		{"a call from a continuation", bank, rpc.Call(Add, Change{"x", 1}, func(int, error) actions.Action { return call("b", Change{"x", 1}) }), []Answer{{"b", 2, ""}}},
		{"an error", bank, call("a", Change{"x", -1}), []Answer{{"a", 0, errOverdrawn.Error()}}},
		{"nobody", nil, call("a", Change{"x", 1}), []Answer{{"a", 0, rpc.ErrNobody.Error()}}},
		{"nobody, twice", nil, actions.Tree{call("a", Change{"x", 1}), call("b", Change{"x", 1})}, []Answer{{"a", 0, rpc.ErrNobody.Error()}, {"b", 0, rpc.ErrNobody.Error()}}},
		{"with a state", bank, actions.Spawn(actions.Next(40, rpc.CallState(Add, Change{"x", 2}, func(s, r int, _ error) actions.Transition[int] {
			return actions.Next(s+r, actions.Send(Answer{"state", s + r, ""}))
		}))), []Answer{{"state", 42, ""}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, answers := run(t, actions.Group(tt.boot))
			m.Perform(caller(tt.do))
			answers.ExpectMessages(tt.want...)
			m.Perform(nil)
			n := 0
			if tt.boot != nil {
				n = 1
			}
			expectQuiet(t, m, n)
		})
	}
}

// B-P03: the server crashes or is killed: the call fails with the reason, once.
func TestCallFailsWhenTheServerEnds(t *testing.T) {
	m, answers := run(t, banks.Spawn(accounts{}))
	m.AllowCrashes()
	m.Perform(caller(rpc.Call(Add, Change{"x", 666}, func(_ int, err error) actions.Action {
		return actions.Group(answer("crash")(0, err), call("after", Change{"x", 1}))
	})))
	answers.ExpectMessages(Answer{"crash", 0, vm.ErrPanic.Error()}, Answer{"after", 0, rpc.ErrNobody.Error()})

	m.Perform(actions.SpawnThen(rpc.Serve(later{}, rpc.HandleLater(Add, later.take)), func(_ struct{}, bank actions.PID) actions.Transition[struct{}] {
		return actions.Stateless(actions.Spawn(actions.Stateless(call("quit", Change{"x", 1}),
			actions.Yield(func(s struct{}) actions.Transition[struct{}] { return actions.Next(s) }))), killer(bank))
	}))
	answers.ExpectNothing()
	m.Perform(actions.Send(Order{Tag: "kill"}))
	answers.ExpectMessages(Answer{"quit", 0, rpc.ErrGone.Error()})
	expectQuiet(t, m, 0)
}

// killer kills a process when it is told to.
func killer(pid actions.PID) actions.Action {
	return actions.Spawn(actions.Stateless(endpoint.Subscriber(topic.All[Order](), endpoint.OnMessage(func(Order) actions.Action {
		return actions.Tree{actions.Kill(pid, nil), actions.Quit()}
	}))))
}

// later is a bank that answers when it is told to.
type later struct{ Asks []rpc.Ask[Change, int] }

func (l later) take(a rpc.Ask[Change, int]) actions.Transition[later] {
	l.Asks = append(l.Asks[:len(l.Asks):len(l.Asks)], a)
	return actions.Next(l)
}

func (l later) gone(c rpc.Caller) actions.Transition[later] {
	var left []rpc.Ask[Change, int]
	for _, a := range l.Asks {
		if a.From != c {
			left = append(left, a)
		}
	}
	return actions.Next(later{left}, actions.Send(Answer{"left", len(left), ""}))
}

// order answers all asks: with twice the amount or, for "fail", an error.
func (l later) order(o Order) actions.Transition[later] {
	var as actions.Tree
	for _, a := range l.Asks {
		if o.Tag == "fail" {
			as = append(as, a.Fail(errOverdrawn))
		} else {
			as = append(as, a.Reply(2*a.Args.Amount))
		}
	}
	if o.Tag == "twice" {
		as = append(as, as...)
	}
	return actions.Next(later{}, as)
}

func (l later) open() actions.Action {
	return actions.Tree{
		rpc.Methods(rpc.HandleLater(Add, later.take, rpc.OnGone(later.gone))),
		endpoint.Subscriber(topic.All[Order](), endpoint.OnMessageState(later.order)),
	}
}

var laters = actions.Define("rpc_test.later", later.open)

// FC-09, FC-10, B-P04: a server answers later, each caller and each call by itself.
func TestHandleLater(t *testing.T) {
	m := vmtest.Config{Types: []actions.Type{laters.Type}}.Run(t, laters.Spawn(later{}).Named("bank"))
	answers := vmtest.Subscriber(m, topic.All[Answer]())
	orders := vmtest.Publisher(m, topic.All[Order]())
	strays := vmtest.Subscriber(m, topic.All[rpc.Stray]())
	m.Perform(caller(call("a", Change{"x", 1}), call("b", Change{"x", 2})), caller(call("c", Change{"x", 3})))
	answers.ExpectNothing()
	orders.Send(Order{})
	answers.ExpectMessages(Answer{"a", 2, ""}, Answer{"b", 4, ""}, Answer{"c", 6, ""})
	answers.Take() // the callers have gone

	m.Perform(caller(call("a", Change{"x", 1})))
	orders.Send(Order{Tag: "fail"})
	answers.ExpectMessages(Answer{"a", 0, errOverdrawn.Error()})
	answers.Take()

	// The second reply finds nobody who waits.
	m.Perform(caller(call("a", Change{"x", 1}), endpoint.Subscriber(topic.All[Answer]())))
	orders.Send(Order{Tag: "twice"})
	answers.ExpectMessages(Answer{"a", 2, ""})
	if got := strays.Take(); len(got) < 2 || got[len(got)-1].Kind != actions.Delivery || got[len(got)-1].About.Op != "rpc_test.add" {
		t.Errorf("the second reply is no Stray: %v", got)
	}
}

func TestFailWithANilError(t *testing.T) {
	for _, err := range []error{nil, (*world.Error)(nil)} {
		func() {
			defer func() {
				if r := recover(); r != "rpc: Ask.Fail with a nil error: use Ask.Reply" {
					t.Errorf("Fail(%#v) panics with %v", err, r)
				}
			}()
			rpc.Ask[Change, int]{}.Fail(err)
		}()
	}
}

// A server hears that a caller has gone before it got its answer.
func TestOnGone(t *testing.T) {
	m := vmtest.Config{Types: []actions.Type{laters.Type}}.Run(t, laters.Spawn(later{}))
	answers := vmtest.Subscriber(m, topic.All[Answer]())
	m.Perform(caller(call("a", Change{"x", 1}), endpoint.Subscriber(topic.All[kick](), endpoint.OnMessage(func(kick) actions.Action { return actions.Quit() }))))
	answers.ExpectNothing()
	m.Perform(actions.Send(kick{}))
	answers.ExpectMessages(Answer{"left", 0, ""})
}

func TestPatientCallWaitsForAServer(t *testing.T) {
	m, answers := run(t)
	m.Perform(caller(call("a", Change{"x", 3}, rpc.Patient())))
	answers.ExpectNothing()
	m.Perform(banks.Spawn(accounts{}))
	answers.ExpectMessages(Answer{"a", 3, ""})
	expectQuiet(t, m, 1)
}

// FC-11: a process that serves an operation can call it, because it does not wait.
func TestCallOneself(t *testing.T) {
	m, answers := run(t)
	m.Perform(actions.Spawn(actions.Next(accounts{}, rpc.Methods(rpc.Handle(Add, accounts.add)), call("a", Change{"x", 7}))))
	answers.ExpectMessages(Answer{"a", 7, ""})
}

// A process in nested machines calls servers outside, and a server inside serves callers
// outside.
func TestCallAcrossLevels(t *testing.T) {
	m, answers := run(t, banks.Spawn(accounts{}))
	tell := func(level int) func(int, error) actions.Action {
		return func(r int, err error) actions.Action {
			return actions.AtLevel(level, answer(fmt.Sprint("level ", level))(r, err))
		}
	}
	m.Perform(actions.Spawn(vm.Nested(caller(actions.AtMeta(rpc.Call(Add, Change{"x", 1}, tell(1)))))),
		actions.Spawn(vm.Nested(actions.Spawn(vm.Nested(caller(actions.AtLevel(2, rpc.Call(Add, Change{"x", 1}, tell(2)))))))))
	got := map[string]bool{}
	for _, h := range answers.Take() {
		if h.Kind == actions.Delivery {
			got[h.About.Tag+h.About.Err] = true
		}
	}
	if !got["level 1"] || !got["level 2"] || len(got) != 2 {
		t.Errorf("answers: %v", got)
	}
	expectQuiet(t, m, 1)
}

// A server in nested machines serves callers outside.
func TestServeOutside(t *testing.T) {
	inside := actions.Spawn(rpc.Serve(later{}, rpc.Handle(Add, func(l later, c Change) (later, int, error) { return l, 3 * c.Amount, nil }, rpc.Outside(2))))
	m, answers := run(t, actions.Spawn(vm.Nested(actions.Spawn(vm.Nested(inside)))))
	m.Perform(caller(call("a", Change{"x", 7})))
	answers.ExpectMessages(Answer{"a", 21, ""})
	m.AllowCrashes()
	m.Perform(actions.Kill(2, errOverdrawn), caller(call("b", Change{"x", 1})))
	answers.ExpectMessages(Answer{"b", 0, rpc.ErrNobody.Error()})
}

// The conversation decides which of several servers gets a request.
func TestOnly(t *testing.T) {
	branch := func(account string, factor int) actions.Action {
		return actions.Spawn(rpc.Serve(later{}, rpc.Handle(Add, func(l later, c Change) (later, int, error) { return l, factor * c.Amount, nil },
			rpc.Only(topic.Where(Account.Is(account))))))
	}
	m, answers := run(t, branch("north", 10), branch("south", 100))
	m.Perform(caller(call("n", Change{"north", 1}), call("s", Change{"south", 1}), call("w", Change{"west", 1})))
	answers.ExpectMessages(Answer{"w", 0, rpc.ErrNobody.Error()}, Answer{"n", 10, ""}, Answer{"s", 100, ""})
}

// Each request goes to one member of the group, and to another if that one goes.
func TestMembers(t *testing.T) {
	member := func(name string) actions.Action {
		return actions.Spawn(rpc.Serve(later{}, rpc.HandleLater(Add, func(l later, a rpc.Ask[Change, int]) actions.Transition[later] {
			if a.Args.Amount == 13 && name == "m2" {
				return actions.Next(l, actions.Fail(errOverdrawn))
			}
			return actions.Next(l, actions.Send(Answer{name, a.Args.Amount, ""}), a.Reply(a.Args.Amount))
		}, rpc.Member(name)))).Named(name)
	}
	m, answers := run(t, member("m1"), member("m2"), member("m3"))
	var as actions.Tree
	for i := range 6 {
		as = append(as, call("c", Change{"x", i}))
	}
	m.Perform(caller(as))
	served := map[string]int{}
	for _, h := range answers.Take() {
		if h.Kind == actions.Delivery {
			served[h.About.Tag]++
		}
	}
	if served["m1"] != 2 || served["m2"] != 2 || served["m3"] != 2 || served["c"] != 6 {
		t.Errorf("served: %v, want each member to serve 2 of 6 calls", served)
	}
	as = nil
	for range 3 {
		as = append(as, call("c", Change{"x", 13}))
	}
	m.Perform(caller(as))
	served = map[string]int{}
	for _, h := range answers.Take() {
		if h.Kind == actions.Delivery && h.About.Err == "" {
			served[h.About.Tag]++
		}
	}
	if served["m2"] != 0 || served["c"] != 3 {
		t.Errorf("served: %v, want 3 calls answered although m2 fails", served)
	}
}

// When the last member of a queue group goes, a call that no member takes goes to a
// server that is no member.
func TestPatientCallAfterTheLastMember(t *testing.T) {
	m, answers := run(t, banks.Spawn(accounts{}))
	north := rpc.Serve(later{}, rpc.HandleLater(Add, later.take, rpc.Member("m"), rpc.Only(topic.Where(Account.Is("north")))))
	m.Perform(actions.SpawnThen(north, func(_ struct{}, member actions.PID) actions.Transition[struct{}] {
		return actions.Stateless(killer(member))
	}))
	m.Perform(caller(call("a", Change{"south", 1}, rpc.Patient()), call("b", Change{"south", 2}, rpc.Patient())))
	answers.ExpectNothing()
	m.Perform(actions.Send(Order{Tag: "kill"}))
	answers.ExpectMessages(Answer{"a", 1, ""}, Answer{"b", 3, ""})
	expectQuiet(t, m, 1)
}

// With two servers, both get the request, the first reply counts, and the second is a
// Stray.
func TestTwoServers(t *testing.T) {
	m, answers := run(t, banks.Spawn(accounts{}), banks.Spawn(accounts{Sum: 100}))
	strays := vmtest.Subscriber(m, topic.All[rpc.Stray]())
	m.Perform(caller(call("a", Change{"x", 1})))
	answers.ExpectMessages(Answer{"a", 1, ""})
	n := 0
	for _, h := range strays.Take() {
		if h.Kind == actions.Delivery {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d Strays, want 1", n)
	}
}

// One process can serve several shares of an operation.
func TestTwoMethodsOfOneOperation(t *testing.T) {
	times := func(account string, factor int) rpc.Method[later] {
		return rpc.Handle(Add, func(l later, c Change) (later, int, error) { return l, factor * c.Amount, nil }, rpc.Only(topic.Where(Account.Is(account))))
	}
	m, answers := run(t, actions.Spawn(rpc.Serve(later{}, times("north", 10), times("south", 100))))
	m.Perform(caller(call("n", Change{"north", 1}), call("s", Change{"south", 1})))
	answers.ExpectMessages(Answer{"n", 10, ""}, Answer{"s", 100, ""})

	defer func() {
		if r := recover(); r != `rpc: two methods for the same requests of operation "rpc_test.add"` {
			t.Errorf("panic: %v", r)
		}
	}()
	rpc.Serve(later{}, times("north", 1), times("north", 2))
}

// DP-15: a cast has no answer.
func TestCast(t *testing.T) {
	m := vmtest.Run(t, actions.Spawn(rpc.Serve(0, rpc.On(Note, func(n int, text string) actions.Transition[int] {
		return actions.Next(n+1, actions.Send(Answer{text, n + 1, ""}))
	}))))
	answers := vmtest.Subscriber(m, topic.All[Answer]())
	m.Perform(rpc.Tell(Note, "a"), rpc.Tell(Note, "b"))
	answers.ExpectMessages(Answer{"a", 1, ""}, Answer{"b", 2, ""})
}

// Many calls in a row leave nothing behind. B-P20, B-F09.
func TestCallsLeaveNothingBehind(t *testing.T) {
	n := 100_000
	if testing.Short() {
		n = 1000
	}
	var next func(n int) actions.Action
	next = func(n int) actions.Action {
		if n == 0 {
			return actions.Send(Answer{"done", 0, ""})
		}
		return rpc.Call(Add, Change{"x", 1}, func(int, error) actions.Action { return next(n - 1) })
	}
	m := vm.New(banks.Spawn(accounts{}), caller(next(n)))
	m.Apply(vm.Input{Kind: vm.Start})
	for m.Busy() {
		m.Apply(vm.Input{Kind: vm.Continue})
	}
	count := 0
	for p := range m.Processes() {
		count++
		if p.State != (accounts{Sum: n}) {
			t.Errorf("process %v (%s) is left, with state %v and %d endpoints", p.Path, p.Name, p.State, len(p.Endpoints))
		}
	}
	if count != 1 {
		t.Errorf("%d processes are left, want the bank", count)
	}
}
