package tcp

import (
	"errors"
	"fmt"
	"math"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/inet"
	"github.com/go-marketplace/marketplace/topic"
)

// Reasons for which a flow ends that a process controls. They are the Kind of a
// [*world.Error] that names the address; use [errors.Is].
var (
	// ErrLineTooLong says that the peer has sent a line that is longer than
	// the [Mode] of the flow allows. The flow from the peer ends with it. The
	// other one is still there, for a last word.
	ErrLineTooLong = errors.New("tcp: the peer has sent a line that is too long")

	// ErrControl says that a [Control] made no sense. The connection for which
	// it was meant fails.
	ErrControl = errors.New("tcp: a Control makes no sense")
)

// A Mode says into what pieces a flow from a peer is cut. Each is a [Data].
// Whatever the mode, the pieces together are the bytes that the peer has sent,
// every one of them, once and in order. The zero Mode is that of [Bytes].
type Mode struct {
	// MaxLine is the number of bytes that the longest line may have; 0 means
	// that the flow is not cut into lines.
	MaxLine int
}

// DefaultMaxLine is a limit for [Lines] that will do for most protocols, in
// bytes.
const DefaultMaxLine = 64 << 10

// Bytes is the mode in which pieces are what has come, whatever that is. A unit
// of credit is a byte. If there is more than the credit allows, the part that it
// allows is delivered, and nothing waits for more to come.
func Bytes() Mode { return Mode{} }

// Lines is the mode in which each piece is a line, together with what ends it,
// which is "\n"; a "\r" before that is part of the line. A unit of credit is a
// line. If the peer's last line has no end, it is delivered without.
//
// No line may have more than max bytes, its end included. One that does ends the
// flow with [ErrLineTooLong], after the lines before it. Lines panics if max is
// not positive.
func Lines(max int) Mode {
	if max <= 0 {
		panic(fmt.Sprintf("tcp: Lines(%d): the longest line must have at least 1 byte; DefaultMaxLine is a limit for most uses", max))
	}
	return Mode{max}
}

// String describes the mode for people.
func (m Mode) String() string {
	if m.MaxLine == 0 {
		return "bytes"
	}
	return fmt.Sprintf("lines of at most %d bytes", m.MaxLine)
}

// Unlimited is the credit of a flow that runs free.
const Unlimited = math.MaxInt

// A Control changes how what a peer sends is delivered. The receiver of a flow
// sends it as feedback, to the process of the driver that looks after the
// connection. [SetMode], [Grant] and [Confirm] make it.
//
// One that makes no sense fails the connection, with [ErrControl]. One for a
// connection that is not there goes nowhere.
type Control struct {
	From, To Addr // of the flow: from a Remote

	// Switch says that the flow goes to Mode, and forgets the credit that it
	// has. Without it, Mode is zero.
	Switch bool
	Mode   Mode

	// Credit is how much more may be delivered.
	Credit int

	// Confirm says that writing on the flow back is to be confirmed.
	Confirm bool
}

var (
	controlFrom = topic.FieldOf(func(c *Control) *Addr { return &c.From })
	controlTo   = topic.FieldOf(func(c *Control) *Addr { return &c.To })
)

// SetMode has the flow from a peer continue in a mode, with exactly that much
// credit, in bytes or in lines. What the peer sends beyond the credit waits: a
// little of it in this machine, and the rest in the socket, so that the peer
// cannot send more. [Grant] gives more credit. With the credit [Unlimited]
// everything is delivered at once.
//
// A flow begins in the mode [Bytes] with Unlimited credit. Mode and credit belong
// to the flow: all who subscribe to it share them, and who subscribes later finds
// them as they are. To have them from the first byte on, send SetMode before
// subscribing, in the same transition; or, for a connection that this machine
// makes, from the handler of its presence.
//
// What the credit has let through already may be on its way, in the old mode. A
// protocol that changes the mode after a certain line has to give credit for one
// line at a time.
//
// SetMode panics if from is not a [Remote], to not a [Handle] or a [Listener],
// or the credit negative.
func SetMode(from, to Addr, mode Mode, credit int) actions.Action {
	return newControl("SetMode", Control{From: from, To: to, Switch: true, Mode: mode, Credit: credit})
}

// Grant gives more credit to the flow from a peer: bytes in the mode [Bytes],
// lines in the mode [Lines]. A receiver grants what it has dealt with. On a flow
// with [Unlimited] credit it changes nothing; to grant that makes the flow run
// free.
//
// If the sum is more than can be counted, the connection fails with
// [ErrControl]. Grant panics as [SetMode] does.
func Grant(from, to Addr, credit int) actions.Action {
	return newControl("Grant", Control{From: from, To: to, Credit: credit})
}

func newControl(function string, c Control) actions.Action {
	if c.From.Kind() != inet.KindRemote || !c.To.IsLocal() {
		panic(fmt.Sprintf("tcp: %s from %v to %v: it is for a flow from a Remote to a Listener or a Handle; to pace what this machine sends, use Confirm", function, c.From, c.To))
	}
	if fault := c.fault(); fault != "" {
		panic("tcp: " + function + ": " + fault)
	}
	return actions.Feedback(c)
}

// fault returns what is wrong with c, or nothing.
func (c Control) fault() string {
	switch {
	case c.Credit < 0:
		return fmt.Sprintf("the credit is %d: it must not be negative; what is granted cannot be taken back, but SetMode begins anew", c.Credit)
	case c.Mode.MaxLine < 0:
		return fmt.Sprintf("the longest line is to have %d bytes: make modes with Bytes and Lines", c.Mode.MaxLine)
	case !c.Switch && c.Mode != Mode{}:
		return fmt.Sprintf("it names a mode, %v, but does not switch to it: use SetMode", c.Mode)
	}
	return ""
}
