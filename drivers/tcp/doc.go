// Package tcp lets processes talk over TCP.
//
// A connection is a pair of flows of [Data], one in each direction, between two
// addresses: that of the peer, a [Remote], and that on this side, which is a
// [Listener] or a [Handle]. A process takes part in a connection by publishing
// one flow and subscribing to the other, and the [Driver], a process of the
// same machine, turns that into a socket. A [Connection] holds the two
// addresses. Its methods return the two endpoints, and the actions that send.
//
// # Servers
//
// The driver listens at an address for as long as somebody observes what
// arrives there. Each connection that comes in is a publisher that the observer
// sees:
//
//	endpoint.ObservePublishers(tcp.Arriving(tcp.Listener("", 5999)),
//		endpoint.OnPresence(func(d tcp.Data) actions.Action {
//			return actions.Spawn(session(d.Connection()))
//		}),
//	)
//
// and the session that it spawns takes part in both flows:
//
//	func session(c tcp.Connection) actions.Process {
//		return actions.Stateless(
//			c.Publisher(),
//			c.Subscriber(
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
// the flow back:
//
//	c := tcp.Between(tcp.Handle("question"), tcp.Remote("example.com", 80))
//
// The connection exists once the other side of these flows is
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
// # Flow control
//
// What a peer sends comes as it comes, unless its receiver says otherwise, with a
// [Control] as feedback. [SetMode] cuts the flow into [Lines], or leaves it in
// [Bytes], and sets a credit, in lines or in bytes; [Grant] gives more, as the
// receiver deals with what has come:
//
//	c.SetMode(tcp.Lines(4096), 10),
//	c.Subscriber(
//		endpoint.OnMessage(func(d tcp.Data) actions.Action {
//			return actions.Tree{handle(d), c.Grant(1)}
//		}),
//	)
//
// What is beyond the credit waits, little of it here and the rest with the peer.
// Modes change at any time, and no byte is lost or repeated. A line that is
// longer than it may be ends the flow, with [ErrLineTooLong].
//
// The other way, a peer that takes data more slowly than processes send it lets
// a queue grow, and the connection fails with [ErrSlowConsumer] when that is
// full. A writer that has much to say asks with [Confirm] for a [Written] for
// each message that has left the queue, and keeps what is under way within a
// [Window].
//
// # TLS
//
// Whether TLS is spoken is part of an address, together with the name of the
// settings, which the driver has to know:
//
//	driver := tcp.Config{TLS: map[string]*tls.Config{"web": web, "client": client}}.Driver()
//	at := tcp.Listener("", 443).TLS("web")
//	server := tcp.Remote("example.com", 443).TLS("client")
//
// All else is as before. Users see a connection when the handshake is done. If
// it fails, a client hears why, with [ErrHandshake] or [ErrCertificate]; a
// server never sees such a connection, and the log has the reason. Who the peer
// is, and what has been agreed upon, is told by the presence of the [Session] of
// the connection, before its flows are there:
//
//	endpoint.ObservePublishers(c.Session(), endpoint.OnPresence(func(s tcp.Session) actions.Action { … }))
//
// A message with EOF says goodbye as TLS does. A peer that closes its side
// without that has perhaps been cut off by somebody else: then the flow does not
// come to its end, but the connection fails with [io.ErrUnexpectedEOF].
//
// # Limits
//
// The [Config] has the limits. Zero stands for the default, and a negative limit is
// a mistake. These are deadlines. A connection that misses one of the first four
// ends with a reason that says so:
//
//	DialLimit        to make a connection, with looking up the name: 30 s
//	HandshakeLimit   the TLS handshake: 10 s
//	ClaimLimit       until a process takes part in a connection: 30 s
//	IdleLimit        without anything coming or going: none
//	LingerLimit      until the peer closes a connection that is being closed: 1 s
//
// Others are for each listener, and who is beyond them waits in the queue of the
// system:
//
//	MaxConnections   that are open: no limit
//	AcceptRate       connections per second: no limit
//	AcceptBurst      connections at once, with an AcceptRate: those of a second
//
// The queue of a connection whose peer does not read is limited by the machine,
// with [ErrSlowConsumer], and what comes in by a [Mode] and its credit.
//
// # Sockets
//
// A server binds the address of its [Listener]: that of one interface, or, without
// a host, all of them. The Config has the options of sockets. Each has an effect
// where the network and the system know of it, and does no harm elsewhere:
//
//	ReadBuffer   the most bytes of one Data             all networks: 64 KiB
//	KeepAlive    probes to peers that are silent        the system's network: as package net has it
//	DialFrom     the address that connections are from  the system's network: any
//	Backlog      how many wait to be accepted           the system's network, on Unix: as many as it allows
//	NoReuse      SO_REUSEADDR is off                    the system's network, on Unix: it is on
package tcp
