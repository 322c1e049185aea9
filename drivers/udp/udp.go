package udp

import (
	"github.com/go-marketplace/marketplace/topic"
)

// A Packet is a datagram.
type Packet struct {
	// Source is where the packet comes from: a numeric [Remote] if it has arrived,
	// a [Handle] or a [Listener] if a process sends it.
	Source Addr

	// Destination is where the packet goes to: a [Handle] or a [Listener] if it has
	// arrived, a [Remote] if a process sends it. A Packet between two local
	// addresses does not leave the machine: the subscribers of what arrives at its
	// destination get it from the sender.
	Destination Addr

	// Body has the bytes of the datagram. It may be empty. Nobody may write to it.
	Body []byte

	// Truncated says that the datagram was longer than [Config.ReceiveBuffer], and
	// the rest of it is lost. It has no meaning in a Packet that a process sends.
	Truncated bool
}

// The fields of [Packet] that topics can pin.
var (
	Source      = topic.FieldOf(func(p *Packet) *Addr { return &p.Source })
	Destination = topic.FieldOf(func(p *Packet) *Addr { return &p.Destination })
)

// truncated is the field that the driver pins to see who publishes packets, without
// getting most of the packets.
var truncated = topic.FieldOf(func(p *Packet) *bool { return &p.Truncated })

// Arriving is the topic of all that arrives at a local address.
func Arriving(at Addr) topic.Pattern[Packet] { return topic.Where(Destination.Is(at)) }

// Leaving is the topic of all that is sent from a local address.
func Leaving(from Addr) topic.Pattern[Packet] { return topic.Where(Source.Is(from)) }

// Flow is the topic of what goes from one address to another. A publisher of a flow
// from a local address to a [Remote] sees the socket as a subscriber, once it is open.
func Flow(from, to Addr) topic.Pattern[Packet] {
	return topic.Where(Source.Is(from), Destination.Is(to))
}

// The presence of a Listening says that there is a socket for the local address At.
//
// If the driver cannot open one, a Listening without Bound is present for a moment, and
// then absent, with the reason. If the socket fails later, the absence has a reason,
// too. The absence has none when the driver closes the socket because nobody needs it
// any more. The driver tries again when another process needs the address.
type Listening struct {
	At    Addr // the Handle or the Listener that a process uses
	Bound Addr // a Remote with the actual address and port of the socket
}

// The fields of [Listening] that topics can pin.
var (
	At    = topic.FieldOf(func(l *Listening) *Addr { return &l.At })
	Bound = topic.FieldOf(func(l *Listening) *Addr { return &l.Bound })
)

// ListeningAt is the topic of the [Listening] of a local address.
func ListeningAt(at Addr) topic.Pattern[Listening] { return topic.Where(At.Is(at)) }

// Undelivered says that a [Packet] could not be sent. A Packet without one may still
// get lost: the driver does not know what happens outside this host.
type Undelivered struct {
	Source, Destination Addr // of the packet

	// Reason says why. It matches, by [errors.Is], the error of the system, such
	// as syscall.EMSGSIZE for a packet that is too long, or
	// [world.ErrHostNotFound] for an unknown name.
	Reason error
}

// The fields of [Undelivered] that topics can pin.
var (
	UndeliveredSource      = topic.FieldOf(func(u *Undelivered) *Addr { return &u.Source })
	UndeliveredDestination = topic.FieldOf(func(u *Undelivered) *Addr { return &u.Destination })
)

// NotLeaving is the topic of the [Undelivered] of packets from a local address.
func NotLeaving(from Addr) topic.Pattern[Undelivered] {
	return topic.Where(UndeliveredSource.Is(from))
}
