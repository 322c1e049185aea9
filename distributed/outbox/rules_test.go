package outbox

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/world"
)

// TestOneMachine: with the zero Place, both sides are in one machine. A message waits until
// somebody subscribes, and is passed on once, in order.
func TestOneMachine(t *testing.T) {
	r := newRig(t, Sender(here), Receiver(here.Name))
	r.hand(order{N: 1})
	r.draw(false, 7)
	r.draw(true, 9)
	r.hand(order{N: 2})
	r.expect()
	if s := r.status(); s.Waiting != 2 || s.Sent != 0 || s.Bytes == 0 || !errors.Is(s.Reason, ErrNoReceiver) {
		t.Errorf("the status is %+v", s)
	}
	shop := r.shop()
	shop.expect(Delivery{here.Name, ID{7, 1}, order{N: 1}}, Delivery{here.Name, ID{7, 2}, order{N: 2}})
	r.expect("{1 }: delivered", "{2 }: delivered")
	r.hand("three")
	shop.expect(Delivery{here.Name, ID{7, 3}, "three"})
	r.expect("three: delivered")
	if s := r.status(); s.Waiting != 0 || s.Bytes != 0 || s.Reason != nil {
		t.Errorf("the status is %+v", s)
	}
	shop.probe.Close(nil)
	r.hand(order{N: 4})
	r.expect()
	shop = r.shop()
	shop.expect(Delivery{here.Name, ID{7, 4}, order{N: 4}})
	r.expect("{4 }: delivered")
}

// status asks the sender for its status.
func (r *rig) status() (s Status) {
	r.Perform(actions.Spawn(actions.Stateless(rpc.Call(Inspect, here, func(got Status, err error) actions.Action {
		if err != nil {
			r.t.Error(err)
		}
		s = got
		return nil
	}))))
	return s
}

var home = account{Receiver: 9, N: 1}

// TestSentAgain: each time that the receiver is present, the sender asks for the account, and
// sends from the first message on that is not acknowledged. An acknowledgement is for all
// messages up to its number.
func TestSentAgain(t *testing.T) {
	r := newRig(t, Sender(here))
	r.draw(false, 7)
	r.hand(order{N: 1}, order{N: 2}, order{N: 3})
	f := r.receiver()
	if ps := f.takes(); len(ps) != 1 || ps[0].N != 0 || ps[0].First != 1 || ps[0].From != 7 {
		t.Errorf("the greeting is %+v", ps)
	}
	f.answer(home, 0)
	f.expectNumbers(1, 2, 3)
	f.answer(home, 1)
	r.expect("{1 }: delivered")
	f.close(nil)
	r.hand(order{N: 4})
	f = r.receiver()
	if ps := f.takes(); len(ps) != 1 || ps[0].N != 0 || ps[0].First != 4 {
		t.Errorf("the second greeting is %+v", ps)
	}
	f.answer(home, 2) // the acknowledgement of 2 was lost
	r.expect("{2 }: delivered")
	f.expectNumbers(3, 4)
	f.answer(home, 2) // late
	f.answer(home, 4)
	r.expect("{3 }: delivered", "{4 }: delivered")
	f.expectNumbers()
}

func (f *far) expectNumbers(want ...uint64) {
	f.r.t.Helper()
	if got := f.numbers(); fmt.Sprint(got) != fmt.Sprint(want) {
		f.r.t.Errorf("sent are %v, want %v", got, want)
	}
}

// TestWindow: no more messages are under way than the window allows, also in bytes; a message
// that is larger than the window goes alone.
func TestWindow(t *testing.T) {
	r := newLargeRig(t, Config{Window: 2}.Sender(here))
	r.draw(false, 7)
	r.hand("a", "b", "c")
	f := r.receiver()
	f.answer(home, 0)
	f.expectNumbers(0, 1, 2)
	f.answer(home, 1)
	f.expectNumbers(3)
	f.answer(home, 3)
	r.said.Take()
	r.hand(strings.Repeat("x", windowBytes+1), strings.Repeat("y", windowBytes/2), strings.Repeat("z", windowBytes/2))
	f.expectNumbers(4)
	f.answer(home, 4)
	f.expectNumbers(5)
	f.answer(home, 5)
	f.expectNumbers(6)
}

