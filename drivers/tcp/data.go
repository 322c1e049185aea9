package tcp

import (
	"fmt"

	"github.com/go-marketplace/marketplace/drivers/inet"
	"github.com/go-marketplace/marketplace/topic"
)

// Data is a piece of what flows from one address to another.
type Data struct {
	From, To Addr

	// Bytes are the next bytes of the flow. Those from a peer come in pieces of
	// any length, or in lines: see [Mode]. Nobody may write to them.
	Bytes []byte

	// EOF says that the flow ends after Bytes, which may be empty. The driver
	// drops what a process sends on the flow after that.
	EOF bool
}

// The fields of [Data] that topics can pin.
var (
	From = topic.FieldOf(func(d *Data) *Addr { return &d.From })
	To   = topic.FieldOf(func(d *Data) *Addr { return &d.To })
)

// ending is the field that the driver pins to see who publishes data, without
// getting most of the data.
var ending = topic.FieldOf(func(d *Data) *bool { return &d.EOF })

// Flow is the topic of what goes from one address to another. One of them is a
// [Remote], and the other a [Handle] or a [Listener]; otherwise Flow panics.
func Flow(from, to Addr) topic.Pattern[Data] {
	if !from.IsLocal() && !to.IsLocal() || from.Kind() != inet.KindRemote && to.Kind() != inet.KindRemote {
		panic(fmt.Sprintf("tcp: Flow from %v to %v: a flow is between a Remote and a Listener or a Handle", from, to))
	}
	return topic.Where(From.Is(from), To.Is(to))
}

// Arriving is the topic of all that arrives at a [Listener]. Arriving panics if
// it is given another kind of address.
func Arriving(at Addr) topic.Pattern[Data] {
	mustListen("Arriving", at)
	return topic.Where(To.Is(at))
}

// The presence of a Listening says that the driver listens at At.
//
// If the driver cannot listen, a Listening without Bound is present for a moment,
// and then absent, with the reason. If it fails later, the absence has a reason, too.
// The absence has none when the driver stops listening because the last observer of
// what arrives has gone. The driver tries again when another observer comes.
type Listening struct {
	At    Addr // the Listener that a process observes
	Bound Addr // a Remote with the actual address and port of the socket
}

// The fields of [Listening] that topics can pin.
var (
	At    = topic.FieldOf(func(l *Listening) *Addr { return &l.At })
	Bound = topic.FieldOf(func(l *Listening) *Addr { return &l.Bound })
)

// ListeningAt is the topic of whether and where the driver listens at a
// [Listener]. ListeningAt panics if it is given another kind of address.
func ListeningAt(at Addr) topic.Pattern[Listening] {
	mustListen("ListeningAt", at)
	return topic.Where(At.Is(at))
}

func mustListen(function string, at Addr) {
	if at.Kind() != inet.KindListener {
		panic(fmt.Sprintf("tcp: %s of %v: it takes an address that was made with Listener or ParseListener", function, at))
	}
}

// The presence of a carried says that the incoming connection between two addresses
// has a process.
type carried struct{ Remote, Local Addr }

var (
	carriedRemote = topic.FieldOf(func(c *carried) *Addr { return &c.Remote })
	carriedLocal  = topic.FieldOf(func(c *carried) *Addr { return &c.Local })
)

// dialed is carried for a connection that the machine makes.
type dialed struct{ carried }

var wholeDialed = topic.FieldOf(func(d *dialed) *dialed { return d })
