// Package udp lets processes exchange datagrams.
//
// A datagram is a [Packet], from one address to another: that of a peer, a
// [Remote], and a local one, which is a [Listener] or a [Handle]. A process that
// subscribes to what arrives at a local address, or publishes what leaves it,
// has the [Driver], a process of the same machine, open a socket there. There is
// one socket for one local address, however many need it, and it is closed when
// the last of them has gone. A handover from one process to another does not
// interrupt it.
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
// Where the socket is, and why there is none, is told by the presence and the
// absence of [Listening]. A port that cannot be had is the problem of those who
// have asked for it, and of nobody else.
//
// # Clients
//
// A client chooses a [Handle], a local address with a name of its own, of which
// the system chooses the port. What is sent before the socket is there goes
// nowhere, so it waits until its peer is present:
//
//	us, them := udp.Handle("question"), udp.Remote("time.example.com", 37)
//
//	endpoint.Publisher(udp.Flow(us, them), endpoint.OnPresence(func(udp.Packet) actions.Action {
//		return actions.Send(udp.Packet{Source: us, Destination: them})
//	})),
//	endpoint.Subscriber(udp.Arriving(us), endpoint.OnMessage(…)),
//
// A publisher of all that is [Leaving] the address would also see its own
// subscriber: one can send to oneself.
//
// # What becomes of packets
//
// Datagrams get lost, arrive twice, or late; who has to know asks again. But when
// it is known that a packet has not been sent, because it is too long, or there
// is no way to its destination, or its name is unknown, then the driver says so,
// with [Undelivered], and that harms nobody else.
//
// A datagram that is longer than the receive buffer is cut off, and marked: see
// [Packet.Truncated]. What arrives while nobody subscribes to it is lost.
//
// A packet from one local address to another is for whoever subscribes there, as
// any message is, and does not get to the network. One to the Remote of a
// socket of the same machine goes through the network, and comes back.
package udp
