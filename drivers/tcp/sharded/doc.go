// Package sharded lets one listening socket feed several machines, so that a
// server uses all processors.
//
// A machine is one thread of control. A [Listener] runs several of them, its
// workers, each on a ground of its own, and deals the connections that come in
// to them, strictly in turn unless a [Policy] says otherwise. Each connection is
// seen by one worker only. The code of the server is that of a server on a
// single machine, but for the address and the driver, which it gets from its
// [Worker]:
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
// A worker has booted when its machine listens, which is when a process of it
// observes what arrives. No connection is accepted before all workers have
// booted; if one of them fails to, everything is taken back, and the error names
// it.
//
// A worker dies when its machine listens no more: because the machine has come
// to its end, or because nobody in it observes any more what arrives, say after
// a crash. Then another machine is started in its place, and gets the
// connections that have been waiting meanwhile. A machine that is still there
// goes on with the connections that it has. See [Config].OnDeath for the other
// way.
//
// # Connections
//
// What has been accepted waits in a queue of bounded length for its worker. A
// worker whose queue is full loses its turn. While all queues are full, nothing
// is accepted, so that connections wait in the queue of the operating system.
// Each connection that has been accepted is handed over to a machine or, if
// there is none any more, closed; how many these are is logged.
package sharded
