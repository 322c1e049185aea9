// Package udp lets processes exchange datagrams over UDP.
//
// A datagram is a [Packet] with two addresses: that of a peer, a [Remote], and a local
// one, a [Listener] or a [Handle]. When a process subscribes to what arrives at a local
// address, or publishes what leaves it, the [Driver], a process of the same machine,
// opens a socket there. There is one socket for one local address, however many
// processes need it. The driver closes it when the last of them has gone. A handover
// from one process to another does not interrupt it.
//
// # Servers
//
// This one sends back what it gets:
//
//	at := udp.Listener("", 7)
//
//	endpoint.Subscriber(udp.Arriving(at), endpoint.OnMessage(func(p udp.Packet) actions.Action {
//		return actions.Send(udp.Packet{Source: at, Destination: p.Source, Body: p.Body})
//	}))
//
// The presence of a [Listening] says where the socket is bound; its absence says why
// there is none. If the driver cannot open a socket, that affects only the processes
// that need it.
//
// # Clients
//
// A client uses a [Handle], a local address with a name that the client chooses; the
// system chooses the port. What it sends before the socket is open is lost, so it waits
// until its peer is present:
//
//	us, them := udp.Handle("question"), udp.Remote("time.example.com", 37)
//
//	endpoint.Publisher(udp.Flow(us, them), endpoint.OnPresence(func(udp.Packet) actions.Action {
//		return actions.Send(udp.Packet{Source: us, Destination: them})
//	})),
//	endpoint.Subscriber(udp.Arriving(us), endpoint.OnMessage(…)),
//
// A publisher of all that is [Leaving] the address would also see its own subscriber,
// because a process can send to itself.
//
// # Loss
//
// Datagrams get lost, or arrive twice, or late; a process that needs an answer asks
// again. If the driver knows that it could not send a packet, because the packet is too
// long, or there is no route, or the name of the host is unknown, it sends an
// [Undelivered]. Other packets are not affected.
//
// A datagram that is longer than the receive buffer is truncated, and marked: see
// [Packet.Truncated]. What arrives while nobody subscribes to it is lost.
//
// A packet from one local address to another goes to the subscribers there, as any
// message does, and not to the network. A packet to the Remote of a socket of the same
// machine goes through the network.
package udp
