package tcp

import (
	"errors"
	"fmt"
	"math"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/inet"
	"github.com/go-marketplace/marketplace/topic"
)

// Reasons with which a flow or a connection ends because of its [Mode] or a
// [Control]. They are the Kind of a [*world.Error] that names the address; use
// [errors.Is].
var (
	// ErrLineTooLong says that the peer has sent a line that is longer than the
	// [Mode] of the flow allows. The flow from the peer ends with it. The flow to
	// the peer is still there, for a last message.
	ErrLineTooLong = errors.New("tcp: the peer has sent a line that is too long")

	// ErrControl says that a [Control] makes no sense. The connection fails.
	ErrControl = errors.New("tcp: a Control makes no sense")
)

// A Mode says into what pieces the driver cuts a flow from a peer. Each piece is a
// [Data]. In any mode, the pieces together are the bytes that the peer has sent, each
// once and in order. The zero Mode is [Bytes].
type Mode struct {
	// MaxLine is the number of bytes that the longest line may have; 0 means
	// that the flow is not cut into lines.
	MaxLine int
}

// DefaultMaxLine is a limit for [Lines] that suits most protocols, in bytes.
const DefaultMaxLine = 64 << 10

// Bytes is the mode in which the driver delivers bytes as they come. A unit of
// credit is a byte. If more has come than the credit allows, the driver delivers the
// part that it allows, at once.
func Bytes() Mode { return Mode{} }

// Lines is the mode in which each piece is a line with the "\n" at its end; a "\r"
// before that is part of the line. A unit of credit is a line. If the last line of
// the peer has no "\n", the driver delivers it without.
//
// A line may have at most max bytes, including the "\n". A longer one ends the flow
// with [ErrLineTooLong], after the lines before it. Lines panics if max is not
// positive.
func Lines(max int) Mode {
	if max <= 0 {
		panic(fmt.Sprintf("tcp: Lines(%d): the longest line must have at least 1 byte; DefaultMaxLine is a limit for most uses", max))
	}
	return Mode{max}
}

// String describes the mode in words.
func (m Mode) String() string {
	if m.MaxLine == 0 {
		return "bytes"
	}
	return fmt.Sprintf("lines of at most %d bytes", m.MaxLine)
}

// Unlimited is the credit of a flow without a limit.
const Unlimited = math.MaxInt

// A Control changes how the driver delivers what a peer sends. The receiver of a
// flow sends it as feedback, to the process of the driver that manages the
// connection. [SetMode], [Grant] and [Confirm] make it.
//
// A Control that makes no sense makes the connection fail, with [ErrControl]. A
// Control for a connection that does not exist has no effect.
type Control struct {
	From, To Addr // of the flow: From is a Remote

	// Switch says that the flow switches to Mode and loses its present credit.
	// Without it, Mode is zero.
	Switch bool
	Mode   Mode

	// Credit is how much more the driver may deliver, in units of the mode.
	Credit int

	// Confirm asks the driver to confirm writes on the flow back.
	Confirm bool
}

var (
	controlFrom = topic.FieldOf(func(c *Control) *Addr { return &c.From })
	controlTo   = topic.FieldOf(func(c *Control) *Addr { return &c.To })
)

// SetMode continues the flow from a peer in a mode, with exactly the given credit,
// in bytes or in lines. What the peer sends beyond the credit waits: a little of it in
// the machine, and the rest in the socket, so that the peer cannot send more. [Grant]
// gives more credit. With the credit [Unlimited] the driver delivers everything at
// once.
//
// A flow begins in the mode [Bytes] with Unlimited credit. Mode and credit belong to
// the flow: all its subscribers share them, and a later subscriber finds them as they
// are. To set them before the first byte, send SetMode before subscribing, in the
// same transition; or, for a connection that this machine makes, from the handler of
// its presence.
//
// Data for which there was credit may be on its way, in the old mode. A protocol
// that changes the mode after a certain line has to give credit for one line at a
// time.
//
// SetMode panics if from is not a [Remote], if to is neither a [Handle] nor a
// [Listener], or if the credit is negative.
func SetMode(from, to Addr, mode Mode, credit int) actions.Action {
	return newControl("SetMode", Control{From: from, To: to, Switch: true, Mode: mode, Credit: credit})
}

// Grant gives more credit to the flow from a peer: bytes in the mode [Bytes], lines
// in the mode [Lines]. A receiver grants what it has handled. On a flow with
// [Unlimited] credit Grant changes nothing. A Grant of Unlimited removes the limit.
//
// If the sum overflows an int, the connection fails with [ErrControl]. Grant panics
// as [SetMode] does.
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
		return fmt.Sprintf("the credit is %d: it must not be negative; to lower the credit, use SetMode", c.Credit)
	case c.Mode.MaxLine < 0:
		return fmt.Sprintf("Mode.MaxLine is %d: it must not be negative; make modes with Bytes and Lines", c.Mode.MaxLine)
	case !c.Switch && c.Mode != Mode{}:
		return fmt.Sprintf("it names a mode, %v, but does not switch to it: use SetMode", c.Mode)
	}
	return ""
}
