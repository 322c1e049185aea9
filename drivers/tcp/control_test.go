package tcp

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// newControlled returns a rig with a connection in which a user takes part, who
// has set a mode and a credit before subscribing.
func newControlled(t *testing.T, mode Mode, credit int, users ...string) *rig {
	r := newServer(t, append([]string{"a"}, users...)...)
	r.do("a", r.publish("out", serverAt, peer), SetMode(peer, serverAt, mode, credit), r.subscribe("in", peer, serverAt))
	want := []string{"out: listener(:80) to 10.0.0.1:1000", "in: 10.0.0.1:1000 to listener(:80)", "close alarm conn1 claim 30s"}
	if credit > 0 {
		want = append(want, "resume conn1")
	}
	r.expect(want...)
	return r
}

func (r *rig) receive(text string) { r.value("conn1", received{[]byte(text)}) }

const (
	noMoreIn  = "in: no more 10.0.0.1:1000 to listener(:80), "
	noMoreO   = "o: no more 10.0.0.1:1000 to listener(:80), "
	noMoreOut = "out: no more listener(:80) to 10.0.0.1:1000, "
)

func TestDR28NothingIsReadWithoutCredit(t *testing.T) {
	r := newControlled(t, Bytes(), 0)
	r.do("a", Grant(peer, serverAt, 5))
	r.expect("resume conn1")
	r.receive("hel")
	r.expect(`in: "hel"`)
	r.receive("lo, world")
	r.expect(`in: "lo"`, "pause conn1")
	r.do("a", Grant(peer, serverAt, 3))
	r.expect(`in: ", w"`) // of what has come; and so it stays paused
	r.do("a", Grant(peer, serverAt, 5))
	r.expect(`in: "orld"`, "resume conn1")
	r.do("a", Grant(peer, serverAt, 0))
	r.expect()
}

// B-D07: data that has arrived is delivered at once, even if the credit allows more.
func TestBD07NobodyWaitsForTheGrantedNumber(t *testing.T) {
	r := newControlled(t, Bytes(), 1000)
	for _, s := range []string{"a", "bc", "def"} {
		r.receive(s)
		r.expect(`in: "` + s + `"`)
	}
}

// B-D08: a change of credit changes a number, and no endpoint.
func TestBD08CreditIsNotPresence(t *testing.T) {
	r := newControlled(t, Lines(100), 0)
	for range 3 {
		r.do("a", Grant(peer, serverAt, 1))
		r.receive("line\nand ")
		r.expect("resume conn1", `in: "line\n"`, "pause conn1")
		r.do("a", SetMode(peer, serverAt, Bytes(), 4))
		r.expect(`in: "and "`)
		r.do("a", SetMode(peer, serverAt, Lines(100), 0))
		r.expect()
	}
}

func TestDR28Lines(t *testing.T) {
	r := newControlled(t, Lines(100), 3)
	r.receive("one\r\ntwo\nthr")
	r.expect(`in: "one\r\n"`, `in: "two\n"`)
	r.receive("ee\nfour\nfi")
	r.expect(`in: "three\n"`, "pause conn1")
	r.do("a", Grant(peer, serverAt, 2))
	r.expect(`in: "four\n"`, "resume conn1")
	r.value("conn1", peerEnded{})
	r.expect(`in: "fi"`, `in: "" and the end`, noMoreO+"<nil>", noMoreIn+"<nil>", "pause conn1")
}

// The end is delivered last, and costs no credit.
func TestDR24EndWaitsForWhatComesBefore(t *testing.T) {
	r := newControlled(t, Bytes(), 2)
	r.receive("abcd")
	r.value("conn1", peerEnded{}) // which was under way
	r.expect(`in: "ab"`, "pause conn1")
	r.do("a", Grant(peer, serverAt, 1))
	r.expect(`in: "c"`)
	r.do("a", Grant(peer, serverAt, 1))
	r.expect(`in: "d"`, `in: "" and the end`, noMoreO+"<nil>", noMoreIn+"<nil>")
	r.do("a", Grant(peer, serverAt, 1), SetMode(peer, serverAt, Lines(5), 1)) // too late, and no harm
	r.do("a", say(serverAt, peer, "thanks"))
	r.expect(`tell conn1 "thanks"`)
	r.do("a", end(serverAt, peer))
	r.expect(noMoreOut+"<nil>", "tell conn1 tcp.endWriting", "close conn1")
}

