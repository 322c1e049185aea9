// Package vm is the virtual machine: the kernel that performs the actions of
// processes, and tells their endpoints what happens.
//
// Most programs run a machine by package ground, which opens the devices that
// processes hold, and gives the machine what comes from them:
//
//	err := ground.Run(ctx, tcp.Driver(), serve(addr))
//
// This package is the machine alone. It starts no goroutine, reads no clock, and
// opens nothing. [State] is a machine as a value, and [State.Step] a pure function
// on it. [Machine] is the same, driven by hand, and fast: an [Input] goes in, and
// each [Command] that comes out says what to do outside. Nothing enters a machine
// but inputs, so the inputs of a run determine it.
//
// A machine is itself a process: [Nested] makes one to be spawned inside
// another.
//
// # Order
//
// In each machine there is one order of events, and it is the same on every
// run and on every computer. A machine works in rounds. In a round every
// process that has actions to perform has a turn, in the order of PIDs, and
// performs what it has had so far; what comes up meanwhile is for its next
// turn. Transition functions are called at once, so that those of a message,
// or of somebody's coming or going, have all been called before the next
// action is performed.
//
// A message goes to the endpoints of its sender first, and then to all others,
// by PID, and in the order in which a process has opened them. So does the
// news of an endpoint that comes or goes; between two endpoints, the one that
// was there hears first.
//
// Messages from one sender are received in the order sent; any two messages
// are received in the same order by everybody.
//
// # Presence
//
// Two endpoints converse if they face each other and their topics have a
// message in common. Each is told when a conversation begins, once, and when it
// ends, once, with the reason; [topic.Role.Sees] says who sees whom. A process
// that has ended hears nothing any more. Whoever ends another process hears of
// it like everybody else.
//
// # Failure
//
// A transition function that panics, or calls runtime.Goexit, ends its process,
// with the reason; what it would have returned is lost, and what its process
// has asked for before is still done. So does a process end that does what
// cannot be done, such as opening an endpoint with a handler for another type
// of state. No other process is harmed.
//
// # Images
//
// A machine at rest can be taken apart: see [State.Parts]. Package image writes the
// parts down as plain data, if all processes are of known types, see
// [actions.Type], and makes the machine anew. It then goes on as if nothing had
// happened.
//
// # Bounds
//
// Every queue is bounded: see [Limits]. A process whose queue overflows ends with
// [ErrOverflow]. What is dropped is counted in [Stats], and shown to watchers: see
// [Machine.Watch].
package vm

import ()
