package udp

import (
	"github.com/go-marketplace/marketplace/topic"
)

// A Packet is a datagram.
type Packet struct {
	// Source is where it comes from: a numeric [Remote] for one that has
	// arrived, a [Handle] or a [Listener] for one that is sent.
	Source Addr

	// Destination is where it goes to: a [Handle] or a [Listener] for one that
	// has arrived, a [Remote] for one that is sent. A Packet between two local
	// addresses does not leave the machine: whoever subscribes to what arrives
	// at its destination has it from the sender.
	Destination Addr

	// Body is what the datagram carries. It may be empty. Nobody writes to it
	// any more.
	Body []byte

	// Truncated says that the datagram was longer than [Config.ReceiveBuffer]:
	// the rest of it is lost. In a Packet that is sent it means nothing.
	Truncated bool
}

// The fields of [Packet] that topics can pin.
var (
	Source      = topic.FieldOf(func(p *Packet) *Addr { return &p.Source })
	Destination = topic.FieldOf(func(p *Packet) *Addr { return &p.Destination })
)

// truncated is pinned by the driver, which wants to see who publishes packets,
// but not the packets.
var truncated = topic.FieldOf(func(p *Packet) *bool { return &p.Truncated })

// Arriving is the topic of all that arrives at a local address.
func Arriving(at Addr) topic.Pattern[Packet] { return topic.Where(Destination.Is(at)) }

// Leaving is the topic of all that is sent from a local address.
func Leaving(from Addr) topic.Pattern[Packet] { return topic.Where(Source.Is(from)) }

// Flow is the topic of what goes from one address to another. A publisher of a
// flow from a local address to a [Remote] sees the socket as a subscriber, once
// it is there.
func Flow(from, to Addr) topic.Pattern[Packet] {
	return topic.Where(Source.Is(from), Destination.Is(to))
}

// Listening says, by its presence, that there is a socket for the local address
// At.
//
// When there cannot be one, a Listening without Bound is present for a moment,
// and then absent, with the reason. When a socket fails later, there is a
// reason, too; there is none when it is closed because nobody needs it any more.
// The driver tries again when somebody else comes who needs it.
type Listening struct {
	At    Addr // the Handle or the Listener that has been asked for
	Bound Addr // a Remote: the address and the port of the socket in fact
}

// The fields of [Listening] that topics can pin.
var (
	At    = topic.FieldOf(func(l *Listening) *Addr { return &l.At })
	Bound = topic.FieldOf(func(l *Listening) *Addr { return &l.Bound })
)

// ListeningAt is the topic of whether and where there is a socket for a local
// address.
func ListeningAt(at Addr) topic.Pattern[Listening] { return topic.Where(At.Is(at)) }

// Undelivered says that a [Packet] could not be sent. That there is none does
// not say that one has arrived: what happens outside this host, nobody tells.
type Undelivered struct {
	Source, Destination Addr // of the packet

	// Reason is why. It matches, by [errors.Is], what the system said, such as
	// syscall.EMSGSIZE for a packet that is too long, or
	// [world.ErrHostNotFound] for a name that nobody knows.
	Reason error
}

// The fields of [Undelivered] that topics can pin.
var (
	UndeliveredSource      = topic.FieldOf(func(u *Undelivered) *Addr { return &u.Source })
	UndeliveredDestination = topic.FieldOf(func(u *Undelivered) *Addr { return &u.Destination })
)

// NotLeaving is the topic of what could not be sent from a local address.
func NotLeaving(from Addr) topic.Pattern[Undelivered] {
	return topic.Where(UndeliveredSource.Is(from))
}