// Undelivered data waits while subscribers leave and others come.
func TestDR28WhatIsNotDeliveredWaitsForTheNextSubscriber(t *testing.T) {
	r := newControlled(t, Lines(100), 1, "b")
	r.receive("one\ntwo\nthree\nfo")
	r.expect(`in: "one\n"`, "pause conn1")
	r.do("a", actions.Delete("in"))
	r.expect(noMoreIn + "<nil>")
	r.do("a", Grant(peer, serverAt, 1))
	r.expect()
	r.do("b", r.subscribe("b", peer, serverAt)) // who finds mode and credit as they are
	r.expect("b: 10.0.0.1:1000 to listener(:80)", `b: "two\n"`)
	r.do("b", actions.Delete("b"))
	r.log = nil
	r.do("b", SetMode(peer, serverAt, Bytes(), Unlimited), r.subscribe("b", peer, serverAt))
	r.expect("b: 10.0.0.1:1000 to listener(:80)", `b: "three\nfo"`, "resume conn1")
	r.receive("ur")
	r.expect(`b: "ur"`)
}

func TestDR28ModeChangesBetweenBytes(t *testing.T) {
	r := newControlled(t, Lines(100), 1)
	r.receive("LENGTH 6\r\nab\ncd\nNEXT\r\n")
	r.expect(`in: "LENGTH 6\r\n"`, "pause conn1")
	r.do("a", SetMode(peer, serverAt, Bytes(), 6))
	r.expect(`in: "ab\ncd\n"`)
	r.do("a", SetMode(peer, serverAt, Lines(100), 1))
	r.expect(`in: "NEXT\r\n"`)
	r.do("a", SetMode(peer, serverAt, Lines(100), 7), SetMode(peer, serverAt, Lines(50), 0)) // credit does not survive
	r.expect("resume conn1", "pause conn1")
	r.do("a", SetMode(peer, serverAt, Lines(100), 1))
	r.receive("half ")
	r.receive("a li")
	r.expect("resume conn1")
	r.do("a", SetMode(peer, serverAt, Bytes(), Unlimited))
	r.expect(`in: "half a li"`)
	r.do("a", SetMode(peer, serverAt, Lines(100), Unlimited))
	r.receive("ne\n\n")
	r.expect(`in: "ne\n"`, `in: "\n"`)
}

// By default, a subscriber needs no credit.
func TestFreeRunningIsTheDefault(t *testing.T) {
	r := newSession(t)
	r.do("a", Grant(peer, serverAt, 1)) // which limits nothing
	r.receive("one\ntwo")
	r.expect(`in: "one\ntwo"`)
	r.do("a", SetMode(peer, serverAt, Bytes(), 0))
	r.expect("pause conn1")
	r.do("a", Grant(peer, serverAt, Unlimited))
	r.expect("resume conn1")
	r.receive("more")
	r.expect(`in: "more"`)
}

// Two who subscribe to one flow share its credit.
func TestTwoSubscribersShareCredit(t *testing.T) {
	r := newControlled(t, Bytes(), 2, "b")
	r.do("b", r.subscribe("b", peer, serverAt))
	r.log = nil
	r.receive("abcd")
	r.expect(`in: "ab"`, `b: "ab"`, "pause conn1")
	r.do("b", Grant(peer, serverAt, 9))
	r.expect(`in: "cd"`, `b: "cd"`, "resume conn1")
}

