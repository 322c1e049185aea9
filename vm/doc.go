// Package vm is the virtual machine: the kernel that performs the actions of
// processes, and tells their endpoints what happens.
//
// Most programs run a machine with package ground, which opens the devices that
// processes hold, and gives the machine their values:
//
//	err := ground.Run(ctx, tcp.Driver(), serve(addr))
//
// This package is the machine alone. It starts no goroutine, reads no clock, and
// opens no device. A [Machine] is driven by hand: the caller applies an [Input], and
// carries out each [Command] that the machine returns. Nothing else enters a machine,
// so its inputs determine a run. A [State] is a machine as a value, and [State.Step]
// a pure function on it, which is slower.
//
// A machine is itself a process: [Nested] makes one to be spawned inside
// another.
//
// # Order
//
// In each machine there is one order of events, and it is the same on every run and
// on every computer. A machine works in rounds. In a round, each process with actions
// in its queue has a turn, in the order of PIDs. In its turn it performs the actions
// that are in its queue by then; actions that are added later wait for its next turn.
//
// When an action causes events, the machine calls all handlers for them before it
// performs the next action. The actions that handlers return go to the queues of
// their processes.
//
// A message goes to the endpoints of its sender first, and then to all others, by
// PID, and within a process in the order in which it opened them. So does the news
// that an endpoint comes or goes: each peer is told of the endpoint, and then the
// endpoint of the peer.
//
// So the messages of one sender arrive in the order in which it sent them, and any
// two messages arrive in the same order at all endpoints.
//
// # Presence
//
// Two endpoints have a conversation if one is a publisher, the other a subscriber,
// and their topics have a message in common. Each is told once when the conversation
// begins, and once, with the reason, when it ends, if it sees the other: see
// [topic.Role.Sees]. A process that has ended is told nothing more. A process that
// ends another is told like every other peer.
//
// # Removal
//
// A process does not have to quit. The machine removes a process to which nothing can
// happen any more: it has no action to perform, no endpoint, no device and no monitor.
// Only those that monitor the process are told. See [Nested] for nested machines.
//
// # Failure
//
// A transition function that panics, or calls runtime.Goexit, ends its process, as if
// it had kept the state and returned [actions.Fail]: the actions before that in the
// queue are still performed. A process also ends if an action cannot be performed,
// such as one that opens an endpoint with a handler for another type of state. The
// reason is a [PanicError], or wraps one of the Err variables of this package. Other
// processes go on.
//
// # Monitors
//
// A process that monitors another one of the same machine ([actions.MonitorProcess]) is
// told once when that has gone: when it has ended, after its peers, and when the machine
// has removed it. Several are told in the order of their PIDs. A parent can monitor its
// child from its start ([actions.SpawnProcess.Monitored]); a child that fails in its
// first transition ends like any other process. A process with a monitor is not
// removed, because something can happen to it; its monitor keeps no other process. A
// monitor can bind the other process: then that ends when its owner ends.
//
// # Images
//
// [State.Parts] takes a machine at rest apart, and [Parts.State] puts it together.
// Package image saves the parts as plain data, if all processes are of known types
// (see [actions.Type]), and restores the machine, which goes on as if nothing had
// happened.
//
// # Bounds
//
// The queue of actions of each process is bounded: see [Limits]. A process whose
// queue overflows ends with [ErrOverflow]. [Stats] counts dropped actions and lost
// messages. [Machine.Watch] shows all that happens, and [Machine.Warn] what is most
// likely a mistake.
package vm
