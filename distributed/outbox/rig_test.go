package outbox

import (
	"fmt"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vmtest"
	"github.com/go-marketplace/marketplace/world"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// An order is a message that is delivered.
type order struct {
	N    int
	Note string
}

// A heard has lines: what callers and listeners have heard.
type heard struct{ Line string }

func init() {
	world.Register[order]("outbox.order")
	world.Register[heard]("outbox.heard")
	world.Register[client]("outbox.client")
}

var here = Box{Name: "orders"}

// A client hands orders over when it gets them, and says what came back.
type client struct {
	To Box
}

type handOver struct{ Body any }

func init() { world.Register[handOver]("outbox.handOver") }

var (
	clients = actions.Define("outbox.client", client.open)
	results rpc.Then[client, string, ID]
)

func init() {
	results = rpc.DefineThen("outbox.client.result", func(c client, what string, id ID, err error) actions.Transition[client] {
		if err != nil {
			return actions.Next(c, actions.Send(heard{fmt.Sprintf("%s: %v", what, err)}))
		}
		return actions.Next(c, actions.Send(heard{fmt.Sprintf("%s: delivered", what)}))
	})
}

func (c client) open() actions.Action {
	return endpoint.Subscriber(topic.All[handOver](), endpoint.OnMessageState(func(c client, h handOver) actions.Transition[client] {
		return actions.Next(c, rpc.CallThen(Deliver, Message{c.To, h.Body}, results, fmt.Sprint(h.Body)))
	}))
}

// A rig is a machine with a sender and a client, in which the test plays the rest.
type rig struct {
	*vmtest.Machine
	t    *testing.T
	said *vmtest.Probe[heard]
}

func newRig(t *testing.T, boot ...actions.Action) *rig {
	t.Helper()
	return newRigWith(t, vmtest.Config{Types: append(Types(), clients.Type)}, boot...)
}

// newLargeRig is newRig for much data: it does not compare all of it after each step.
func newLargeRig(t *testing.T, boot ...actions.Action) *rig {
	t.Helper()
	return newRigWith(t, vmtest.Config{Runs: 1}, boot...)
}

func newRigWith(t *testing.T, c vmtest.Config, boot ...actions.Action) *rig {
	t.Helper()
	m := c.Run(t, append(boot, clients.Spawn(client{here}))...)
	return &rig{m, t, vmtest.Subscriber(m, topic.All[heard]())}
}

// draw gives a process its number.
func (r *rig) draw(receives bool, n uint64) {
	b := here
	r.Device(identity{post{b, receives}}).Value(identityDrawn{n})
}

// hand hands orders over.
func (r *rig) hand(bodies ...any) {
	for _, b := range bodies {
		r.Perform(actions.Send(handOver{b}))
	}
}

func (r *rig) expect(lines ...string) {
	r.t.Helper()
	var want []heard
	for _, l := range lines {
		want = append(want, heard{l})
	}
	r.said.ExpectMessages(want...)
	r.said.ExpectNothing()
}

// A far is the receiver, played by the test.
type far struct {
	r       *rig
	parcels *vmtest.Probe[parcel]
	replies *vmtest.Probe[receipt]
}

func (r *rig) receiver() *far {
	f := &far{r: r}
	f.replies = vmtest.Publisher(r.Machine, topic.Where(receiptBox.Is(here.Name)))
	f.parcels = vmtest.Subscriber(r.Machine, topic.Where(parcelBox.Is(here.Name)))
	return f
}

func (f *far) close(reason error) {
	f.parcels.Close(reason)
	f.replies.Close(reason)
}

// takes returns the parcels that have come.
func (f *far) takes() (ps []parcel) {
	for _, h := range f.parcels.Take() {
		if h.Kind == actions.Delivery {
			ps = append(ps, h.About)
		}
	}
	return ps
}

// numbers returns the numbers of the parcels that have come.
func (f *far) numbers() (ns []uint64) {
	for _, p := range f.takes() {
		ns = append(ns, p.N)
	}
	return ns
}

func (f *far) answer(a account, last uint64, refused ...refusal) {
	f.replies.Send(receipt{here.Name, 7, a, last, refused})
}

// A near is a sender, played by the test.
type near struct {
	r        *rig
	life     uint64
	parcels  *vmtest.Probe[parcel]
	receipts *vmtest.Probe[receipt]
}

func (r *rig) sender(life uint64) *near {
	n := &near{r: r, life: life}
	n.receipts = vmtest.Subscriber(r.Machine, topic.Where(receiptBox.Is(here.Name), receiptTo.Is(life)))
	n.parcels = vmtest.Publisher(r.Machine, topic.Where(parcelBox.Is(here.Name), parcelFrom.Is(life)))
	return n
}

func (n *near) close() {
	n.parcels.Close(nil)
	n.receipts.Close(nil)
}

// sends sends a parcel, and returns the receipt.
func (n *near) sends(p parcel) receipt {
	n.r.t.Helper()
	p.Box, p.From = here.Name, n.life
	n.receipts.Take()
	n.parcels.Send(p)
	for _, h := range n.receipts.Take() {
		if h.Kind == actions.Delivery {
			return h.About
		}
	}
	n.r.t.Fatalf("no receipt for %+v", p)
	return receipt{}
}

// A shop subscribes to what is delivered.
type shop struct {
	r     *rig
	probe *vmtest.Probe[Delivery]
}

func (r *rig) shop() shop { return shop{r, vmtest.Subscriber(r.Machine, From(here.Name))} }

// expect expects that these messages were delivered, and no others.
func (s shop) expect(want ...Delivery) {
	s.r.t.Helper()
	var got []Delivery
	for _, h := range s.probe.Take() {
		if h.Kind == actions.Delivery {
			got = append(got, h.About)
		}
	}
	if !slices.Equal(got, want) {
		s.r.t.Errorf("delivered are %.1000v, want %.1000v", got, want)
	}
}
