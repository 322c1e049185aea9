package distributed

import (
	"encoding/binary"
	"fmt"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed/internal/wire"
	"github.com/go-marketplace/marketplace/topic"
)

// A happening is what happens at a place, as far as an endpoint with some role hears of it.
// The driver publishes it for the endpoints that [Place.At] makes: it has a publisher for
// each peer, and sends a happening for each message.
type happening struct {
	Claim   string // the endpoints that it is for: the text of a claim
	Sign    sign
	Peer    string // of a peer: the key of its role, narrowed to the conversation
	Number  uint64 // of a peer: which of those with equal roles
	Tally   string // of a peer: the key of the conversation by which the endpoint counts it, or ""
	Message any    // the pointer to a message; never pinned
}

// A sign says what a happening is about.
type sign uint8

const (
	peerSign    sign = iota // a peer, or a message
	settledSign             // of a peer: all peers that were there are present. Of a message: why that is not so
	rejectSign              // the place refuses the endpoint; Message is the reason
)

var (
	happeningClaim = topic.FieldOf(func(h *happening) *string { return &h.Claim })
	happeningSign  = topic.FieldOf(func(h *happening) *sign { return &h.Sign })
	happeningPeer  = topic.FieldOf(func(h *happening) *string { return &h.Peer })
	happeningNo    = topic.FieldOf(func(h *happening) *uint64 { return &h.Number })
	happeningTally = topic.FieldOf(func(h *happening) *string { return &h.Tally })
)

// Unreachable implements rpc.Unreachable, for [Place.Settled].
func (h happening) Unreachable() error {
	if h.Sign != settledSign {
		return nil
	}
	reason, _ := h.Message.(error)
	return reason
}

// A claim is what endpoints of this machine have in common that are one endpoint at a
// place, and count their peers in the same way.
type claim struct {
	place  Place
	role   string // its key
	counts bool
	by     []string // the paths of the fields by which it counts; nil for all
	all    bool     // by all fields
	filter actions.Filter
}

// claimOf returns the claim of an endpoint at a place. It panics if the role cannot be sent.
func claimOf(p Place, e actions.AddEndpoint) claim {
	p.check()
	role, err := wire.Key(e.Role)
	if err != nil {
		panic(fmt.Errorf("distributed: an endpoint at the place %v: %w", p, err))
	}
	c := claim{place: p, role: role}
	if e.Handler != nil && e.Handler.Demand != nil {
		c.counts, c.filter = true, e.Handler.Demand.Filter
		var some bool
		if t := e.Role.Topic.MessageType(); t != nil {
			c.by, some = e.Handler.Demand.By.Paths(t)
		}
		c.all = !some
	}
	return c
}

// text returns a text of c that no other claim has.
func (c claim) text() string {
	b := appendString(appendString(nil, c.place.Node), c.place.Name)
	b = appendString(binary.AppendUvarint(b, c.place.Epoch), c.role)
	if !c.counts {
		return string(b)
	}
	b = append(b, octet(c.all), octet(c.filter.Interest.Set), byte(c.filter.Interest.Value),
		octet(c.filter.Orientation.Set), byte(c.filter.Orientation.Value), octet(c.filter.Others))
	for _, path := range c.by {
		b = appendString(b, path)
	}
	return string(b)
}