// A process can grant credit for an outgoing connection together with its presence.
func TestControlOfAnOutboundConnection(t *testing.T) {
	r := newRig(t, Config{}, "a")
	r.do("a", r.publish("out", us, far), r.subscribe("in", far, us))
	r.do("a", SetMode(far, us, Lines(10), 1))
	r.value(dial, opened{Local: Remote("127.0.0.1", 50000), Remote: Remote("10.0.0.7", 7)})
	r.log = nil
	r.value(dial, received{[]byte("a\nb\n")})
	r.expect(`in: "a\n"`, "pause dial far.test:7")
	r.do("a", Grant(far, us, 1))
	r.expect(`in: "b\n"`)
}

func TestDR28LineTooLongEndsTheFlow(t *testing.T) {
	r := newControlled(t, Lines(5), 10)
	var reason error
	r.do("a", absent(topic.Subscriber, Flow(peer, serverAt), func(_ Data, err error) actions.Action { reason = err; return nil }))
	r.receive("a\n12345\nb\n")
	want := "tcp: 10.0.0.1:1000: " + text(ErrLineTooLong) + ": it has more than 5 bytes"
	r.expect(`in: "a\n"`, noMoreO+want, noMoreIn+want, "pause conn1")
	if e, ok := errors.AsType[*world.Error](reason); !ok || e.Addr != "10.0.0.1:1000" || !errors.Is(reason, ErrLineTooLong) {
		t.Errorf("the reason is %#v", reason)
	}
	r.do("a", Grant(peer, serverAt, 1), SetMode(peer, serverAt, Bytes(), Unlimited)) // too late
	r.do("a", say(serverAt, peer, "too long"), actions.Quit())
	r.expect(`tell conn1 "too long"`, "close conn1")
}

// Nothing is delivered after a line that ends the flow, not even data that was read
// together with it.
func TestNothingFollowsALineTooLong(t *testing.T) {
	r := newControlled(t, Lines(5), Unlimited)
	r.value("conn1", lastReceived{Bytes: []byte("123456")})
	want := "tcp: 10.0.0.1:1000: " + text(ErrLineTooLong) + ": it has more than 5 bytes"
	r.expect(noMoreO+want, noMoreIn+want, "pause conn1")
	r.receive("more\n")
	r.value("conn1", peerEnded{})
	r.expect()
}

func TestDR24LastPieceAndEnd(t *testing.T) {
	r := newControlled(t, Lines(5), 1)
	r.value("conn1", lastReceived{Bytes: []byte("1\n2")})
	r.expect(`in: "1\n"`, "pause conn1")
	r.do("a", Grant(peer, serverAt, 1))
	r.expect(`in: "2"`, `in: "" and the end`, noMoreO+"<nil>", noMoreIn+"<nil>")
}

func TestLineTooLongWithoutAPublisherCloses(t *testing.T) {
	r := newServer(t, "a")
	r.do("a", SetMode(peer, serverAt, Lines(5), Unlimited), r.subscribe("in", peer, serverAt))
	r.receive("1234567")
	r.value("alarm conn1 rest 0s", world.AlarmRang{})
	if !slices.Contains(r.log, "close conn1") {
		t.Error(r.log)
	}
}

