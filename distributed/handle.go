package distributed

import (
	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// A Handle says where letters to a mailbox go: the place at which the mailbox is, and its
// name there. It is plain data, and comparable. With the zero Place, the mailbox is in the
// machine that uses the handle.
//
// A handle works wherever it arrives: when a message with a handle that has the zero Place
// goes to another machine, the handle gets the place as which the machine of the sender is
// served, with its epoch; and when a handle comes back to the machine of its place, it has
// the zero Place again. A machine that is served as no place cannot send such a handle: the
// other side drops the message, and both logs say why. A handle of an earlier life of a
// place is refused with [ErrStale].
type Handle struct {
	Place Place
	Name  string
}

// A Letter is a message to a mailbox.
type Letter struct {
	To   string // the name of the mailbox
	From Handle // for an answer; the zero Handle if none is wanted
	Body any    // a value of a registered type
}

var letterTo = topic.FieldOf(func(l *Letter) *string { return &l.To })

func init() {
	world.Register[Handle]("distributed.Handle")
	world.Register[Letter]("distributed.Letter")
}

// Mailbox returns an endpoint that gets the letters to a name, in this machine. The name is
// registered while the endpoint is open: its presence says so. If several endpoints have
// one name, each gets all letters.
func Mailbox(name string, hs ...endpoint.Handler[Letter]) actions.AddEndpoint {
	return endpoint.Subscriber(topic.Where(letterTo.Is(name)), hs...)
}

// Send returns the action that sends a letter to the mailbox of h: see [Place.Forward]. It
// panics, so that the process fails, if the letter cannot be sent to another machine. A letter
// that arrives at a place without the mailbox is dropped, and the logs of both machines say so,
// with [ErrNoMailbox] and the name: see [Handle.Post].
func (h Handle) Send(from Handle, body any) *actions.SendMessage {
	return Send(h.Place, Letter{h.Name, from, body})
}

// Presence returns an endpoint that hears whether the mailbox of h is there. Its handlers
// get a Letter with the name in To.
func (h Handle) Presence(hs ...endpoint.Handler[Letter]) actions.AddEndpoint {
	return h.Place.At(endpoint.Publisher(topic.Where(letterTo.Is(h.Name)), hs...))
}
