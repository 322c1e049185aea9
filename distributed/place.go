package distributed

import (
	"cmp"
	"fmt"
	"strconv"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed/internal/wire"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// A Place names a dataspace that others can take part in: see [Config.Serve]. It is plain
// data: keep it in a state, pin it, send it. The zero Place is here: the machine of the
// process that uses it.
type Place struct {
	Node  string // the node on which it is; empty in the zero Place only
	Name  string // its name on that node
	Epoch uint64 // which life of it; 0 for the one that there is
}

// String returns a text for people.
func (p Place) String() string {
	switch {
	case p == Place{}:
		return "here"
	case p.Epoch == 0:
		return fmt.Sprintf("%s on %s", strconv.Quote(p.Name), strconv.Quote(p.Node))
	}
	return fmt.Sprintf("%s on %s in life %x", strconv.Quote(p.Name), strconv.Quote(p.Node), p.Epoch)
}

// compare orders places.
func (p Place) compare(q Place) int {
	return cmp.Or(p.home().compare(q.home()), cmp.Compare(p.Epoch, q.Epoch))
}

// check panics if p names no place.
func (p Place) check() {
	if p.Node == "" && p != (Place{}) {
		panic(fmt.Errorf("distributed: the place %q has no Node; only the zero Place, which is here, has none", p.Name))
	}
}

func (p Place) home() home { return home{p.Node, p.Name} }

func (h home) compare(i home) int {
	return cmp.Or(cmp.Compare(h.Node, i.Node), cmp.Compare(h.Name, i.Name))
}

// At returns an endpoint that takes part at the place, and not here. It hears what an
// endpoint with the role of e hears there: messages, presence, absence. When the link is
// lost, all its peers are absent, with the reason; when there is a link again, those that
// are there are present again.
//
// All endpoints of a machine that have equal roles at a place are one endpoint there. A
// place takes a machine that takes part for one process.
//
// The result is an ordinary endpoint of this machine: it can be named, deleted, moved
// with [actions.Replace], and opened at a meta-level. The machine in which it is opened
// needs the process of [Config.Driver]. If the place refuses the endpoint, the process
// fails with the reason.
//
// At panics, so that the process fails, if the role cannot be sent to another machine:
// the message type is not registered, or a value that is pinned means something in one
// machine only. At returns e if p is the zero Place.
func (p Place) At(e actions.AddEndpoint) actions.AddEndpoint {
	if p == (Place{}) {
		return e
	}
	k := claimOf(p, e)
	return actions.AddEndpoint{
		ID:      e.ID,
		Role:    topic.Role{Orientation: topic.Subscriber, Topic: topic.Where(happeningClaim.Is(k.text())).Topic()},
		Handler: hears(e),
		Passive: e.Passive,
	}
}

// Settled returns an endpoint with handler h, at which the driver says what there is to know
// about an endpoint with role r at the place. Package rpc uses it.
//
//   - Presence: the place is within reach, and the endpoint with role r has been told of all
//     peers that were there.
//   - Absence: the link is lost, for the reason.
//   - A message with a method Unreachable() error: there has been no link for a lease, or
//     the place refuses the endpoint, for that reason. An endpoint that is opened later
//     also gets it, while that is so.
//
// It reports false if p is the zero Place. It panics as [Place.At] does.
func (p Place) Settled(r topic.Role, h *actions.Handler) (e actions.AddEndpoint, ok bool) {
	if p == (Place{}) {
		return e, false
	}
	text := claimOf(p, actions.AddEndpoint{Role: r}).text()
	return actions.AddEndpoint{
		Role:    topic.Role{Orientation: topic.Subscriber, Topic: topic.Where(happeningClaim.Is(text), happeningSign.Is(settledSign)).Topic()},
		Handler: h,
	}, true
}

// Forward returns the action that sends a message to the place, from a publisher or from a
// subscriber. If there is no link to the place, the message waits for one for a lease, with
// up to 64 KiB of others; after that it is dropped, which the log says. A message that is
// on its way when a link is lost may arrive or not.
//
// Forward panics, so that the process fails, if the message cannot be sent to another
// machine.
func (p Place) Forward(m topic.Message, sender topic.Orientation) *actions.SendMessage {
	if p == (Place{}) {
		return actions.Forward(m, sender)
	}
	p.check()
	e, err := wire.Encode(m)
	if err != nil {
		panic(fmt.Errorf("distributed: a message to the place %v: %w", p, err))
	}
	return actions.Send(outgoing{p, sender, e.Type, e.Data})
}

// Check returns the error with which a message cannot be sent to another machine, or nil.
func Check(m any) error {
	_, err := wire.Encode(topic.MessageOf(m))
	return err
}

// Unsendable in a type, at any depth, keeps its values in their machine: messages and roles of
// the type are neither sent to another machine ([ErrUnsendable]) nor taken from one. Embed it
// in the types of messages by which the processes of a machine give each other orders that
// nobody else may give, although the machine is a place:
//
//	type Format struct {
//		Disk string
//		distributed.Unsendable
//	}
type Unsendable = wire.Unsendable

// Send returns the action that sends a message to subscribers at a place: see
// [Place.Forward].
func Send[M any](p Place, m M) *actions.SendMessage {
	return p.Forward(topic.MessageOf(m), topic.Publisher)
}

// Feedback returns the action that sends a message to publishers at a place: see
// [Place.Forward].
func Feedback[M any](p Place, m M) *actions.SendMessage {
	return p.Forward(topic.MessageOf(m), topic.Subscriber)
}

// An outgoing is a message to a place, for the driver.
type outgoing struct {
	Place  Place
	Sender topic.Orientation
	Type   string
	Data   []byte
}

// Up is the presence of a place: its publisher is present while there is a link to the
// place, and goes with the reason for which the link is lost.
type Up struct {
	Place Place
	Own   bool // the place is on this node
}

var (
	upNode  = topic.FieldOf(func(u *Up) *string { return &u.Place.Node })
	upName  = topic.FieldOf(func(u *Up) *string { return &u.Place.Name })
	upPlace = topic.FieldOf(func(u *Up) *Place { return &u.Place })
	upOwn   = topic.FieldOf(func(u *Up) *bool { return &u.Own })
)

// Reach returns the topic of the presence of a place. While a process subscribes to it,
// the driver keeps a link to the place. The zero Place is within reach where there is a
// driver. Reach panics if p has a name and no node.
func Reach(p Place) topic.Pattern[Up] {
	p.check()
	if p.Epoch == 0 && p != (Place{}) {
		return topic.Where(upNode.Is(p.Node), upName.Is(p.Name))
	}
	return topic.Where(upPlace.Is(p))
}

// Named returns the topic of the presence of the places with a name on all other nodes
// that the network knows. While a process subscribes to it, the driver keeps a link to
// each.
func Named(name string) topic.Pattern[Up] { return topic.Where(upName.Is(name), upOwn.Is(false)) }

// Nodes returns the topic of the presence of nodes: a node is present if it serves a place
// with the name "".
func Nodes() topic.Pattern[Up] { return Named("") }

// Here is the presence of a place in the machine that is the place: see [Whereabouts].
type Here struct{ Place Place }

var herePlace = topic.FieldOf(func(h *Here) *Place { return &h.Place })

// Whereabouts returns the topic of the places as which this machine is served, with their
// nodes and epochs. Their publishers are those of [Config.Serve].
func Whereabouts() topic.Pattern[Here] { return topic.All[Here]() }

// Opaque is a message whose type is not registered in this program, or has another form
// here. It reaches those who subscribe to [topic.Any], or to it.
type Opaque struct {
	Type string // the name under which the type is registered where the message comes from
	Data []byte // the encoded value
}

func init() {
	world.Register[Place]("distributed.Place")
	world.Register[Up]("distributed.Up")
	world.Register[Here]("distributed.Here")
	world.Register[Opaque]("distributed.Opaque")
}
