package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/vmtest"
)

// A rig is the room without a network: the test is the driver of TCP.
type rig struct {
	*vmtest.Machine
	t      *testing.T
	at     tcp.Addr
	log    *vmtest.Probe[console.Text]
	people int
}

func newRig(t *testing.T) *rig {
	h := &rig{t: t, at: tcp.Listener("127.0.0.1", 5999)}
	h.Machine = vmtest.Config{Types: types()}.Run(t, room(h.at))
	h.log = vmtest.Subscriber(h, topic.All[console.Text]())
	return h
}

// A person is somebody in the room. What they say and hear flows between probes.
type person struct {
	*rig
	them    tcp.Addr
	in, out *vmtest.Probe[tcp.Data]
}

// person is somebody who hears, but is not there yet.
func (h *rig) person() *person {
	h.people++
	p := &person{rig: h, them: tcp.Remote("192.0.2.1", uint16(h.people))}
	p.out = vmtest.Subscriber(h, tcp.Flow(h.at, p.them))
	return p
}

// enter lets somebody in.
func (h *rig) enter() *person {
	p := h.person()
	p.in = vmtest.Publisher(h, tcp.Flow(p.them, h.at))
	return p
}

// types types lines, all at once.
func (p *person) types(lines ...string) {
	var all actions.Tree
	for _, l := range lines {
		all = append(all, actions.Send(tcp.Data{From: p.them, To: p.at, Bytes: []byte(l + "\n")}))
	}
	p.in.Perform(all...)
}

// hears expects that exactly these lines have been heard since the last call.
func (p *person) hears(want ...string) {
	p.t.Helper()
	var heard strings.Builder
	for _, h := range p.out.Take() {
		heard.Write(h.About.Bytes)
	}
	got := slices.Collect(strings.SplitSeq(strings.TrimSuffix(heard.String(), "\n"), "\n"))
	if heard.Len() == 0 {
		got = nil
	}
	if !slices.Equal(got, want) {
		p.t.Errorf("%v hears %q, not %q", p.them, got, want)
	}
}

// TestWhoIsHere: a newcomer learns who is here, a line each, and the others see
// the arrival. Issue 9.13.
func TestWhoIsHere(t *testing.T) {
	h := newRig(t)
	a := h.enter()
	a.hears("You are user2.")
	b := h.enter()
	b.hears("You are user3.", "user2 is here.")
	a.hears("user3 arrived.")
	c := h.enter()
	c.hears("You are user4.", "user2 is here.", "user3 is here.")
	a.hears("user4 arrived.")
	b.hears("user4 arrived.")
	b.types("/who")
	b.hears("You are user3.", "user2 is here.", "user4 is here.")
	b.in.Close(nil)
	a.hears("user3 departed.")
	c.types("/who", "hello")
	c.hears("user3 departed.", "You are user4.", "user2 is here.", "user4: hello")
	a.hears("user4: hello")
}

// TestArriveTogether: of those who arrive at the same moment, the one who is in
// the room first hears that the other arrived. Issue 9.13.
func TestArriveTogether(t *testing.T) {
	h := newRig(t)
	a, b := h.person(), h.person()
	h.Perform(endpoint.Publisher(tcp.Flow(a.them, h.at)), endpoint.Publisher(tcp.Flow(b.them, h.at)))
	a.hears("You are user2.", "user3 arrived.")
	b.hears("You are user3.", "user2 is here.")
}

// TestNick: a person has one name after another, and others read that it is the
// same person. A person who comes later knows only the last. Issue 9.13.
func TestNick(t *testing.T) {
	h := newRig(t)
	a, b := h.enter(), h.enter()
	a.out.Take()
	b.out.Take()
	a.types("one", "/nick ann", "two")
	a.hears("user2: one", "You are ann.", "ann: two")
	b.hears("user2: one", "user2 is now ann.", "ann: two")
	a.types("three")
	a.hears("ann: three")
	b.hears("ann: three")
	a.types("/nick  Zoë9 ", "/nick Zoë9")
	a.hears("You are Zoë9.", "You are Zoë9.")
	b.hears("ann is now Zoë9.")
	c := h.enter()
	c.hears("You are user4.", "Zoë9 is here.", "user3 is here.")
	a.in.Close(nil)
	b.hears("user4 arrived.", "Zoë9 departed.")
	c.hears("Zoë9 departed.")
}