// TestFull: a sender takes no more messages, or bytes, than it may keep, and says why they
// wait. Those that it has taken are not lost.
func TestFull(t *testing.T) {
	r := newRig(t, Config{Messages: 2}.Sender(here))
	r.hand("a", "b", "c")
	r.expect(fmt.Sprintf("c: %v: 2 of 4 bytes, to \"orders\" at here: %v", ErrFull, ErrNoReceiver))
	r.draw(false, 7)
	f := r.receiver()
	f.answer(home, 0)
	r.hand("d")
	r.expect(fmt.Sprintf("d: %v: 2 of 4 bytes, to \"orders\" at here", ErrFull))
	f.answer(home, 2)
	r.expect("a: delivered", "b: delivered")

	r = newLargeRig(t, Config{Bytes: minBytes}.Sender(here))
	large := strings.Repeat("x", maxBody-10)
	r.hand(large, large)
	if lines := r.said.Take(); len(lines) != 1 || !strings.Contains(lines[0].About.Line, ErrFull.Error()) {
		t.Errorf("heard %d lines", len(lines))
	}
}

// TestNotSendable: what cannot be sent is refused at once.
func TestNotSendable(t *testing.T) {
	type unregistered struct{ A int }
	r := newRig(t, Sender(here))
	for _, test := range []struct {
		body any
		want error
	}{
		{unregistered{1}, distributed.ErrUnsendable},
		{withPID{1}, distributed.ErrUnsendable},
		{nil, distributed.ErrUnsendable},
		{strings.Repeat("x", maxBody), distributed.ErrTooLarge},
		{strings.Repeat("x", 1<<20), distributed.ErrTooLarge},
	} {
		var got error
		r.Perform(actions.Spawn(actions.Stateless(rpc.Call(Deliver, Message{here, test.body}, func(_ ID, err error) actions.Action { got = err; return nil }))))
		if !errors.Is(got, test.want) {
			t.Errorf("a %T: %v, want %v", test.body, got, test.want)
		}
	}
}

type withPID struct{ Of actions.PID }

func init() { world.Register[withPID]("outbox.withPID") }

// TestLargestMessage: the largest message that a sender takes fits into a frame.
func TestLargestMessage(t *testing.T) {
	r := newRig(t, Sender(here), Receiver(here.Name))
	r.draw(false, 1<<63)
	r.draw(true, 1<<63)
	shop := r.shop()
	body := strings.Repeat("x", maxBody-5)
	r.hand(body)
	shop.expect(Delivery{here.Name, ID{1 << 63, 1}, body})
}

// TestRefused: a message that the receiver refuses ends its call with the reason, also if
// the first receipt that says so is lost; the others are delivered.
func TestRefused(t *testing.T) {
	r := newRig(t, Sender(here))
	r.draw(false, 7)
	r.hand("a", "b", "c")
	f := r.receiver()
	f.answer(home, 0)
	unknown, _ := world.Reduce(fmt.Errorf("%w: x", distributed.ErrUnknownType)).(*world.Error)
	f.answer(home, 3, refusal{2, unknown})
	r.expect("a: delivered", "b: "+unknown.Error(), "c: delivered")
}

// TestForgotten: when the receiver has begun a new life, or has forgotten the sender, the
// calls whose messages were sent end with ErrForgotten, and the others are delivered.
func TestForgotten(t *testing.T) {
	for name, forget := range map[string]func(f *far) *far{
		"new life": func(f *far) *far {
			f.close(nil)
			f = f.r.receiver()
			return f
		},
		"while present": func(f *far) *far {
			f.answer(account{}, 0) // to a parcel
			f.answer(account{}, 0)
			return f
		},
	} {
		r := newRig(t, Config{Window: 2}.Sender(here))
		r.draw(false, 7)
		r.hand("a", "b", "c")
		f := r.receiver()
		f.answer(home, 0)
		f.expectNumbers(0, 1, 2)
		f = forget(f)
		for _, p := range f.takes() {
			if p.N != 0 || p.First != 3 {
				t.Errorf("%s: the greeting is %+v", name, p)
			}
		}
		f.answer(account{10, 1}, 2)
		r.expect("a: "+ErrForgotten.Error(), "b: "+ErrForgotten.Error())
		f.expectNumbers(3)
		f.answer(account{10, 1}, 3)
		r.expect("c: delivered")
	}
}

