package outbox

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/internal/wire"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vmtest"
)

// message returns a parcel.
func message(a account, n, first uint64, body any) parcel {
	s, err := wire.Seal(body)
	if err != nil {
		panic(err)
	}
	return parcel{Account: a, N: n, First: first, Body: s}
}

// greeting asks for an account that begins with a message.
func greeting(first uint64) parcel { return parcel{First: first} }

func newReceiverRig(t *testing.T, c Config) (*rig, shop) {
	r := newRig(t, c.Receiver(here.Name))
	s := r.shop()
	r.draw(true, 9)
	return r, s
}

// TestOnce: a message is passed on once, however often it arrives, and in order: one that
// comes before its turn is dropped. Each parcel is answered.
func TestOnce(t *testing.T) {
	r, shop := newReceiverRig(t, Config{})
	n := r.sender(7)
	a := n.sends(greeting(1)).Account
	for _, step := range []struct{ n, last uint64 }{{2, 0}, {1, 1}, {1, 1}, {3, 1}, {2, 2}, {1, 2}, {3, 3}, {2, 3}} {
		if got := n.sends(message(a, step.n, 1, fmt.Sprint(step.n))); got.Last != step.last || got.Account != a {
			t.Errorf("message %d: %+v", step.n, got)
		}
	}
	shop.expect(Delivery{here.Name, ID{7, 1}, "1"}, Delivery{here.Name, ID{7, 2}, "2"}, Delivery{here.Name, ID{7, 3}, "3"})
}

// TestSenders: senders are told apart, and so are the lives of one.
func TestSenders(t *testing.T) {
	r, shop := newReceiverRig(t, Config{})
	one, two := r.sender(7), r.sender(8)
	a, b := one.sends(greeting(1)).Account, two.sends(greeting(1)).Account
	one.sends(message(a, 1, 1, "a"))
	two.sends(message(b, 1, 1, "b"))
	if got := one.sends(message(b, 2, 1, "x")); got.Account != (account{}) {
		t.Errorf("the account of another is answered with %+v", got)
	}
	shop.expect(Delivery{here.Name, ID{7, 1}, "a"}, Delivery{here.Name, ID{8, 1}, "b"})
}

// TestGreetings: a sender keeps its account, unless it declines it. A new one begins with
// the message that the greeting names.
func TestGreetings(t *testing.T) {
	r, shop := newReceiverRig(t, Config{})
	n := r.sender(7)
	a := n.sends(greeting(5))
	if a.Account != (account{9, 1}) || a.Last != 4 {
		t.Errorf("the first account is %+v", a)
	}
	n.sends(message(a.Account, 5, 5, "5"))
	if got := n.sends(greeting(1)); got.Account != a.Account || got.Last != 5 {
		t.Errorf("after another greeting: %+v", got)
	}
	b := n.sends(parcel{Account: a.Account, First: 5})
	if b.Account == a.Account || b.Last != 4 {
		t.Errorf("after the account was declined: %+v", b)
	}
	if got := n.sends(parcel{Account: a.Account, First: 5}); got.Account != b.Account {
		t.Errorf("after a late greeting: %+v", got)
	}
	if got := n.sends(message(a.Account, 6, 5, "6")); got.Account != (account{}) {
		t.Errorf("a message on the account that was declined: %+v", got)
	}
	n.sends(message(b.Account, 5, 5, "other"))
	shop.expect(Delivery{here.Name, ID{7, 5}, "5"}, Delivery{here.Name, ID{7, 5}, "other"})
}

// TestUnknownTypes: a message of a type that the program does not know, or in another form,
// is refused by name, until the sender has taken note of that. The next ones are passed on.
func TestUnknownTypes(t *testing.T) {
	r, shop := newReceiverRig(t, Config{})
	n := r.sender(7)
	a := n.sends(greeting(1)).Account
	unknown, other, broken := message(a, 1, 1, "a"), message(a, 2, 1, "b"), message(a, 3, 1, "c")
	unknown.Body.Type, other.Body.Form[0], broken.Body.Data = "nobody.Knows", other.Body.Form[0]+1, []byte("?!")
	n.sends(unknown)
	n.sends(other)
	n.sends(broken)
	for i := range 2 {
		got := n.sends(message(a, 4, 1, "d"))
		if len(got.Refused) != 3 || got.Last != 4 {
			t.Fatalf("after %d repetitions: %+v", i, got)
		}
		for j, want := range []error{distributed.ErrUnknownType, distributed.ErrSchema, got.Refused[2].Reason} {
			if f := got.Refused[j]; f.N != uint64(j+1) || !errors.Is(f.Reason, want) {
				t.Errorf("refused: %+v, want %v", f, want)
			}
		}
		if !strings.Contains(got.Refused[0].Reason.Error(), "nobody.Knows") {
			t.Errorf("the reason is %v", got.Refused[0].Reason)
		}
	}
	if got := n.sends(message(a, 5, 3, "e")); len(got.Refused) != 1 || got.Refused[0].N != 3 {
		t.Errorf("after the sender has taken note of two: %+v", got)
	}
	if got := n.sends(message(a, 6, 6, "f")); len(got.Refused) != 0 {
		t.Errorf("after the sender has taken note: %+v", got)
	}
	shop.expect(Delivery{here.Name, ID{7, 4}, "d"}, Delivery{here.Name, ID{7, 5}, "e"}, Delivery{here.Name, ID{7, 6}, "f"})
}

