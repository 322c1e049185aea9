package vm_test

import (
	"fmt"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// kettle sends a message when its alarm rings.
func kettle() actions.SpawnProcess {
	alarm := world.Alarm{Clock: world.SystemClock(), After: 3 * time.Minute}
	return actions.Spawn(actions.Stateless(
		endpoint.Device(alarm, endpoint.OnValue(func(world.AlarmRang) actions.Action {
			return actions.Send("the water boils")
		})),
	)).Named("kettle")
}

// drinker counts messages, and prints them.
func drinker() actions.SpawnProcess {
	return actions.Spawn(actions.Next(0,
		endpoint.Subscriber(topic.All[string](), endpoint.OnMessageState(func(n int, m string) actions.Transition[int] {
			fmt.Println("message:", m)
			return actions.Next(n + 1)
		})).As("messages"),
	)).Named("drinker")
}

// A machine driven by hand: the caller plays the outside. It applies inputs, and
// would carry out the commands that each Apply returns.
func ExampleMachine() {
	m := vm.New(kettle(), drinker())
	var alarm *vm.Address
	apply := func(in vm.Input) {
		fmt.Println(">", in.Kind)
		for _, c := range m.Apply(in) {
			fmt.Println("<", c.Kind, "for process", c.Address.Path)
			alarm = c.Address
		}
		for m.Busy() { // Limits.Steps bounds the work for one input
			m.Apply(vm.Input{Kind: vm.Continue})
		}
	}
	apply(vm.Input{Kind: vm.Start})
	apply(vm.Input{Kind: vm.Value, Address: alarm, Value: world.AlarmRang{}})
	apply(vm.Input{Kind: vm.End, Address: alarm})
	for p := range m.Processes() {
		fmt.Println(p.Path, p.Name, p.State)
	}
	apply(vm.Input{Kind: vm.StopAsked})
	fmt.Println("stopped:", m.Stopped())
	// Output:
	// > start
	// < open for process 2
	// > value
	// message: the water boils
	// > end
	// 3 drinker 1
	// > stop asked
	// stopped: true
}

// A State never changes, so two machines can go on from the same one.
func ExampleState() {
	m := vm.New(kettle(), drinker())
	alarm := m.Apply(vm.Input{Kind: vm.Start})[0].Address
	before := m.Snapshot()

	after, _ := before.Step(vm.Input{Kind: vm.Value, Address: alarm, Value: world.AlarmRang{}})
	for _, s := range []vm.State{before, after} {
		p, _ := s.Machine(nil).Process(vm.Path{3})
		fmt.Println(p.Name, p.State)
	}
	// Output:
	// message: the water boils
	// drinker 0
	// drinker 1
}

// A machine at rest, taken apart and put together again.
func ExampleState_Parts() {
	m := vm.New(kettle(), drinker())
	m.Apply(vm.Input{Kind: vm.Start})
	s := m.Snapshot()
	if err := s.AtRest(); err != nil {
		fmt.Println(err) // some work would be missing in the parts
	}

	parts := s.Parts()
	for i, p := range parts.Processes {
		fmt.Println(parts.Path(i), p.Name, p.State)
		for _, e := range p.Endpoints {
			fmt.Println("  endpoint", e.ID, "is", e.Role)
		}
		for _, d := range p.Devices {
			fmt.Println("  device", d.Generation, "is", d.Device.DeviceName())
		}
	}
	again, err := parts.State()
	fmt.Println(again.Digest() == s.Digest(), err)
	// Output:
	// 2 kettle {}
	//   device 1 is world.Alarm("system", 180000000000ns, "")
	// 3 drinker 0
	//   endpoint messages is subscriber of string{}
	// true <nil>
}