// TestNoSpuriousErrForgotten: a message that was not sent before the receiver began a new
// life is delivered.
func TestNoSpuriousErrForgotten(t *testing.T) {
	r := newRig(t, Sender(here))
	r.draw(false, 7)
	f := r.receiver()
	f.answer(home, 0)
	f.close(nil)
	f = r.receiver()
	r.hand("a")
	f.answer(account{10, 1}, 0)
	f.expectNumbers(0, 1)
	f.answer(account{10, 1}, 1)
	r.expect("a: delivered")
}

// TestLostEnds: an account on which the receiver has messages that the sender does not know,
// or lacks some that it has acknowledged, is declined: one of the machines has lost the end
// of its journal. No message is taken for another.
func TestLostEnds(t *testing.T) {
	for _, test := range []struct {
		last  uint64
		lines []string
	}{
		{7, []string{"b: delivered"}},
		{0, []string{"b: " + ErrForgotten.Error()}},
	} {
		r := newRig(t, Sender(here))
		r.draw(false, 7)
		f := r.receiver()
		f.answer(home, 0)
		r.hand("a", "b")
		f.answer(home, 1)
		r.expect("a: delivered")
		f.close(nil)
		f = r.receiver()
		r.hand("c")
		f.takes()
		f.answer(home, test.last)
		if ps := f.takes(); len(ps) != 1 || ps[0].N != 0 || ps[0].Account != home || ps[0].First != 3 {
			t.Fatalf("after an account up to %d: %+v", test.last, ps)
		}
		f.answer(account{9, 2}, 2)
		r.expect(test.lines...)
		f.expectNumbers(3)
		f.answer(account{9, 2}, 3)
		r.expect("c: delivered")
	}
}

// TestOthersAccount: an account that is not the one the sender has, with messages that it
// does not know, is declined as well.
func TestOthersAccount(t *testing.T) {
	r := newRig(t, Sender(here))
	r.draw(false, 7)
	r.hand("a")
	f := r.receiver()
	f.takes()
	f.answer(account{9, 5}, 3)
	if ps := f.takes(); len(ps) != 1 || ps[0].N != 0 || ps[0].Account != (account{9, 5}) {
		t.Errorf("after the account of another: %+v", ps)
	}
}

// TestTaken: a machine has one sender and one receiver for each box. The first stays.
func TestTaken(t *testing.T) {
	r := newRig(t, Sender(here), Receiver(here.Name))
	r.AllowCrashes()
	r.Perform(Receiver("others"), Sender(Box{Name: "others"}))
	for _, second := range []actions.SpawnProcess{Sender(here), Receiver(here.Name)} {
		var reason error
		r.Perform(actions.Spawn(actions.Stateless(second.Monitored(actions.Monitor(0, &actions.Handler{
			Events: actions.EventsOf(actions.Down),
			Run:    func(s any, ev *actions.Event) (any, actions.Action) { reason = ev.Reason; return s, actions.Quit() },
		})))))
		if !errors.Is(reason, ErrTaken) {
			t.Errorf("the second %s ends with %v", second.Name, reason)
		}
	}
	shop := r.shop()
	r.draw(false, 7)
	r.draw(true, 9)
	r.hand("a")
	shop.expect(Delivery{here.Name, ID{7, 1}, "a"})
}

// TestChecks: Sender and Receiver panic if a name or a limit is not allowed.
func TestChecks(t *testing.T) {
	for want, f := range map[string]func(){
		"the name":                   func() { Sender(Box{}) },
		"256 bytes":                  func() { Receiver(strings.Repeat("x", 256)) },
		"of UTF-8":                   func() { Receiver("\xff") },
		"Messages is -1":             func() { Config{Messages: -1}.Sender(here) },
		"Bytes is 1; it is at least": func() { Config{Bytes: 1}.Sender(here) },
		"Window is 257":              func() { Config{Window: 257}.Sender(here) },
		"Senders is -1":              func() { Config{Senders: -1}.Receiver("x") },
	} {
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); !strings.Contains(got, want) {
					t.Errorf("panic %q, want %q in it", got, want)
				}
			}()
			f()
		}()
	}
}

// TestAway: a process that has no sender for its box hears that.
func TestAway(t *testing.T) {
	r := newRig(t, Sender(Box{Name: "others"}))
	r.hand("a")
	r.expect(fmt.Sprintf("a: %v: outbox.deliver", rpc.ErrNobody))
}
