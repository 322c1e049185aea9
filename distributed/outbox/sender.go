package outbox

import (
	"errors"
	"fmt"

	"github.com/benbjohnson/immutable"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/internal/wire"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// A sender is the state of the process that keeps the messages to a box. It numbers them,
// from 1. Those from first on wait. Those before fresh were sent at least once, on the
// account. Those before next were sent since the last greeting.
type sender struct {
	config  Config
	self    actions.PID
	to      Box
	life    uint64 // 0 until it is drawn
	account account

	first, next, fresh uint64

	waiting *immutable.SortedMap[uint64, letter]
	bytes   int // of all that wait
	flying  int // of those before next

	receivers int  // that are present: one, or none
	ready     bool // the receiver has answered the last greeting
	trouble   error
}

// end returns the number of the next message to come.
func (s sender) end() uint64 { return s.first + uint64(s.waiting.Len()) }

type senderStep = actions.Transition[sender]

// A letter is a message that waits, and the call that handed it over.
type letter struct {
	body  wire.Sealed
	from  rpc.Caller
	n     uint64
	level int
}

func newSender(c Config, self actions.PID, to Box) sender {
	return sender{
		config: c, self: self, to: to, first: 1, next: 1, fresh: 1,
		waiting: immutable.NewSortedMap[uint64, letter](nil), trouble: world.Reduce(ErrNoReceiver),
	}
}

// open opens the endpoints of a sender.
func (s sender) open() actions.Action {
	p := post{Box: s.to}
	as := append(hold[sender](s.self, p), rpc.Methods(
		rpc.HandleLater(Deliver, sender.take, rpc.Only(topic.Where(messageTo.Is(s.to)))),
		rpc.Handle(Inspect, sender.inspect, rpc.Only(topic.Where(boxPlace.Is(s.to.Place), boxName.Is(s.to.Name)))),
	))
	if s.life == 0 {
		return append(as, draw(p, func(s sender, n uint64) senderStep {
			s.life = n
			return actions.Next(s, s.attend())
		}))
	}
	return append(as, s.attend())
}

// attend opens the endpoints at the place. They are passive, so that the process does not
// fail if the place refuses them: it hears why, and waits.
func (s sender) attend() actions.Action {
	receipts := endpoint.Subscriber(topic.Where(receiptBox.Is(s.to.Name), receiptTo.Is(s.life)), endpoint.OnMessageState(sender.answered))
	parcels := endpoint.Publisher(topic.Where(parcelBox.Is(s.to.Name), parcelFrom.Is(s.life)),
		endpoint.OnPresenceState(func(s sender, _ parcel) senderStep {
			s.receivers++
			return s.greet(account{})
		}),
		endpoint.OnAbsenceState(func(s sender, _ parcel, reason error) senderStep {
			if s.receivers--; s.receivers > 0 {
				return s.greet(account{})
			}
			s.ready = false
			return s.waits(reason)
		}))
	receipts.Passive, parcels.Passive = true, true
	as := actions.Tree{s.to.Place.At(receipts.As("receipts")), s.to.Place.At(parcels.As("parcels"))}
	reach := actions.HandlerOf(func(s sender, ev *actions.Event) senderStep {
		if ev.Kind != actions.Delivery {
			return s.waits(ev.Reason)
		}
		if m, ok := ev.Message.Value().(rpc.Unreachable); ok && m.Unreachable() != nil {
			return s.waits(m.Unreachable())
		}
		return actions.Next(s)
	})
	reach.Events = actions.EventsOf(actions.Presence, actions.Absence, actions.Delivery)
	if settled, ok := s.to.Place.Settled(parcels.Role, reach); ok {
		settled.Passive = true
		as = append(as, settled.As("reach"))
	}
	return as
}

// waits notes why the receiver is not within reach, unless it is.
func (s sender) waits(reason error) senderStep {
	if s.receivers == 0 {
		if reason == nil {
			reason = ErrNoReceiver
		}
		s.trouble = world.Reduce(reason)
	}
	return actions.Next(s)
}

// take takes a message.
func (s sender) take(ask rpc.Ask[Message, ID]) senderStep {
	body, err := wire.Seal(ask.Args.Body)
	switch size := len(body.Data); {
	case err != nil:
	case size > maxBody:
		err = fmt.Errorf("%w: a %s needs %d bytes, and at most %d are allowed", distributed.ErrTooLarge, body.Type, size, maxBody)
	case s.waiting.Len() >= s.config.Messages || s.bytes+size > s.config.Bytes:
		err = fmt.Errorf("%w: %d of %d bytes, to %v", ErrFull, s.waiting.Len(), s.bytes, s.to)
		if s.trouble != nil {
			err = fmt.Errorf("%w: %v", err, s.trouble)
		}
	}
	if err != nil {
		return actions.Next(s, ask.Fail(err))
	}
	s.waiting = s.waiting.Set(s.end(), letter{body, ask.From, ask.N, ask.Level})
	s.bytes += len(body.Data)
	return s.fill()
}

// inspect says what waits, and why.
func (s sender) inspect(Box) (sender, Status, error) {
	st := Status{Waiting: s.waiting.Len(), Sent: int(s.fresh - s.first), Bytes: s.bytes}
	if e, ok := errors.AsType[*world.Error](s.trouble); ok {
		st.Reason = e
	}
	return s, st, nil
}

// greet asks for the account, and for another one than that which is declined.
func (s sender) greet(declined account) senderStep {
	s.ready, s.trouble = false, nil
	s.next, s.flying = s.first, 0
	return actions.Next(s, s.send(parcel{Account: declined, First: s.fresh}))
}

func (s sender) send(p parcel) actions.Action {
	p.Box, p.From = s.to.Name, s.life
	return distributed.Send(s.to.Place, p)
}

// answered handles a receipt.
func (s sender) answered(r receipt) senderStep {
	if s.receivers == 0 {
		return actions.Next(s)
	}
	var t senderStep
	switch {
	case r.Account == account{}:
		return s.greet(account{})
	case r.Account == s.account && r.Last+1 >= s.first:
		t = s.settle(r)
	case r.Account != s.account && r.Last+1 == s.fresh:
		t = s.begin(r.Account)
	default: // the receiver has lost the end of its journal
		return s.greet(r.Account)
	}
	return t.Then(func(s sender) senderStep {
		if r.Last >= s.fresh { // this machine has lost the end of its journal
			return s.greet(r.Account)
		}
		s.ready = true
		return s.fill()
	})
}

// settle ends the calls whose messages were passed on or refused.
func (s sender) settle(r receipt) senderStep {
	refused := r.Refused
	var as actions.Tree
	for s.first <= r.Last && s.first < s.fresh {
		for len(refused) > 0 && refused[0].N < s.first {
			refused = refused[1:]
		}
		var err error
		if len(refused) > 0 && refused[0].N == s.first {
			if err = distributed.ErrProtocol; refused[0].Reason != nil {
				err = refused[0].Reason
			}
		}
		as = append(as, s.end1(err))
	}
	return actions.Next(s, as)
}

// begin goes on with a new account. Of the messages that were sent on the old one, nobody
// knows what became.
func (s sender) begin(a account) senderStep {
	var as actions.Tree
	for s.first < s.fresh {
		as = append(as, s.end1(ErrForgotten))
	}
	s.account = a
	return actions.Next(s, as)
}

// end1 removes the first message, and ends its call.
func (s *sender) end1(err error) actions.Action {
	l, _ := s.waiting.Get(s.first)
	s.waiting = s.waiting.Delete(s.first)
	s.bytes -= len(l.body.Data)
	if s.first < s.next {
		s.flying -= len(l.body.Data)
	}
	id := ID{s.life, s.first}
	s.first++
	s.next = max(s.next, s.first)
	ask := rpc.Ask[Message, ID]{Op: Deliver.Name(), From: l.from, N: l.n, Level: l.level}
	if err != nil {
		return ask.Fail(err)
	}
	return ask.Reply(id)
}

// fill sends messages, as many as the window allows.
func (s sender) fill() senderStep {
	var as actions.Tree
	for s.ready && s.next < s.end() && s.next-s.first < uint64(s.config.Window) {
		l, _ := s.waiting.Get(s.next)
		size := len(l.body.Data)
		if s.flying > 0 && s.flying+size > windowBytes {
			break
		}
		as = append(as, s.send(parcel{Account: s.account, N: s.next, First: s.first, Body: l.body}))
		s.flying += size
		s.next++
		s.fresh = max(s.fresh, s.next)
	}
	return actions.Next(s, as)
}
