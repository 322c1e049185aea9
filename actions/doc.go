// Package actions is the system-call interface of the virtual machine.
//
// A process never does anything. It returns values of type [Action] that say
// what to do, and the virtual machine in which it lives does it. Actions form
// trees: a [Tree] is itself an action, and nil is the action that does nothing.
//
//	return actions.Tree{
//		actions.Send(Says{who, what}),
//		actions.When(done, actions.Quit()),
//	}
//
// A [Transition] is one step of a process: its next state, and actions. The first
// transition of a process is its specification, a [Process]. After it, the machine
// calls the transition functions of the endpoints that the process has opened.
//
//	counter := actions.Next(0,
//		endpoint.Subscriber(topic.All[Says](), endpoint.OnMessageState(
//			func(n int, _ Says) actions.Transition[int] { return actions.Next(n + 1) })),
//	)
//
// The set of actions is closed. All actions are plain data that tests and tools can
// inspect. Package endpoint makes those that open endpoints: it is to this package
// what a C library is to system calls.
//
// # Errors
//
// An action is not a function call, so it returns no error. An action that cannot
// be performed, such as one with a handler for another type of state, ends the
// process; the errors are those of package vm. An action on an endpoint, a process
// or a device that does not exist is ignored and counted.
//
// # Rules for transition functions
//
// A transition function is pure: it reads nothing but its arguments, and does
// nothing but return. States and messages are immutable: do not write to them, or to
// anything that they point to, after you have returned or sent them. Snapshots and
// replays rely on these rules.
package actions
