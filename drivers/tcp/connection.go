package tcp

import (
	"fmt"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/inet"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
)

// A Connection names the connection between a peer and this side. It is plain
// data: to have one opens nothing. Its methods return the endpoints and the
// actions of a process that takes part, with each address in its place, so that
// the process cannot send in the wrong direction.
//
// [Data.Connection] makes it from the Data whose presence shows an incoming
// connection, and [Between] makes it from two addresses. The methods panic if Them is
// not a [Remote], or if Us is neither a [Handle] nor a [Listener].
type Connection struct {
	Them Addr // the peer
	Us   Addr // this side
}

// Between returns the connection between a peer, which is a [Remote], and this
// side, which is a [Handle] or a [Listener], in either order. Between panics if they
// are other kinds of address.
func Between(a, b Addr) Connection {
	c := Connection{Them: a, Us: b}
	if a.IsLocal() {
		c = Connection{Them: b, Us: a}
	}
	if !c.isValid() {
		panic(fmt.Sprintf("tcp: Between %v and %v: a connection is between a Remote and a Listener or a Handle", a, b))
	}
	return c
}

// Connection returns the connection to which d belongs, in whichever direction d
// goes. It panics as [Between] does.
func (d Data) Connection() Connection { return Between(d.From, d.To) }

func (c Connection) isValid() bool { return c.Them.Kind() == inet.KindRemote && c.Us.IsLocal() }

// checked returns c, or panics if c has its addresses in the wrong places.
func (c Connection) checked() Connection {
	if !c.isValid() {
		panic(fmt.Sprintf("tcp: Connection{Them: %v, Us: %v}: Them has to be a Remote, and Us a Listener or a Handle; make it with Between or Data.Connection", c.Them, c.Us))
	}
	return c
}

// In is the topic of what the peer sends: see [Flow].
func (c Connection) In() topic.Pattern[Data] { return Flow(c.checked().Them, c.Us) }

// Out is the topic of what this side sends: see [Flow].
func (c Connection) Out() topic.Pattern[Data] { return Flow(c.checked().Us, c.Them) }

// Subscriber takes part in the connection by listening to the peer.
func (c Connection) Subscriber(hs ...endpoint.Handler[Data]) actions.AddEndpoint {
	return endpoint.Subscriber(c.In(), hs...)
}

// Publisher takes part in the connection by speaking to the peer.
func (c Connection) Publisher(hs ...endpoint.Handler[Data]) actions.AddEndpoint {
	return endpoint.Publisher(c.Out(), hs...)
}

// Send sends bytes to the peer. Nobody may change them afterwards.
func (c Connection) Send(b []byte) actions.Action { return c.Pass(Data{Bytes: b}) }

// SendString sends the bytes of a string to the peer.
func (c Connection) SendString(s string) actions.Action { return c.Send([]byte(s)) }

// End ends the flow to the peer. The driver drops what is sent after that; what the
// peer sends still comes.
func (c Connection) End() actions.Action { return c.Pass(Data{EOF: true}) }

// Pass sends the Bytes and the EOF of d to the peer, and ignores the addresses in d.
// So it forwards what comes in on another connection, or on the same one:
//
//	c.Subscriber(endpoint.OnMessage(c.Pass)) // an echo
//	a.Subscriber(endpoint.OnMessage(b.Pass)) // one half of a proxy
func (c Connection) Pass(d Data) actions.Action {
	d.From, d.To = c.checked().Us, c.Them
	return actions.Send(d)
}

// SetMode sets the mode and the credit of the flow from the peer: see [SetMode].
func (c Connection) SetMode(mode Mode, credit int) actions.Action {
	return SetMode(c.Them, c.Us, mode, credit)
}

// Grant gives more credit to the flow from the peer: see [Grant].
func (c Connection) Grant(credit int) actions.Action { return Grant(c.Them, c.Us, credit) }

// Confirm asks for a [Written] for each Data that is sent from now on: see
// [Confirm].
func (c Connection) Confirm() actions.Action { return Confirm(c.Us, c.Them) }

// Written is the topic of the confirmations of writes to the peer: see [WrittenOn].
func (c Connection) Written() topic.Pattern[Written] { return WrittenOn(c.Us, c.Them) }

// Session is the topic of the session of the connection: see [SessionOf].
func (c Connection) Session() topic.Pattern[Session] { return SessionOf(c.checked().Them, c.Us) }
