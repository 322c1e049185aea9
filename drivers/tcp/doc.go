// Package tcp lets processes talk over TCP.
//
// A connection is a pair of flows of [Data], one in each direction, between two
// addresses: that of the peer, a [Remote], and that on this side, which is a
// [Listener] or a [Handle]. A process takes part in a connection by publishing
// one flow and subscribing to the other, and the [Driver], a process of the
// same machine, turns that into a socket.
//
// # Servers
//
// The driver listens at an address for as long as somebody observes what
// arrives there. Each connection that comes in is a publisher that the observer
// sees:
//
//	endpoint.ObservePublishers(tcp.Arriving(tcp.Listener("", 5999)),
//		endpoint.OnPresence(func(c tcp.Data) actions.Action {
//			return actions.Spawn(session(c.From, c.To))
//		}),
//	)
//
// and the session that it spawns takes part in both flows:
//
//	func session(them, us tcp.Addr) actions.Process {
//		return actions.Stateless(
//			endpoint.Publisher(tcp.Flow(us, them)),
//			endpoint.Subscriber(tcp.Flow(them, us),
//				endpoint.OnMessage(func(d tcp.Data) actions.Action { … }),
//				endpoint.OnAbsence(func(tcp.Data, error) actions.Action { return actions.Quit() }),
//			),
//		)
//	}
//
// What arrives waits in the socket until somebody subscribes. A connection that
// nobody takes part in is closed after a while, with [ErrUnclaimed]. Where the
// driver listens, and why it does not, is told by the presence and the absence
// of [Listening].
//
// # Clients
//
// The driver connects when somebody publishes a flow from a [Handle], a local
// address with a name of the process's choice, to a [Remote], or subscribes to
// the flow back. The connection exists once the other side of these flows is
// present; what is sent before that goes nowhere. If it cannot be made, the
// other side appears and is gone at once, with the reason. There is one
// connection for one handle and one remote address, however many take part.
//
// # The end
//
// At the end of what the peer sends there is a message with [Data].EOF, and then
// the flow is absent. The other flow is still there: a process that wants to
// say more goes on publishing. A message with EOF ends the other direction. A
// connection is closed when both directions have come to their end; or when
// nobody takes part in it any more, after all that was sent has been written. A
// handover from one process to another does not interrupt it. When a connection
// fails, both flows are absent, with a reason that names the address.
//
// A peer that takes data more slowly than processes send it lets a queue grow,
// and the connection fails with [ErrSlowConsumer] when that is full.
package tcp
