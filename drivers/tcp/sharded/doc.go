// Package sharded distributes the connections of one listening socket to several
// machines, so that a server uses all processors.
//
// A machine is one thread of control. A [Listener] runs several machines, its
// workers, each on a ground of its own. It gives each incoming connection to one
// worker, strictly in turn unless a [Policy] says otherwise. The code of the server is
// the same as on a single machine, except for the address and the driver, which it
// gets from its [Worker]:
//
//	l, err := sharded.Listen(ctx, ":5999", func(w sharded.Worker) actions.Process {
//		return actions.Stateless(
//			w.Driver(),
//			endpoint.ObservePublishers(tcp.Arriving(w.Listener()),
//				endpoint.OnPresence(func(d tcp.Data) actions.Action {
//					return actions.Spawn(session(d.Connection()))
//				}),
//			),
//		)
//	})
//
// # Life
//
// A worker has booted when its machine listens, that is, when one of its processes
// observes what arrives. The Listener accepts no connection before all workers have
// booted. If one fails to boot, Listen undoes everything, and its error names the
// worker.
//
// A worker dies when its machine listens no more: the machine has ended, or none of
// its processes observes any more what arrives, for example after a crash. Then the
// Listener starts another machine in its place, which gets the connections that have
// waited meanwhile. If the old machine still runs, it keeps the connections that it
// has. With [Config].OnDeath, the Listener stops instead.
//
// # Connections
//
// Accepted connections wait for their worker in a queue of bounded length. A worker
// whose queue is full loses its turn. While all queues are full, the Listener accepts
// nothing, and connections wait in the queue of the operating system. The Listener
// hands each accepted connection over to a machine. If there is none any more, it
// closes the connection, and logs how many these are.
package sharded
