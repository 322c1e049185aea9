package topic_test

import (
	"math"
	"net/netip"
	"testing"
	"unique"

	"github.com/go-marketplace/marketplace/topic"
)

// mail has fields of all sorts.
type mail struct {
	header  // embedded: its fields are part of the message
	To      netip.AddrPort
	User    unique.Handle[string]
	Payload any
	Shape   interface{ Sides() int }
	Grid    [2]int
	ID      [16]byte
	Board   [9][2]bool
	Names   [9]string
	Level   float64
	Small   float32
	Phase   complex128
	Ref     *int
	Done    chan int
	Ready   bool
	_       int // blank fields do not count
	Size    int8
	Port    uint16
	Count   int32
	Lines   []string
	Nothing struct{}
}

type header struct{ From, Subject string }

type square struct{ side int }

func (square) Sides() int { return 4 }

type polygon []int

func (p polygon) Sides() int { return len(p) }

var (
	mailHead    = topic.FieldOf(func(m *mail) *header { return &m.header })
	mailFrom    = topic.FieldOf(func(m *mail) *string { return &m.From })
	mailTo      = topic.FieldOf(func(m *mail) *netip.AddrPort { return &m.To })
	mailUser    = topic.FieldOf(func(m *mail) *unique.Handle[string] { return &m.User })
	mailPayload = topic.FieldOf(func(m *mail) *any { return &m.Payload })
	mailShape   = topic.FieldOf(func(m *mail) *interface{ Sides() int } { return &m.Shape })
	mailGrid    = topic.FieldOf(func(m *mail) *[2]int { return &m.Grid })
	mailCell    = topic.FieldOf(func(m *mail) *int { return &m.Grid[1] })
	mailID      = topic.FieldOf(func(m *mail) *[16]byte { return &m.ID })
	mailBoard   = topic.FieldOf(func(m *mail) *[9][2]bool { return &m.Board })
	mailNames   = topic.FieldOf(func(m *mail) *[9]string { return &m.Names })
	mailLevel   = topic.FieldOf(func(m *mail) *float64 { return &m.Level })
	mailSmall   = topic.FieldOf(func(m *mail) *float32 { return &m.Small })
	mailPhase   = topic.FieldOf(func(m *mail) *complex128 { return &m.Phase })
	mailRef     = topic.FieldOf(func(m *mail) **int { return &m.Ref })
	mailDone    = topic.FieldOf(func(m *mail) *chan int { return &m.Done })
	mailReady   = topic.FieldOf(func(m *mail) *bool { return &m.Ready })
	mailSize    = topic.FieldOf(func(m *mail) *int8 { return &m.Size })
	mailPort    = topic.FieldOf(func(m *mail) *uint16 { return &m.Port })
	mailCount   = topic.FieldOf(func(m *mail) *int32 { return &m.Count })
)

