package outbox

import (
	"reflect"
	"slices"

	"github.com/benbjohnson/immutable"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// A receiver is the state of the process that receives the messages to a box.
type receiver struct {
	config    Config
	self      actions.PID
	name      string
	life      uint64 // 0 until it is drawn
	listeners int    // who subscribe to what arrives
	given     uint64 // how many accounts were given
	now       uint64 // counts parcels
	known     *immutable.SortedMap[uint64, correspondent]
}

type receiverStep = actions.Transition[receiver]

// A correspondent is what a receiver knows of a sender, by the life of the sender.
type correspondent struct {
	account uint64
	last    uint64    // up to where its messages are passed on or refused
	refused []refusal // that it has perhaps not heard of
	heard   uint64    // when: see receiver.now
	present int       // how many endpoints it has here
}

func newReceiver(c Config, self actions.PID, name string) receiver {
	return receiver{config: c, self: self, name: name, known: immutable.NewSortedMap[uint64, correspondent](nil)}
}

// open opens the endpoints of a receiver.
func (r receiver) open() actions.Action {
	p := post{Box{Name: r.name}, true}
	as := append(hold[receiver](r.self, p), endpoint.Publisher(From(r.name),
		endpoint.OnPresenceState(func(r receiver, _ Delivery) receiverStep { return r.listens(1) }),
		endpoint.OnAbsenceState(func(r receiver, _ Delivery, _ error) receiverStep { return r.listens(-1) }).IgnoringReason()))
	if r.life == 0 {
		return append(as, draw(p, func(r receiver, n uint64) receiverStep {
			r.life = n
			return actions.Next(r, actions.When(r.listeners > 0, r.attend()))
		}))
	}
	return append(as, actions.When(r.listeners > 0, r.attend()))
}

// listens counts those who subscribe to what arrives: for the first the receiver begins to
// take messages, and after the last it ceases to.
func (r receiver) listens(n int) receiverStep {
	r.listeners += n
	return actions.Next(r,
		actions.When(r.life != 0 && n > 0 && r.listeners == 1, r.attend()),
		actions.When(r.life != 0 && r.listeners == 0, actions.Delete("parcels"), actions.Delete("receipts")))
}

// attend opens the endpoints for senders.
func (r receiver) attend() actions.Action {
	return actions.Group(
		endpoint.Publisher(topic.Where(receiptBox.Is(r.name))).As("receipts"),
		endpoint.Subscriber(topic.Where(parcelBox.Is(r.name)),
			endpoint.OnMessageState(func(r receiver, p parcel) receiverStep {
				return actions.Next(r, actions.Yield(func(r receiver) receiverStep { return r.arrived(p) }))
			}),
			endpoint.OnPresenceState(func(r receiver, p parcel) receiverStep { return r.meets(p.From, 1) }),
			endpoint.OnAbsenceState(func(r receiver, p parcel, _ error) receiverStep { return r.meets(p.From, -1) }).IgnoringReason(),
		).As("parcels"))
}

// meets counts the endpoints of a sender.
func (r receiver) meets(from uint64, n int) receiverStep {
	if c, ok := r.known.Get(from); ok {
		c.present = max(c.present+n, 0)
		r.known = r.known.Set(from, c)
	}
	return actions.Next(r)
}

// arrived handles a parcel, in a turn of the process. So what it returns is performed at
// once, and those who listen now hear the message.
func (r receiver) arrived(p parcel) receiverStep {
	if r.listeners == 0 {
		return actions.Next(r)
	}
	c, ok := r.known.Get(p.From)
	is := p.Account == account{r.life, c.account}
	switch {
	case p.N == 0 && (!ok || is):
		r.makeRoom(p.From)
		r.given++
		c = correspondent{account: r.given, last: p.First - 1, present: max(c.present, 1)}
	case p.N != 0 && !(ok && is):
		return actions.Next(r, actions.Send(receipt{Box: r.name, To: p.From}))
	}
	r.now++
	c.heard = r.now
	var pass actions.Action
	if p.N != 0 {
		known := slices.IndexFunc(c.refused, func(f refusal) bool { return f.N >= p.First })
		if known < 0 {
			known = len(c.refused)
		}
		c.refused = slices.Clip(c.refused[known:])
		if p.N == c.last+1 && len(c.refused) < maxWindow {
			c.last++
			pass = r.pass(p, &c)
		}
	}
	r.known = r.known.Set(p.From, c)
	return actions.Next(r, pass, actions.Send(receipt{r.name, p.From, account{r.life, c.account}, c.last, c.refused}))
}

// pass passes a message on, or notes why that is not possible.
func (r receiver) pass(p parcel, c *correspondent) actions.Action {
	ref, err := p.Body.Open()
	if err != nil {
		reason, _ := world.Reduce(err).(*world.Error)
		c.refused = append(c.refused, refusal{p.N, reason})
		return nil
	}
	return actions.Send(Delivery{r.name, ID{p.From, p.N}, reflect.ValueOf(ref).Elem().Interface()})
}

// makeRoom forgets a sender, if there is no room for another: one that is away if there is
// one, and of these the one that was heard the longest time ago.
func (r *receiver) makeRoom(from uint64) {
	if _, ok := r.known.Get(from); ok || r.known.Len() < r.config.Senders {
		return
	}
	var victim uint64
	var least correspondent
	for i := r.known.Iterator(); !i.Done(); {
		from, c, _ := i.Next()
		away, leastAway := c.present == 0, least.present == 0
		if victim == 0 || away && !leastAway || away == leastAway && c.heard < least.heard {
			victim, least = from, c
		}
	}
	r.known = r.known.Delete(victim)
}
