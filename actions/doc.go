// Package actions is the system-call interface of the virtual machine.
//
// A process never does anything. It returns values of type [Action] that say
// what should be done, and the virtual machine in which it lives does it.
// Actions form trees: a [Tree] is itself an action, and nil is the action that
// does nothing.
//
//	return actions.Tree{
//		actions.Send(Says{who, what}),
//		actions.When(done, actions.Quit()),
//	}
//
// What a process does next is a [Transition]: the state that it moves to, and
// actions. The first transition of a process is its specification, a
// [Process]; from then on the machine calls the transition functions with
// which the process has opened its endpoints.
//
//	counter := actions.Next(0,
//		endpoint.Subscriber(topic.All[Says](), endpoint.OnMessageState(
//			func(n int, _ Says) actions.Transition[int] { return actions.Next(n + 1) })),
//	)
//
// The set of actions is closed, and all of them are plain data that tests,
// tools and journals can look into. Those that open endpoints are made with
// package endpoint, which is to this package what a C library is to system
// calls.
//
// # Rules for transition functions
//
// A transition function is pure: it reads nothing but its arguments, and does
// nothing but return. States and messages are immutable: what they point to is
// not written to again. The machine relies on it when it replays a run.
package actions