// TestFieldsMatch says what it means to pin a field of each sort: which
// messages match, and which do not. LL-04, B-M17.
func TestFieldsMatch(t *testing.T) {
	seven, other := 7, 7
	done := make(chan int)
	local := netip.MustParseAddrPort("127.0.0.1:80")
	for _, c := range []struct {
		name  string
		term  topic.Term[mail]
		match []mail
		fail  []mail
	}{
		{"embedded struct", mailHead.Is(header{"tony", "tea"}),
			[]mail{{header: header{"tony", "tea"}}, {header: header{"tony", "tea"}, Size: 3}},
			[]mail{{}, {header: header{"tony", ""}}}},
		{"promoted field", mailFrom.Is("tony"),
			[]mail{{header: header{"tony", "tea"}}},
			[]mail{{header: header{"sam", "tea"}}}},
		{"zero value", mailFrom.Is(""),
			[]mail{{}, {Size: 3}},
			[]mail{{header: header{"tony", ""}}}},
		{"address", mailTo.Is(local),
			[]mail{{To: netip.MustParseAddrPort("127.0.0.1:80")}},
			[]mail{{}, {To: netip.MustParseAddrPort("127.0.0.1:81")}, {To: netip.MustParseAddrPort("[::1]:80")}}},
		{"handle", mailUser.Is(unique.Make("tony")),
			[]mail{{User: unique.Make("to" + "ny")}},
			[]mail{{}, {User: unique.Make("sam")}}},
		{"interface pins value and type", mailPayload.Is(1),
			[]mail{{Payload: 1}},
			[]mail{{}, {Payload: 2}, {Payload: int64(1)}, {Payload: "1"}, {Payload: []int{1}}}},
		{"interface pinned to a text", mailPayload.Is("x"),
			[]mail{{Payload: "x"}},
			[]mail{{}, {Payload: "y"}, {Payload: label("x")}, {Payload: 1}}},
		{"interface pinned to a struct", mailPayload.Is(header{"a", "b"}),
			[]mail{{Payload: header{"a", "b"}}},
			[]mail{{}, {Payload: header{"a", "c"}}, {Payload: &header{"a", "b"}}}},
		{"interface pinned to a struct with an interface", mailPayload.Is(parcel{Kind: 1}),
			[]mail{{Payload: parcel{Kind: 1}}},
			[]mail{{}, {Payload: parcel{}}, {Payload: parcel{Kind: []int{1}}}}},
		{"interface pinned to an array of interfaces", mailPayload.Is([2]any{1, "x"}),
			[]mail{{Payload: [2]any{1, "x"}}},
			[]mail{{}, {Payload: [2]any{1}}, {Payload: [2]any{1, []int{1}}}}},
		{"interface pinned to nil", mailPayload.Is(nil),
			[]mail{{}},
			[]mail{{Payload: 0}, {Payload: (*int)(nil)}, {Payload: []int(nil)}}},
		{"interface with methods", mailShape.Is(square{2}),
			[]mail{{Shape: square{2}}},
			[]mail{{}, {Shape: square{3}}, {Shape: polygon{2}}}},
		{"short array", mailGrid.Is([2]int{1, 2}),
			[]mail{{Grid: [2]int{1, 2}}},
			[]mail{{Grid: [2]int{1, 3}}, {}}},
		{"element of a short array", mailCell.Is(2),
			[]mail{{Grid: [2]int{1, 2}}, {Grid: [2]int{5, 2}}},
			[]mail{{Grid: [2]int{2, 1}}}},
		{"long array of bytes", mailID.Is([16]byte{15: 9}),
			[]mail{{ID: [16]byte{15: 9}}},
			[]mail{{}, {ID: [16]byte{15: 8}}, {ID: [16]byte{0: 9}}}},
		{"long array of arrays", mailBoard.Is([9][2]bool{8: {false, true}}),
			[]mail{{Board: [9][2]bool{8: {false, true}}}},
			[]mail{{}, {Board: [9][2]bool{8: {true, true}}}}},
		{"long array of texts", mailNames.Is([9]string{8: "x"}),
			[]mail{{Names: [9]string{8: "x"}}},
			[]mail{{}, {Names: [9]string{7: "x"}}}},
		{"float", mailLevel.Is(1.5),
			[]mail{{Level: 1.5}},
			[]mail{{}, {Level: -1.5}, {Level: math.NaN()}}},
		{"zero is minus zero", mailLevel.Is(0),
			[]mail{{Level: 0}, {Level: negativeZero}},
			[]mail{{Level: math.NaN()}, {Level: math.SmallestNonzeroFloat64}}},
		{"minus zero is zero", mailSmall.Is(float32(negativeZero)),
			[]mail{{Small: 0}, {Small: float32(negativeZero)}},
			[]mail{{Small: 1}, {Small: float32(math.NaN())}}},
		{"complex", mailPhase.Is(complex(negativeZero, 1)),
			[]mail{{Phase: 1i}},
			[]mail{{}, {Phase: 1 + 1i}}},
		{"complex zero", mailPhase.Is(complex(1, negativeZero)),
			[]mail{{Phase: 1}},
			[]mail{{}, {Phase: 1 + 1i}}},
		{"pointer is its address", mailRef.Is(&seven),
			[]mail{{Ref: &seven}},
			[]mail{{}, {Ref: &other}}},
		{"channel", mailDone.Is(done),
			[]mail{{Done: done}},
			[]mail{{}, {Done: make(chan int)}}},
		{"bool", mailReady.Is(false), []mail{{}}, []mail{{Ready: true}}},
		{"int8", mailSize.Is(-3), []mail{{Size: -3}}, []mail{{}, {Size: 3}}},
		{"uint16", mailPort.Is(80), []mail{{Port: 80}}, []mail{{}, {Port: 81}}},
		{"int32", mailCount.Is(-1), []mail{{Count: -1}}, []mail{{}, {Count: 1}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := topic.Where(c.term)
			// An index finds by hash what a topic matches by comparing.
			x := topic.NewIndex(byKey)
			x.Add(p.Topic(), item{key: 1})
			check := func(m mail, want bool) {
				if p.Matches(m) != want {
					t.Errorf("%v matches %+v: %v, want %v", p, m, !want, want)
				}
				if found := len(x.Match(topic.MessageOf(m), new([]item))) == 1; found != want {
					t.Errorf("index finds %v for %+v: %v, want %v", p, m, found, want)
				}
			}
			for _, m := range c.match {
				check(m, true)
			}
			for _, m := range c.fail {
				check(m, false)
			}
			check(c.match[0], true)
			// Pins are the same after they have been put together with others.
			q, ok := topic.Where(mailReady.Is(c.match[0].Ready)).Intersect(p)
			if !ok || !q.Matches(c.match[0]) || q.Matches(c.fail[0]) || !p.Topic().Covers(q.Topic()) {
				t.Errorf("%v has become %v in an intersection", p, q)
			}
		})
	}
}