// TestRefusalsAreBounded: a receiver keeps a stated number of refusals, and takes no more
// until the sender has taken note.
func TestRefusalsAreBounded(t *testing.T) {
	r := newLargeRig(t, Receiver(here.Name))
	r.shop()
	r.draw(true, 9)
	n := r.sender(7)
	a := n.sends(greeting(1)).Account
	var last receipt
	for i := range maxWindow + 2 {
		p := message(a, uint64(i+1), 1, "x")
		p.Body.Type = "nobody.Knows"
		last = n.sends(p)
	}
	if last.Last != maxWindow || len(last.Refused) != maxWindow {
		t.Errorf("%d are refused, up to %d", len(last.Refused), last.Last)
	}
	if _, err := wire.Seal(last); err != nil {
		t.Errorf("the longest receipt: %v", err)
	}
	if got := n.sends(message(a, maxWindow+1, maxWindow+1, "x")); got.Last != maxWindow+1 || len(got.Refused) != 0 {
		t.Errorf("after the sender has taken note: %+v", got)
	}
}

// TestRoom: a receiver that needs room forgets the sender that was heard the longest time
// ago, of those that are away if there are any. A message of a sender that it has forgotten
// is not passed on, because it may have been before.
func TestRoom(t *testing.T) {
	r, shop := newReceiverRig(t, Config{Senders: 3})
	accounts := map[uint64]account{}
	senders := map[uint64]*near{}
	begin := func(life uint64) {
		senders[life] = r.sender(life)
		accounts[life] = senders[life].sends(greeting(1)).Account
		senders[life].sends(message(accounts[life], 1, 1, life))
	}
	known := func(life uint64) bool {
		return senders[life].sends(message(accounts[life], 1, 1, life)).Account == accounts[life]
	}
	begin(1)
	begin(2)
	begin(3)
	senders[3].close()
	senders[2].close()
	begin(4) // instead of 2
	senders[2] = r.sender(2)
	if !known(1) || known(2) || !known(4) {
		t.Error("of a sender that is here, and two that were away, not the one that was silent for longer was forgotten")
	}
	begin(5) // instead of 3
	begin(6) // instead of 1, although it is here
	if known(1) || !known(4) || !known(5) || !known(6) {
		t.Error("of three senders that are here, not the one that was silent for longest was forgotten")
	}
	var want []Delivery
	for life := range uint64(6) {
		want = append(want, Delivery{here.Name, ID{life + 1, 1}, life + 1})
	}
	shop.expect(want...)
}

// TestAwayAgain: while nobody subscribes, a receiver has no endpoints for senders.
func TestAwayAgain(t *testing.T) {
	r, shop := newReceiverRig(t, Config{})
	n := r.sender(7)
	n.parcels.Take()
	shop.probe.Close(nil)
	n.parcels.ExpectAbsence(parcel{Box: here.Name, From: 7}, nil)
	shop = r.shop()
	n.parcels.ExpectPresence(parcel{Box: here.Name, From: 7})
	a := n.sends(greeting(1)).Account
	n.sends(message(a, 1, 1, "a"))
	shop.expect(Delivery{here.Name, ID{7, 1}, "a"})
}

// A fickle shop ceases to subscribe when a parcel arrives, and hears no message.
type fickle struct{ Heard int }

var fickles = actions.Define("outbox.fickle", fickle.open)

func (f fickle) open() actions.Action {
	return actions.Group(
		endpoint.Subscriber(topic.All[parcel](), endpoint.OnMessageState(func(f fickle, p parcel) actions.Transition[fickle] {
			return actions.Next(f, actions.When(p.N != 0, actions.Delete("shop")))
		})),
		endpoint.Subscriber(From(here.Name), endpoint.OnMessageState(func(f fickle, _ Delivery) actions.Transition[fickle] {
			f.Heard++
			return actions.Next(f, actions.Send(heard{"fickle"}))
		})).As("shop"))
}

// TestNotWanted: a message that arrives in the round in which the last one ceases to subscribe
// is either passed on to it, or not acknowledged.
func TestNotWanted(t *testing.T) {
	for _, boot := range [][]actions.Action{{Receiver(here.Name), fickles.Spawn(fickle{})}, {fickles.Spawn(fickle{}), Receiver(here.Name)}} {
		r := newRig(t, boot...)
		r.draw(true, 9)
		n := r.sender(7)
		a := n.sends(greeting(1)).Account
		p := message(a, 1, 1, "a")
		p.Box, p.From = here.Name, 7
		n.parcels.Send(p)
		acknowledged := slices.ContainsFunc(n.receipts.Take(), func(h vmtest.Heard[receipt]) bool { return h.About.Last == 1 })
		if passed := len(r.said.Take()) > 0; passed != acknowledged {
			t.Errorf("passed on: %v, acknowledged: %v", passed, acknowledged)
		}
	}
}

// TestDamagedStatesAreRefused: a state from a damaged file is an error that names what is
// wrong, and no panic.
func TestDamagedStatesAreRefused(t *testing.T) {
	for _, typ := range Types() {
		for _, data := range []string{"", "{", `{"Nobody": 1}`, `{}`, `{"First": 2, "Next": 1, "Fresh": 2}`} {
			if s, err := typ.Decode([]byte(data)); err == nil {
				t.Errorf("a %s is read from %q: %+v", typ.Name, data, s)
			}
		}
	}
}