func octet(b bool) byte {
	if b {
		return 1
	}
	return 0
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// readClaim is the inverse of [claim.text].
func readClaim(text string) (c claim, ok bool) {
	var r claimReader
	r.rest = text
	c.place.Node, c.place.Name = r.string(), r.string()
	c.place.Epoch = r.number()
	c.role = r.string()
	if r.rest == "" || r.failed {
		return c, !r.failed
	}
	c.counts = true
	if len(r.rest) < 6 {
		return c, false
	}
	b := r.rest[:6]
	r.rest = r.rest[6:]
	c.all = b[0] == 1
	c.filter = actions.Filter{
		Interest:    actions.Maybe[topic.Interest]{Value: topic.Interest(b[2]), Set: b[1] == 1},
		Orientation: actions.Maybe[topic.Orientation]{Value: topic.Orientation(b[4]), Set: b[3] == 1},
		Others:      b[5] == 1,
	}
	for r.rest != "" && !r.failed {
		c.by = append(c.by, r.string())
	}
	return c, !r.failed
}

type claimReader struct {
	rest   string
	failed bool
}

func (r *claimReader) number() uint64 {
	n, size := binary.Uvarint([]byte(r.rest[:min(len(r.rest), binary.MaxVarintLen64)]))
	if size <= 0 {
		r.rest, r.failed = "", true
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *claimReader) string() string {
	n := r.number()
	if n > uint64(len(r.rest)) {
		r.rest, r.failed = "", true
		return ""
	}
	s := r.rest[:n]
	r.rest = r.rest[n:]
	return s
}

// tally returns the key of the conversation by which endpoints with a claim count a peer,
// or "" if they do not count it.
func (c claim) tally(peer topic.Role) string {
	if !c.counts || !c.filter.Passes(peer, false) {
		return ""
	}
	t := peer.Topic
	if m := t.MessageType(); m != nil && !c.all {
		by, err := topic.SelectionOf(m, c.by...)
		if err != nil {
			return ""
		}
		t = t.Project(by)
	}
	key, _ := wire.Key(topic.Role{Orientation: peer.Orientation, Topic: t})
	return key
}

// hears returns the handler of an endpoint e at a place: it hands to the handler of e what
// happens there.
func hears(e actions.AddEndpoint) *actions.Handler {
	own, h := e.Role, e.Handler
	if h == nil {
		h = &actions.Handler{Events: actions.EventsOf(actions.Delivery), Run: func(s any, _ *actions.Event) (any, actions.Action) { return s, nil }}
	}
	out := &actions.Handler{State: h.State, Events: h.Events, Local: h.Local}
	if h.Events != 0 {
		out.Events |= actions.EventsOf(actions.Delivery) // of rejectSign
	}
	if h.Demand != nil {
		out.Demand = &actions.Demand{By: topic.Select[happening](happeningTally)}
	}
	sender := own.Orientation.Opposite()
	out.Run = func(state any, ev *actions.Event) (any, actions.Action) {
		if ev.Kind == actions.Delivery {
			m, _ := ev.Message.Ref().(*happening)
			switch {
			case m.Sign == rejectSign && e.Passive: // a library hears it: see Settled
				return state, nil
			case m.Sign == rejectSign:
				reason, _ := m.Message.(error)
				return state, actions.Fail(reason)
			case m.Sign != peerSign || !h.Events.Has(actions.Delivery):
				return state, nil
			}
			return h.Run(state, &actions.Event{Kind: actions.Delivery, Peer: topic.Role{Orientation: sender}, Message: topic.ReferTo(m.Message)})
		}
		p, _ := topic.Typed[happening](ev.Peer.Topic)
		c := p.Example()
		key := c.Peer
		if ev.Kind == actions.First || ev.Kind == actions.Last {
			key = c.Tally
		}
		if c.Sign != peerSign || key == "" {
			return state, nil
		}
		peer, err := wire.RoleOf(key)
		if err != nil {
			return state, actions.Fail(fmt.Errorf("distributed: a peer at a place: %w", err))
		}
		at := *ev
		at.Peer = peer
		return h.Run(state, &at)
	}
	return out
}

// at returns the topic of the peers of a claim: of one, or of the sign that it has been
// told of all.
func (h happening) topic() topic.Pattern[happening] {
	return topic.Where(happeningClaim.Is(h.Claim), happeningSign.Is(h.Sign), happeningPeer.Is(h.Peer), happeningNo.Is(h.Number), happeningTally.Is(h.Tally))
}