// A blank field is not compared by ==, and not by patterns.
func TestBlankFieldsDoNotCount(t *testing.T) {
	type padded struct {
		A int
		_ int
		B string
	}
	itself := topic.FieldOf(func(p *padded) *padded { return p })
	p := topic.Where(itself.Is(padded{A: 1, B: "x"}))
	if !p.Matches(padded{A: 1, B: "x"}) || !p.Topic().IsGround() {
		t.Errorf("%v is not of one message", p)
	}
	if got, want := p.String(), `topic_test.padded{A: 1, B: "x"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// In tells a field that is pinned to zero from one that is open.
func TestFieldIn(t *testing.T) {
	open, zero := topic.All[says](), topic.Where(who.Is(""))
	if v, pinned := who.In(open); pinned || v != "" {
		t.Errorf("open: %q, %v", v, pinned)
	}
	if v, pinned := who.In(zero); !pinned || v != "" {
		t.Errorf("pinned to zero: %q, %v", v, pinned)
	}
	if open.Example() != zero.Example() {
		t.Error("examples differ, though open is zero in an example")
	}
	if v, pinned := who.In(topic.Where(topic.Glob(who, "t*"))); pinned {
		t.Errorf("glob: pinned to %q", v)
	}
	if v, pinned := who.In(topic.Pattern[says]{}); pinned {
		t.Errorf("zero Pattern: pinned to %q", v)
	}
	// A field is pinned if all of it is.
	half := topic.Where(port.Is(80))
	if v, pinned := to.In(half); pinned {
		t.Errorf("half a field: pinned to %v", v)
	}
	if v, pinned := to.In(topic.Where(port.Is(80), host.Is("a"))); !pinned || v != (spot{"a", 80}) {
		t.Errorf("a field in two halves: %v, %v", v, pinned)
	}
}

func TestFieldGetAndString(t *testing.T) {
	m := mail{header: header{From: "tony"}, Grid: [2]int{1, 2}}
	if got := mailFrom.Get(m); got != "tony" {
		t.Errorf("From is %q", got)
	}
	if got := mailCell.Get(m); got != 2 {
		t.Errorf("Grid[1] is %d", got)
	}
	for got, want := range map[string]string{
		mailFrom.String(): "header.From", mailCell.String(): "Grid[1]", ticket.String(): "", port.String(): "To.Port",
	} {
		if got != want {
			t.Errorf("path is %q, want %q", got, want)
		}
	}
}

// A message need not be a struct.
func TestFieldOfTheMessageItself(t *testing.T) {
	p := topic.Where(ticket.Is("a"))
	if !p.Matches("a") || p.Matches("b") || !p.Topic().IsGround() {
		t.Errorf("%v is not the pattern of one label", p)
	}
	if q := topic.Where(topic.Glob(ticket, "a*")); !q.Matches("abc") || q.Matches("bc") {
		t.Errorf("%v does not match as it should", q)
	}
	if topic.All[label]().Topic().Matches(topic.MessageOf("a")) {
		t.Error("a string is taken for a label")
	}
}
