package udp

import (
	"net/netip"

	"github.com/go-marketplace/marketplace/world"
)

// What follows crosses the border between a machine and the world, and so is
// plain data under a name that never changes.

// opened is the opening value of a socket.
type opened struct{ Bound Addr }

// received is a datagram that has arrived.
type received struct {
	From      Addr
	Body      []byte
	Truncated bool
}

// burst is several datagrams that have arrived by the time that one was looked
// for.
type burst struct{ All []received }

// Size implements [world.Sizer].
func (b burst) Size() int {
	n := 0
	for _, r := range b.All {
		n += len(r.Body)
	}
	return n
}

// send is a command: send a datagram to an address, which is what the
// destination stands for.
type send struct {
	Destination Addr
	To          netip.AddrPort
	Body        []byte
	Reported    int // what the manager knows by the report that it has been sent; 0 for no report
}

// Reports implements [world.Reporter].
func (s send) Reports() bool { return s.Reported > 0 }

// Size implements [world.Sizer].
func (s send) Size() int { return len(s.Body) }

// found is the opening value of a name: the addresses that it has.
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
