package vmtest_test

import (
	"fmt"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/vmtest"
	"github.com/go-marketplace/marketplace/world"
)

// An example is not a test. It uses printer where a test uses its *testing.T.
type printer struct{}

func (printer) Helper()                   {}
func (printer) Name() string              { return "Example" }
func (printer) Logf(string, ...any)       {}
func (printer) Errorf(s string, a ...any) { fmt.Printf(s+"\n", a...) }
func (printer) Fatalf(s string, a ...any) { panic(fmt.Sprintf(s, a...)) }
func (printer) Cleanup(func())            {}

var t printer

func ExampleRun() {
	m := vmtest.Run(t, Account("tony"))

	balances := vmtest.Subscriber(m, topic.All[Balance]())
	balances.ExpectPresence(Balance{Account: "tony"})

	m.Perform(actions.Send(Deposit{"tony", 40}), actions.Send(Deposit{"tony", 2}))
	balances.ExpectMessages(
		Balance{"tony", 40, "somebody"},
		Balance{"tony", 42, "somebody"},
	)

	m.Perform(actions.Send(Deposit{"tony", -100}))
	balances.ExpectAbsence(Balance{Account: "tony"}, errOverdrawn)
	balances.ExpectNothing()
	// Output:
}

func ExampleMachine_Trace() {
	m := vmtest.Run(t, Account("tony"))
	m.Perform(actions.Send(Deposit{"tony", 40}))
	fmt.Print(m.Trace())
	// Output:
	// > start
	// 1 boot: spawned
	// 1 boot: spawn account tony
	// 2 account tony: spawned
	// 1 boot: collected
	// 2 account tony: open subscriber of vmtest_test.Deposit{Account: "tony"}
	// 2 account tony: open publisher of vmtest_test.Balance{Account: "tony"}
	// 3 vmtest: send vmtest_test.Deposit{Account: "tony", Amount: 40}
	// 2 account tony: hears vmtest_test.Deposit{Account: "tony", Amount: 40} at subscriber of vmtest_test.Deposit{Account: "tony"}
	// 2 account tony: send vmtest_test.Balance{Account: "tony", Amount: 40, by: "somebody"}
	// 2 account tony: undelivered: send vmtest_test.Balance{Account: "tony", Amount: 40, by: "somebody"}
}

func ExampleDevice() {
	tea := world.Alarm{Clock: world.SystemClock(), After: 3 * time.Minute}
	m := vmtest.Run(t, actions.Spawn(actions.Stateless(
		endpoint.Device(tea, endpoint.OnValue(func(r world.AlarmRang) actions.Action {
			return actions.Send("Tea is ready at " + r.Now.Format(time.Kitchen) + ".")
		})),
	)))
	all := vmtest.Subscriber(m, topic.All[string]())

	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	m.Device(tea).Value(world.AlarmSet{Now: noon})
	all.ExpectNothing()
	m.Device(tea).Value(world.AlarmRang{Now: noon.Add(tea.After)})
	all.ExpectMessages("Tea is ready at 12:03PM.")
	m.Device(tea).End(nil)

	fmt.Println(len(m.Devices()), "devices are held.")
	// Output:
	// 0 devices are held.
}

func ExampleHere() {
	m := vmtest.Run(t, actions.Spawn(vm.Nested(vmtest.Here("branch"), Account("tony"))))

	inside := vmtest.Subscriber(m.At("branch"), topic.All[Balance]())
	outside := vmtest.Subscriber(m, topic.All[Balance]())
	inside.ExpectPresence(Balance{Account: "tony"})
	outside.ExpectNothing()
	// Output:
}

// A process that is not pure: which of two accounts gets the money depends on
// the order of a map.
func ExampleConfig_Run_notPure() {
	accounts := map[string]int{}
	for i := range 100 {
		accounts[fmt.Sprint("account ", i)] = i
	}
	failures := run(func(t vmtest.TB) {
		m := vmtest.Config{Runs: 5}.Run(t, actions.Spawn(actions.Next(accounts,
			endpoint.Subscriber(topic.All[string](), endpoint.OnMessageState(
				func(accounts map[string]int, _ string) actions.Transition[map[string]int] {
					for name := range accounts {
						return actions.Next(accounts, actions.Send(Deposit{name, 1}))
					}
					return actions.Next(accounts)
				})),
		)).Named("benefactor"))
		m.Perform(actions.Send("now"))
	})
	fmt.Println(len(failures.errors), "failure")
	fmt.Println(failures.errors[0][:len("vmtest: not pure: two runs with the same arguments differ")])
	// Output:
	// 1 failure
	// vmtest: not pure: two runs with the same arguments differ
}
