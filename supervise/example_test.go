package supervise_test

import (
	"context"
	"fmt"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/supervise"
	"github.com/go-marketplace/marketplace/topic"
)

// A counter fails at the third message.
type counter int

type tick struct{ N int }

var counters = actions.Define("example.counter", func(counter) actions.Action {
	return endpoint.Subscriber(topic.All[tick](), endpoint.OnMessageState(func(c counter, t tick) actions.Transition[counter] {
		if c++; c == 3 {
			return actions.Next(c, actions.Fail(fmt.Errorf("cannot count to %d", c)))
		}
		fmt.Printf("tick %d: %d\n", t.N, c)
		return actions.Next(c)
	}))
})

type counting struct{}

var countings = supervise.Define[counting]("example.counting", supervise.Spec{Intensity: 1},
	supervise.Child{Name: "counter", Start: counters.Spawn(0)})

func Example() {
	ticks := endpoint.ObserveSubscribers(topic.All[tick](),
		endpoint.OnPresence(func(tick) actions.Action {
			return actions.Tree{actions.Send(tick{1}), actions.Send(tick{2}), actions.Send(tick{3})}
		}))
	ends := endpoint.ObservePublishers(topic.All[supervise.Running](),
		endpoint.OnPresence(func(r supervise.Running) actions.Action { fmt.Println(r.Child, "runs"); return nil }),
		endpoint.OnAbsence(func(r supervise.Running, reason error) actions.Action {
			fmt.Println(r.Child, "has ended:", reason)
			return nil
		}))
	report := endpoint.Monitor(0, func(_ actions.PID, reason error) actions.Action { fmt.Println(reason); return nil })
	ground.Run(context.Background(), ticks, ends, countings.Spawn().Monitored(report))
	// Output:
	// counter runs
	// tick 1: 1
	// tick 2: 2
	// counter has ended: cannot count to 3
	// counter runs
	// tick 1: 1
	// tick 2: 2
	// counter has ended: cannot count to 3
	// supervise: example.counting gives up after 2 ends of children in 5s: counter: cannot count to 3; counter: cannot count to 3
}

// A supervisor is a child like any other.
func ExampleDefine() {
	type program struct{}
	programs := supervise.Define[program]("example.program",
		supervise.Spec{Strategy: supervise.RestForOne},
		supervise.Child{Name: "counting", Start: countings.Spawn()},
		supervise.Child{Name: "once", Start: actions.Spawn(actions.Stateless()), Restart: supervise.Temporary},
	)
	fmt.Println(programs.Name)
	// Output:
	// example.program
}
