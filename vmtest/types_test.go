package vmtest_test

import (
	"encoding/json"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/vmtest"
)

// till is the state of a process that counts the deposits to one account.
type till struct {
	Account string
	Sum     int
}

func (t till) open() actions.Action {
	return actions.Group(
		endpoint.Subscriber(topic.Where(DepositTo.Is(t.Account)), endpoint.OnMessageState(till.deposit)).As("deposits"),
		endpoint.Device(lamp{len(t.Account)}),
		actions.When(t.Sum >= 5 && t.Sum < 100, endpoint.Publisher(topic.Where(BalanceOf.Is(t.Account))).As("balance")),
		actions.When(t.Sum >= 100, endpoint.Publisher(topic.All[Balance]()).As("balance")),
	)
}

// deposit adds a deposit. The endpoint that it opens is there in the next
// state.
func (t till) deposit(d Deposit) actions.Transition[till] {
	was := t.Sum
	t.Sum += d.Amount
	return actions.Next(t, actions.When(was < 5 && t.Sum >= 5, endpoint.Publisher(topic.Where(BalanceOf.Is(t.Account))).As("balance")))
}

var tills = actions.Define("bank.till", till.open)

func openTill(name string) actions.Action {
	t := till{Account: name}
	return actions.Spawn(actions.Next(t, t.open())).Named("till")
}

// Types that open everything pass, wherever their processes and the probes are.
func TestTypes(t *testing.T) {
	c := vmtest.Config{Types: []actions.Type{tills.Type}}
	m := c.Run(t, openTill("ann"), actions.Spawn(vm.Nested(vmtest.Here("room"), openTill("tony"))).Named("room"))
	customer := vmtest.Publisher(m.At("room"), topic.All[Deposit]())
	listener := vmtest.ObservePublishers(m.At("room"), topic.All[Balance]())
	customer.Send(Deposit{"tony", 3})
	listener.ExpectNothing()
	customer.Send(Deposit{"tony", 4})
	listener.ExpectPresence(Balance{Account: "tony"})
	m.Stop()
}

// The error names what a type does not open.
func TestTypesThatForget(t *testing.T) {
	session := func(k actions.Type, amount int) func(vmtest.TB) {
		return func(t vmtest.TB) {
			m := vmtest.Config{Types: []actions.Type{k}}.Run(t, openTill("tony"))
			vmtest.Publisher(m, topic.All[Deposit]()).Send(Deposit{"tony", amount})
			m.Perform(actions.Send(Deposit{"tony", 0})) // it is said only once
		}
	}
	only := func(keep func(actions.Action) bool) actions.Type {
		return actions.Define("bank.till", func(t till) actions.Action {
			var all actions.Tree
			for a := range actions.Leaves(t.open()) {
				if keep(a) {
					all = append(all, a)
				}
			}
			return all
		}).Type
	}
	forgetful := actions.Coded(tills,
		func(t till) ([]byte, error) { return json.Marshal(t) },
		func(data []byte) (t till, err error) { err = json.Unmarshal(data, &t); t.Sum /= 2; return t, err })
	for _, tt := range []struct {
		name   string
		kind   actions.Type
		amount int
		want   []string
	}{
		{"an endpoint", only(func(a actions.Action) bool { e, ok := a.(actions.AddEndpoint); return !ok || e.ID != "balance" }), 7,
			[]string{"process 2 till", `endpoint "balance"`, `publisher of vmtest_test.Balance{Account: "tony"}`, "gives none"}},
		{"a device", only(func(a actions.Action) bool { _, ok := a.(actions.OpenDevice); return !ok }), 3,
			[]string{"process 2 till", "gives no device lamp(4)"}},
		{"another role", tills.Type, 100, []string{`endpoint "balance"`, "another role: publisher of vmtest_test.Balance{}"}},
		{"something in the state", forgetful.Type, 3, []string{"restored", "Processes"}},
		{"the name", actions.Type{}, 3, []string{"Config.Types", "no name"}},
	} {
		t.Run(tt.name, func(t *testing.T) { mustFail(t, session(tt.kind, tt.amount), tt.want...) })
	}
}

// If some processes are of no known type, the others are checked nevertheless.
func TestTypesAmongOthers(t *testing.T) {
	c := vmtest.Config{Types: []actions.Type{tills.Type}}
	m := c.Run(t, openTill("tony"), Account("tony"), endpoint.Publisher(topic.All[Deposit]()))
	m.Perform(actions.Send(Deposit{"tony", 7}))
	mustFail(t, func(t vmtest.TB) {
		empty := actions.Define("bank.till", func(till) actions.Action { return nil })
		vmtest.Config{Types: []actions.Type{empty.Type}}.Run(t, actions.Spawn(actions.Next(till{}, endpoint.Publisher(topic.All[Deposit]()).As("x"))), Account("tony"))
	}, `"x"`)
}
