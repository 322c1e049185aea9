// Package tcp lets processes talk over TCP.
//
// A connection is a pair of flows of [Data], one in each direction, between two
// addresses: that of the peer, a [Remote], and that of this side, a [Listener] or a
// [Handle]. A process takes part in a connection by publishing one flow and
// subscribing to the other. The [Driver], a process of the same machine, opens a
// socket for them. A [Connection] holds the two addresses; its methods return the
// two endpoints, and the actions that send.
//
// # Servers
//
// The driver listens at an address for as long as a process observes the publishers
// of what arrives there. Each incoming connection is such a publisher:
//
//	endpoint.ObservePublishers(tcp.Arriving(tcp.Listener("", 5999)),
//		endpoint.OnPresence(func(d tcp.Data) actions.Action {
//			return actions.Spawn(session(d.Connection()))
//		}),
//	)
//
// The session that it spawns takes part in both flows:
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
// Bytes that arrive wait in the socket until a process subscribes. The driver closes
// a connection in which no process takes part within a while, with [ErrUnclaimed].
// The presence of a [Listening] says where the driver listens; its absence says why
// the driver does not.
//
// # Clients
//
// The driver connects when a process publishes a flow from a [Handle] to a [Remote],
// or subscribes to the flow back. A Handle is a local address with a name that the
// process chooses:
//
//	c := tcp.Between(tcp.Handle("question"), tcp.Remote("example.com", 80))
//
// The connection exists once the other side of these flows is present; what a
// process sends before that is lost. If the driver cannot connect, the other side
// appears and is gone at once, with the reason. There is one connection for one
// handle and one remote address, however many processes take part.
//
// # The end
//
// When the peer ends its flow, the process gets a message with [Data].EOF, and then
// the flow is absent. The other flow is still there: a process that has more to send
// goes on publishing, and ends that flow with a message with EOF.
//
// The driver closes a connection when both flows have ended, or when no process
// takes part in it any more; it writes all that was sent before. A handover from one
// process to another does not interrupt the connection. When a connection fails,
// both flows are absent, with a reason that names the address.
//
// # Flow control
//
// By default, the driver delivers what a peer sends as it comes. The receiver can
// change that, with a [Control] as feedback. [SetMode] cuts the flow into [Lines], or
// leaves it in [Bytes], and sets a credit, in lines or in bytes. [Grant] gives more
// credit, when the receiver has handled a message:
//
//	c.SetMode(tcp.Lines(4096), 10),
//	c.Subscriber(
//		endpoint.OnMessage(func(d tcp.Data) actions.Action {
//			return actions.Tree{handle(d), c.Grant(1)}
//		}),
//	)
//
// What is beyond the credit waits, a little of it in the machine and the rest with
// the peer. A receiver may change the mode at any time; no byte is lost or repeated.
// A line that is longer than the mode allows ends the flow, with [ErrLineTooLong].
//
// In the other direction, data waits in a queue while the peer takes it more slowly
// than processes send it. When the queue is full, the connection fails with
// [ErrSlowConsumer]. A writer that sends much asks with [Confirm] for a [Written] for
// each message that has left the queue, and keeps what it has sent within a
// [Window].
//
// # TLS
//
// An address says whether the connection uses TLS, and names the settings, which the
// driver has to know:
//
//	driver := tcp.Config{TLS: map[string]*tls.Config{"web": web, "client": client}}.Driver()
//	at := tcp.Listener("", 443).TLS("web")
//	server := tcp.Remote("example.com", 443).TLS("client")
//
// Everything else is as without TLS. Processes see a connection when the handshake
// is done. If the handshake fails, a client hears why, with [ErrHandshake] or
// [ErrCertificate]; a server never sees the connection, and the log has the reason.
// The [Session] of a connection says who the peer is and what the two sides have
// negotiated. It is present before the flows are:
//
//	endpoint.ObservePublishers(c.Session(), endpoint.OnPresence(func(s tcp.Session) actions.Action { … }))
//
// A message with EOF sends a close_notify. If the peer closes its side without one,
// an attacker may have cut the flow off: the flow does not end, but the connection
// fails with [io.ErrUnexpectedEOF].
//
// # Limits
//
// The [Config] has the limits. Zero stands for the default; a negative limit is a
// mistake. These are deadlines. A connection that misses one of the first four ends
// with a reason that says so:
//
//	DialLimit        to make a connection, including the lookup of the name: 30 s
//	HandshakeLimit   the TLS handshake: 10 s
//	ClaimLimit       until a process takes part in a connection: 30 s
//	IdleLimit        without a byte in either direction: none
//	LingerLimit      until the peer closes a connection that is being closed: 1 s
//
// These hold for each listener. Connections beyond them wait in the queue of the
// operating system:
//
//	MaxConnections   open connections: no limit
//	AcceptRate       connections per second: no limit
//	AcceptBurst      connections at once, with an AcceptRate: those of a second
//
// The ground limits the queue of a connection whose peer does not read, with
// [ErrSlowConsumer]. A [Mode] and its credit limit what comes in.
//
// # Sockets
//
// A server binds the address of its [Listener]: that of one interface or, without a
// host, of all interfaces. The Config has the options of sockets, here with where
// they have an effect, and their defaults. They do no harm elsewhere:
//
//	ReadBuffer   the most bytes of one Data             all networks: 64 KiB
//	KeepAlive    probes to silent peers                 the system's network: as in package net
//	DialFrom     the source address of connections      the system's network: any
//	Backlog      connections that wait to be accepted   the system's network, on Unix: as many as it allows
//	NoReuse      turns SO_REUSEADDR off                 the system's network, on Unix: it is on
package tcp
