package udp

import (
	"net/netip"

	"github.com/go-marketplace/marketplace/world"
)

// The types of values and commands. They are plain data, and registered under names
// that never change.

// opened is the opening value of a socket.
type opened struct{ Bound Addr }

// received is a datagram that has arrived.
type received struct {
	From      Addr
	Body      []byte
	Truncated bool
}

// burst has several datagrams that have arrived together.
type burst struct{ All []received }

// Size implements [world.Sizer].
func (b burst) Size() int {
	n := 0
	for _, r := range b.All {
		n += len(r.Body)
	}
	return n
}

// send is a command: send a datagram to To, which is the address of Destination.
type send struct {
	Destination Addr
	To          netip.AddrPort
	Body        []byte
	Reported    int // how many bytes the report of this send stands for; 0 for no report
}

// Reports implements [world.Reporter].
func (s send) Reports() bool { return s.Reported > 0 }

// Size implements [world.Sizer].
func (s send) Size() int { return len(s.Body) }

// found is the opening value of a name: its addresses.
type found struct{ Addrs []netip.Addr }

func init() {
	world.Register[Packet]("udp.Packet")
	world.Register[Listening]("udp.Listening")
	world.Register[Undelivered]("udp.Undelivered")
	world.Register[opened]("udp.opened")
	world.Register[received]("udp.received")
	world.Register[burst]("udp.burst")
	world.Register[send]("udp.send")
	world.Register[found]("udp.found")
	world.RegisterErrorKind("udp.ErrTLS", ErrTLS)
	world.RegisterErrorKind("udp.ErrDestination", ErrDestination)
	world.RegisterErrorKind("udp.ErrNames", ErrNames)
}