// TestNames: what can be a name, and what cannot. Issue 9.13.
func TestNames(t *testing.T) {
	h := newRig(t)
	a := h.enter()
	a.hears("You are user2.")
	const rule, reserved = "A name is 1 to 20 letters or digits.", "Names that begin with user are for those who have not chosen one."
	for name, want := range map[string]string{
		"":                      rule,
		"two words":             rule,
		"a.b":                   rule,
		"a\x1b[2Jb":             rule,
		strings.Repeat("é", 21): rule,
		"\u3164":                rule, // a letter that nobody sees
		"user7":                 reserved,
		"USERS":                 reserved,
		strings.Repeat("é", 20): "You are " + strings.Repeat("é", 20) + ".",
		"7":                     "You are 7.",
		"a\u202eb\x07":          "You are ab.",
		"\xff":                  rule,
	} {
		a.types("/nick " + name)
		a.hears(want)
	}
}

// TestOneOfAName: no two people have the same name at the same time, in any
// order of claims; and a name is free when it is given up. Issue 9.13.
func TestOneOfAName(t *testing.T) {
	h := newRig(t)
	a, b, c := h.enter(), h.enter(), h.enter()
	clear := func() {
		for _, p := range []*person{a, b, c} {
			p.out.Take()
		}
	}
	clear()
	a.types("/nick ann")
	a.hears("You are ann.")
	b.types("/nick Ann")
	b.hears("user2 is now ann.", "Ann is taken.")
	clear()
	b.types("/nick bob", "/nick ann", "/nick bea", "/nick bob")
	b.hears("You are bob.", "ann is taken.", "You are bea.", "You are bob.")
	c.hears("user3 is now bob.", "bob is now bea.", "bea is now bob.")
	c.types("/nick bea", "/nick BOB")
	c.hears("You are bea.", "BOB is taken.")
	clear()
	a.types("/nick ANN", "/nick al") // the same name, and another
	a.hears("You are ANN.", "You are al.")
	clear()
	b.types("/nick ann") // which is free
	b.hears("You are ann.")
	b.in.Close(syscall.ECONNRESET)
	clear()
	c.types("/nick Ann") // which is free again
	c.hears("You are Ann.")
	if names := h.names(); !slices.Equal(names, []string{"al", "ann"}) {
		t.Errorf("the porter holds %q", names)
	}
}

// TestPorter: of claims to a name that come at the same time, the first is
// granted, and the name belongs to the session as long as it claims it. Issue 9.13.
func TestPorter(t *testing.T) {
	p := porter{At: tcp.Listener("127.0.0.1", 5999), Names: map[string]Claim{}}
	m := vmtest.Run(t, actions.Spawn(vm.Nested(vmtest.Here("room"), actions.Spawn(actions.Next(p, p.open())))))
	room := m.At("room")
	answers := vmtest.ObserveSubscribers(room, topic.All[Claim]())
	answers.ExpectPresence(Claim{})
	claim := func(name string, by actions.PID, nth int) actions.Action {
		return endpoint.Publisher(topic.Where(Name.Is(name), By.Is(by), Nth.Is(nth))).As(Claim{Name: name, By: by, Nth: nth})
	}
	drop := func(name string, by actions.PID, nth int) actions.Action {
		return actions.Delete(Claim{Name: name, By: by, Nth: nth})
	}
	for _, step := range []struct {
		do   actions.Tree
		want []Claim
	}{
		{actions.Tree{claim("ann", 7, 1), claim("Ann", 8, 1), claim("al", 8, 2)}, []Claim{{"ann", 7, 1, true}, {"Ann", 8, 1, false}, {"al", 8, 2, true}}},
		{actions.Tree{drop("Ann", 8, 1), claim("ANN", 9, 1)}, []Claim{{"ANN", 9, 1, false}}}, // what was refused frees nothing
		{actions.Tree{claim("bob", 7, 2), claim("ann", 7, 3)}, []Claim{{"bob", 7, 2, true}, {"ann", 7, 3, true}}},
		{actions.Tree{drop("ann", 7, 1), drop("bob", 7, 2), claim("ann", 9, 2), claim("bob", 9, 3)}, []Claim{{"ann", 9, 2, false}, {"bob", 9, 3, true}}},
		{actions.Tree{drop("ann", 7, 3), claim("ann", 8, 3)}, []Claim{{"ann", 8, 3, true}}},
	} {
		room.Perform(step.do)
		answers.ExpectMessages(step.want...)
		answers.ExpectNothing()
	}
}

