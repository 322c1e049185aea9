package actions_test

import (
	"context"
	"fmt"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
)

// Example_raw shows LL-02 and LL-03, ExampleFresh HL-64, ExampleSpawnThen HL-83.

// Says is the language of a chat room.
type Says struct{ Who, What string }

var Who = topic.FieldOf(func(s *Says) *string { return &s.Who })

// A session is one person in the room, written with the system calls alone:
// roles and events are plain data, and one transition function looks at what has
// happened.
type session struct {
	user  string
	heard int
}

func (s session) start() actions.Process {
	return actions.Next(s,
		actions.AddEndpoint{ID: "mouth", Role: topic.Role{
			Orientation: topic.Publisher,
			Topic:       topic.Where(Who.Is(s.user)).Topic(),
		}},
		actions.AddEndpoint{ID: "ears", Handler: actions.HandlerOf(session.hear), Role: topic.Role{
			Orientation: topic.Subscriber,
			Topic:       topic.All[Says]().Topic(),
		}},
	)
}

func (s session) hear(ev *actions.Event) actions.Transition[session] {
	switch ev.Kind {
	case actions.Presence:
		fmt.Printf("%s sees %v\n", s.user, ev.Peer.Topic)
		return actions.Next(s, actions.When(!ev.Self, actions.Send(Says{s.user, "hello"})))
	case actions.Absence:
		fmt.Printf("%s misses %v: %v\n", s.user, ev.Peer.Topic, ev.Reason)
	case actions.Delivery:
		m, _ := topic.As[Says](ev.Message)
		s.heard++
		fmt.Printf("%s hears %s say %q\n", s.user, m.Who, m.What)
		if s.user == "bob" && m.Who == "ann" {
			return actions.Next(s, actions.Fail(fmt.Errorf("bob had to go after %d lines", s.heard)))
		}
	}
	return actions.Next(s)
}

// The raw interface: no constructors but those of this package.
func Example_raw() {
	ground.Run(context.Background(),
		actions.SpawnProcess{Name: "ann", Boot: func(actions.PID) actions.Process { return session{user: "ann"}.start() }},
		actions.SpawnProcess{Name: "bob", Boot: func(actions.PID) actions.Process { return session{user: "bob"}.start() }},
	)
	// Output:
	// ann sees actions_test.Says{Who: "ann"}
	// ann sees actions_test.Says{Who: "bob"}
	// bob sees actions_test.Says{Who: "bob"}
	// bob sees actions_test.Says{Who: "ann"}
	// ann hears ann say "hello"
	// bob hears ann say "hello"
	// bob hears bob say "hello"
	// ann hears bob say "hello"
	// ann misses actions_test.Says{Who: "bob"}: bob had to go after 1 lines
}

func ExampleWhen() {
	quit := func(done bool) actions.Action { return actions.When(done, actions.Quit()) }
	fmt.Println(quit(true), quit(false))
	// Output: quit <nil>
}

func ExampleLeaves() {
	tree := actions.Tree{
		actions.Quit(),
		nil,
		actions.Tree{actions.Delete("a"), actions.Tree{}, actions.Tree{nil, actions.Delete("b")}},
		actions.When(false, actions.Delete("c")),
	}
	for a := range actions.Leaves(tree) {
		fmt.Println(a)
	}
	// Output:
	// quit
	// delete endpoint "a"
	// delete endpoint "b"
}

func ExampleTransition_Then() {
	push := func(n int) func([]int) actions.Transition[[]int] {
		return func(s []int) actions.Transition[[]int] {
			return actions.Next(append(s[:len(s):len(s)], n), actions.Send(n))
		}
	}
	t := actions.Next([]int(nil)).Then(push(1)).Then(push(2)).And(actions.Quit())
	fmt.Println(t.State)
	for a := range actions.Leaves(t.Actions) {
		fmt.Println(a)
	}
	// Output:
	// [1 2]
	// send 1
	// send 2
	// quit
}

func ExampleSequence() {
	double := func(n int) actions.Transition[int] { return actions.Next(2*n, actions.Send(n)) }
	t := actions.Sequence(1, double, double, double)
	fmt.Println(t.State)
	for a := range actions.Leaves(t.Actions) {
		fmt.Println(a)
	}
	// Output:
	// 8
	// send 1
	// send 2
	// send 4
}

func ExampleSpawnThen() {
	child := actions.Stateless(actions.Quit())
	ground.Run(context.Background(), actions.Spawn(actions.Next("parent",
		actions.SpawnThen(child, func(s string, pid actions.PID) actions.Transition[string] {
			fmt.Println(s, "has child", pid)
			return actions.Next(s)
		}))))
	// Output: parent has child 3
}

func ExampleYield() {
	step := func(text string) actions.Action {
		return actions.Yield(func(struct{}) actions.Transition[struct{}] { fmt.Println(text); return actions.Stateless() })
	}
	ground.Run(context.Background(),
		actions.Spawn(actions.Stateless(step("ann, then"), step("ann again"))),
		actions.Spawn(actions.Stateless(step("bob"))),
	)
	// Output:
	// ann, then
	// ann again
	// bob
}

func ExampleFresh() {
	ground.Run(context.Background(), actions.Spawn(actions.Next(0,
		actions.Fresh(func(n int, name actions.EndpointID) actions.Transition[int] {
			e := actions.AddEndpoint{ID: name, Role: topic.Role{Topic: topic.All[Says]().Topic()}}
			fmt.Println(e)
			return actions.Next(n, e, actions.Delete(name))
		}))))
	// Output: open publisher of actions_test.Says{} as vm.FreshID(1)
}

func ExampleAtMeta() {
	shout := actions.AtMeta(actions.AtMeta(actions.Send(Says{"somebody", "hello up there"})))
	ground.Run(context.Background(),
		actions.AddEndpoint{
			Role: topic.Role{Orientation: topic.Subscriber, Topic: topic.All[Says]().Topic()},
			Handler: &actions.Handler{Run: func(state any, ev *actions.Event) (any, actions.Action) {
				fmt.Println(ev)
				return state, nil
			}},
		},
		actions.Spawn(vm.Nested(actions.Spawn(vm.Nested(shout)))),
	)
	// Output: actions_test.Says{Who: "somebody", What: "hello up there"}
}