// An invalid Control makes its own connection fail, and no other.
func TestDR29NonsenseFailsTheConnection(t *testing.T) {
	to := func(c Control) Control { c.From, c.To = peer, serverAt; return c }
	for name, test := range map[string]struct {
		controls []Control
		says     string
	}{
		"negative credit":       {[]Control{to(Control{Credit: -1})}, "the credit is -1"},
		"negative first credit": {[]Control{to(Control{Switch: true, Credit: -7})}, "the credit is -7"},
		"negative line":         {[]Control{to(Control{Switch: true, Mode: Mode{-2}})}, "Mode.MaxLine is -2: it must not be negative"},
		"mode without a switch": {[]Control{to(Control{Mode: Mode{80}, Credit: 1})}, "does not switch"},
		"a sum that overflows":  {[]Control{to(Control{Switch: true, Credit: Unlimited - 1}), to(Control{Credit: 1})}, "a Grant of 1 overflows"},
		"two big steps":         {[]Control{to(Control{Switch: true, Credit: 1}), to(Control{Credit: Unlimited - 1})}, "the credit of 1 that is left"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newControlled(t, Bytes(), 0, "b")
			another := Remote("10.0.0.2", 1000)
			r.accept(2, another)
			r.do("b", r.subscribe("b", another, serverAt))
			r.log = nil
			var reasons []error
			absence := func(_ Data, err error) actions.Action { reasons = append(reasons, err); return nil }
			r.do("a", absent(topic.Subscriber, Flow(peer, serverAt), absence), absent(topic.Publisher, Flow(serverAt, peer), absence))
			for _, c := range test.controls {
				r.do("a", actions.Feedback(c))
			}
			if len(reasons) != 2 {
				t.Fatalf("%d absences", len(reasons))
			}
			for _, reason := range reasons {
				if e, ok := errors.AsType[*world.Error](reason); !ok || e.Addr != "10.0.0.1:1000" || !errors.Is(reason, ErrControl) || !strings.Contains(e.Text, test.says) {
					t.Errorf("the reason is %#v", reason)
				}
			}
			r.log = nil
			r.value("conn2", received{[]byte("still here")})
			r.expect(`b: "still here"`)
		})
	}
}

func TestNonsenseBeforeTheConnection(t *testing.T) {
	r := newRig(t, Config{}, "a")
	r.do("a", r.subscribe("in", far, us))
	r.do("a", actions.Feedback(Control{From: far, To: us, Credit: -1}))
	if got := r.log[len(r.log)-2]; !strings.Contains(got, text(ErrControl)) || r.open[dial] != nil {
		t.Error(r.log)
	}
}

// A control for another connection, or for the other direction, has no effect.
func TestDR29ControlsAreAddressed(t *testing.T) {
	r := newControlled(t, Bytes(), 0)
	r.do("a", Grant(Remote("10.0.0.2", 1000), serverAt, 1), Grant(peer, Listener("", 81), 1),
		actions.Feedback(Control{From: serverAt, To: peer, Credit: 1}), actions.Send(Control{From: peer, To: serverAt, Credit: 1}))
	r.expect()
}

func TestDR29MistakesPanic(t *testing.T) {
	for name, mistake := range map[string]func(){
		"Grant from listener(:80) to 10.0.0.1:1000":    func() { Grant(serverAt, peer, 1) },
		"SetMode from listener(:80) to 10.0.0.1:1000":  func() { SetMode(serverAt, peer, Bytes(), 1) },
		"Grant from 10.0.0.1:1000 to 10.0.0.1:1000":    func() { Grant(peer, peer, 1) },
		"Grant from none to none":                      func() { Grant(Addr{}, Addr{}, 1) },
		"Confirm from 10.0.0.1:1000 to listener(:80)":  func() { Confirm(peer, serverAt) },
		`WrittenOn from 10.0.0.1:1000 to handle("us")`: func() { WrittenOn(peer, us) },
		"Grant: the credit is -1":                      func() { Grant(peer, serverAt, -1) },
		"SetMode: the credit is -1":                    func() { SetMode(peer, serverAt, Bytes(), -1) },
		"SetMode: Mode.MaxLine is -80":                 func() { SetMode(peer, serverAt, Mode{-80}, 1) },
		"Lines(0)":                                     func() { Lines(0) },
		"Lines(-1)":                                    func() { Lines(-1) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if s, ok := recover().(string); !ok || !strings.HasPrefix(s, "tcp: "+name) {
					t.Errorf("it panics with %v", s)
				}
			}()
			mistake()
		})
	}
}

func TestModesForPeople(t *testing.T) {
	if s := Bytes().String() + "; " + Lines(80).String(); s != "bytes; lines of at most 80 bytes" {
		t.Error(s)
	}
}