// names returns the names that the porter holds.
func (h *rig) names() []string {
	h.t.Helper()
	for p := range h.VM().Processes() {
		if s, ok := p.State.(porter); ok {
			return slices.Sorted(maps.Keys(s.Names))
		}
	}
	h.t.Fatal("there is no porter")
	return nil
}

// TestHelp: each command that there is, and one that there is not. Issue 9.13.
func TestHelp(t *testing.T) {
	h := newRig(t)
	a, b := h.enter(), h.enter()
	a.out.Take()
	b.out.Take()
	a.types("/help", "/dance")
	a.hears(append(strings.Split(help, "\n"), "There is no /dance: see /help.")...)
	b.hears()
}

// TestHarmless: nothing that anybody says does anything to the terminals of
// others. Issue 9.13.
func TestHarmless(t *testing.T) {
	h := newRig(t)
	a, b := h.enter(), h.enter()
	b.out.Take()
	for said, want := range map[string]string{
		"\x1b[2J\x1b]0;title\x07\x00\x7f": "[2J]0;title",
		"\u009b2J\u0085":                  "2J",
		"a\tb\rc\vd\fe":                   "a bcde",
		"\u202etxet\u2066\u200f":          "txet",
		"a\u2028b\u2029":                  "ab",
		"\xff\x9b2J\xc3":                  "\ufffd\ufffd2J\ufffd",
		"\ufffd":                          "\ufffd",
		"Grüße, 你好, שלום, 👩‍👩‍👧": "Grüße, 你好, שלום, 👩‍👩‍👧",
		"": "",
	} {
		a.types(said)
		b.hears("user2: " + want)
	}
}

// TestLastWords: a line that is the last needs no end. Issue 9.13.
func TestLastWords(t *testing.T) {
	h := newRig(t)
	a, b := h.enter(), h.enter()
	b.out.Take()
	a.in.Send(tcp.Data{From: a.them, To: a.at, Bytes: []byte("bye")})
	a.in.Send(tcp.Data{From: a.them, To: a.at, EOF: true})
	a.in.Close(nil)
	b.hears("user2: bye", "user2 departed.")
	h.log.ExpectNothing()
}

// TestThrownOut: others read why somebody was thrown out, and so does the
// operator. Issue 9.13.
func TestThrownOut(t *testing.T) {
	for reason, want := range map[error]string{
		tcp.ErrSlowConsumer: "user2 is gone: it read too slowly.",
		tcp.ErrLineTooLong:  "user2 is gone: its line was too long.",
		tcp.ErrIdle:         "user2 departed.",
	} {
		h := newRig(t)
		a, b := h.enter(), h.enter()
		b.out.Take()
		a.in.Close(fmt.Errorf("192.0.2.1: %w", reason))
		b.hears(want)
		if strings.Contains(want, "gone") {
			h.log.ExpectMessages(console.Text{Text: "chat: user2 is gone: 192.0.2.1: " + reason.Error() + "\n"})
		}
		h.log.ExpectNothing()
	}
}
