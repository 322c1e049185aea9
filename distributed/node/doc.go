// Package node starts nodes, and runs programs at places on them.
//
// A node is a process of the operating system with a machine. A program starts others with a
// [Launcher]: [Local] is a process on this machine, which runs the same binary, [SSH] one on
// another machine. What they can run are a [Program] each, a Go function with arguments, which
// all nodes know under its name:
//
//	var Server = node.NewProgram("bank", func(r Rules) actions.SpawnProcess { … })
//
//	func main() {
//		node.Main(Server) // does not return in a process that was started as a node
//		here := node.Private("master").Start(ctx)
//		defer here.Close()
//		err := here.Spawn(ctx, "far", node.Local{}, node.Always)
//		…
//		err = here.Run(ctx, distributed.Place{Node: "far", Name: "bank"}, Server.With(Rules{}), node.Always)
//		…
//		balance, err := rpc.Do(ctx, here.Client(), bank.Add, change, rpc.At(vault))
//	}
//
// # To want something keeps it
//
// Nothing is started and stopped; it is wanted. [Spawn] returns an endpoint that wants a node,
// and [Run] one that wants a program at a place. While such an endpoint is open, there is
// what it wants; its peer is present while it runs, and absent, with the reason, when it has
// ended. So it ends with the process that wants it, two processes share what both want, and a
// node whose parent is gone runs nothing. A [Restart] says when something is started again.
//
// [Host] does the same for Go code that is no process.
//
// # What runs where
//
// A node begins with a keeper ([Config.Keep]), which makes it the place with the name "", and
// nothing else. For each place that is wanted, the keeper has a supervisor, which runs a
// nested machine with the program, a driver of places and one of timers. When the program
// ends, for whatever reason, the machine does, too; the other places of the node do not
// notice.
//
// # How a node begins and ends
//
// The parent writes who the node is, and its credentials, to the standard input of the
// process, so no secret is among its arguments or in its environment. The node answers with a
// line that says where it listens, and the parent tells the other nodes that it has started.
// From then on they are nodes like any others: see package distributed.
//
// A node ends when its standard input does, at the latest 50 ms later, whatever it does at
// that time. So it ends with its parent, also if that is killed. The parent hears of the end
// of a node when the process ends, and of a node that stands still after a lease. What a node
// prints comes to its parent as an [Output].
//
// # Who may do what
//
// All nodes of a realm may have a node run its programs, and end it ([Exit]); others cannot
// connect. No code, path or type comes from another node: a program is known by its name, and
// only those that were given to [Main] or [New] are run. Only processes in the machine of a
// node can make it start nodes ([Spawn]).
//
// The machine of a [Host] is a place, the one with the name "". So other nodes of the realm
// also reach the drivers and servers that are in it: put those that must not be reached into
// a nested machine, or forbid that by [distributed.Config].Admission.
package node
