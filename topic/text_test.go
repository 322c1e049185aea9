package topic_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unique"

	"github.com/go-marketplace/marketplace/topic"
)

type listen struct {
	Addr netip.AddrPort
	note string
}

type odd struct{}

func (odd) String() string { panic("no text") }

type fault struct{ code int }

func (f fault) Error() string { return fmt.Sprint("fault ", f.code) }

type counter struct {
	Every time.Duration
	Mood  fmt.Stringer
	Odd   struct{ odd }
	Last  error
}

type opaque struct{ a, b int }

func (o opaque) String() string { return fmt.Sprint("<", o.a+o.b, ">") }

type shout struct{ Text string }

func (s shout) String() string { return s.Text + "!" }

type box[T any] struct{ Content T }

var (
	every   = topic.FieldOf(func(c *counter) *time.Duration { return &c.Every })
	mood    = topic.FieldOf(func(c *counter) *fmt.Stringer { return &c.Mood })
	last    = topic.FieldOf(func(c *counter) *error { return &c.Last })
	closed  = topic.FieldOf(func(o *opaque) *opaque { return o })
	inside  = topic.FieldOf(func(b *box[shout]) *shout { return &b.Content })
	shouted = topic.FieldOf(func(s *shout) *shout { return s })
	content = topic.FieldOf(func(b *box[says]) *says { return &b.Content })
)

// TestText is the canonical text of everything.
func TestText(t *testing.T) {
	local := netip.MustParseAddrPort("127.0.0.1:80")
	for _, c := range []struct {
		topic interface{ String() string }
		want  string
	}{
		{topic.Topic{}, "none"},
		{topic.Any, "any"},
		{topic.All[says](), "topic_test.says{}"},
		{topic.All[label](), "topic_test.label{}"},
		{topic.All[*says](), "*topic_test.says{}"},
		{topic.All[struct{}](), "struct {}{}"},

		{topic.Where(what.Is("x"), who.Is("tony")), `topic_test.says{Who: "tony", What: "x"}`},
		{topic.Where(who.Is("")), `topic_test.says{Who: ""}`},
		{topic.Where(who.Is("a\"b\n")), `topic_test.says{Who: "a\"b\n"}`},
		{topic.Where(topic.Glob(who, "t*")), `topic_test.says{Who: ~"t*"}`},
		{topic.Where(topic.Glob(who, "t*"), topic.Glob(who, "*y")), `topic_test.says{Who: ~"*y", Who: ~"t*"}`},
		{topic.Where(ticket.Is("a")), `topic_test.label{"a"}`},
		{topic.Where(topic.Glob(ticket, "a*")), `topic_test.label{~"a*"}`},
		{topic.Where(content.Is(says{"tony", "x"})), `topic_test.box[github.com/go-marketplace/marketplace/topic_test.says]{Content.Who: "tony", Content.What: "x"}`},

		{topic.Where(mailHead.Is(header{"a", "b"})), `topic_test.mail{header.From: "a", header.Subject: "b"}`},
		{topic.Where(mailCell.Is(3)), "topic_test.mail{Grid[1]: 3}"},
		{topic.Where(mailGrid.Is([2]int{1, 2})), "topic_test.mail{Grid[0]: 1, Grid[1]: 2}"},
		{topic.Where(mailID.Is([16]byte{1, 2})), "topic_test.mail{ID: {1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}}"},
		{topic.Where(mailBoard.Is([9][2]bool{{true}})), "topic_test.mail{Board: {{true, false}, {false, false}, {false, false}, {false, false}, {false, false}, {false, false}, {false, false}, {false, false}, {false, false}}}"},
		{topic.Where(mailNames.Is([9]string{"x"})), `topic_test.mail{Names: {"x", "", "", "", "", "", "", "", ""}}`},
		{topic.Where(mailLevel.Is(1.5)), "topic_test.mail{Level: 1.5}"},
		{topic.Where(mailLevel.Is(negativeZero)), "topic_test.mail{Level: 0}"},
		{topic.Where(mailPhase.Is(complex(1, negativeZero))), "topic_test.mail{Phase: (1+0i)}"},
		{topic.Where(mailReady.Is(true)), "topic_test.mail{Ready: true}"},
		{topic.Where(mailRef.Is(nil)), "topic_test.mail{Ref: nil}"},
		{topic.Where(mailTo.Is(local)), "topic_test.mail{To: 127.0.0.1:80}"},
		{topic.Where(mailUser.Is(unique.Make("tony"))), `topic_test.mail{User: "tony"}`},
		{topic.Where(mailUser.Is(unique.Handle[string]{})), "topic_test.mail{User: nil}"},

		{topic.Where(kind.Is(nil)), "topic_test.parcel{Kind: nil}"},
		{topic.Where(kind.Is(1)), "topic_test.parcel{Kind: 1}"},
		{topic.Where(kind.Is("1")), `topic_test.parcel{Kind: "1"}`},
		{topic.Where(kind.Is(true)), "topic_test.parcel{Kind: true}"},
		{topic.Where(kind.Is(int8(1))), "topic_test.parcel{Kind: int8(1)}"},
		{topic.Where(kind.Is(negativeZero)), "topic_test.parcel{Kind: float64(0)}"},
		{topic.Where(kind.Is(label("x"))), `topic_test.parcel{Kind: topic_test.label("x")}`},
		{topic.Where(kind.Is((*int)(nil))), "topic_test.parcel{Kind: *int(nil)}"},
		{topic.Where(kind.Is([1]int{7})), "topic_test.parcel{Kind: [1]int{7}}"},
		{topic.Where(kind.Is(spot{"a b", 1})), `topic_test.parcel{Kind: topic_test.spot{Host: "a b", Port: 1}}`},
		{topic.Where(kind.Is(listen{local, "x"})), `topic_test.parcel{Kind: topic_test.listen{Addr: 127.0.0.1:80, note: "x"}}`},
		{topic.Where(kind.Is(box[any]{})), "topic_test.parcel{Kind: topic_test.box[interface {}]{Content: nil}}"},
		{topic.Where(kind.Is(parcel{Kind: 1.5})), `topic_test.parcel{Kind: topic_test.parcel{To: {Host: "", Port: 0}, Kind: float64(1.5), Weight: 0, Bits: {false, false}}}`},
		{topic.Where(kind.Is(time.Second)), "topic_test.parcel{Kind: time.Duration(1s)}"},
		{topic.Where(kind.Is(unique.Make(3))), "topic_test.parcel{Kind: unique.Handle[int](3)}"},

		{topic.Where(every.Is(time.Second)), "topic_test.counter{Every: 1s}"},
		{topic.Where(mood.Is(local)), "topic_test.counter{Mood: netip.AddrPort(127.0.0.1:80)}"},
		{topic.Where(mood.Is(odd{})), "topic_test.counter{Mood: topic_test.odd(%!v(PANIC=String method: no text))}"},
		{topic.Where(last.Is(fault{3})), "topic_test.counter{Last: topic_test.fault(fault 3)}"},
		{topic.Where(closed.Is(opaque{1, 2})), "topic_test.opaque{<3>}"},
		{topic.Where(inside.Is(shout{"hey"})), "topic_test.box[github.com/go-marketplace/marketplace/topic_test.shout]{Content: hey!}"},
		{topic.Where(shouted.Is(shout{"hey"})), `topic_test.shout{Text: "hey"}`},
		{topic.Where(kind.Is(shout{"hey"})), "topic_test.parcel{Kind: topic_test.shout(hey!)}"},

		{topic.All[topic.Tuple](), "topic.Tuple{}"},
		{topic.Like(nil), "()"},
		{topic.Like(topic.Tuple{1}), "(1,)"},
		{topic.Like(topic.Tuple{"says", topic.Wild, 3}), `("says", _, 3)`},
		{topic.Like(topic.Tuple{topic.Tuple{}, topic.Tuple{topic.Wild}, nil}), "((), (_,), nil)"},
		{topic.Like(topic.Tuple{negativeZero, label("x"), true, 'x'}), `(float64(0), topic_test.label("x"), true, int32(120))`},
		{topic.Like(topic.Tuple{spot{"a", 1}, time.Second, local}), `(topic_test.spot{Host: "a", Port: 1}, time.Duration(1s), netip.AddrPort(127.0.0.1:80))`},
		{topic.Tuple{"_", []int{1}, map[string]int{"a": 1}}, `("_", []int{1}, map[string]int{"a": 1})`},
	} {
		if got := c.topic.String(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

// The text of a pointer is its address: patterns that pin different pointers
// differ, even if what they point to is the same.
func TestTextOfPointers(t *testing.T) {
	a, b := &says{"x", ""}, &says{"x", ""}
	p, q := topic.Where(kind.Is(a)), topic.Where(kind.Is(b))
	if got, want := p.String(), fmt.Sprintf("topic_test.parcel{Kind: *topic_test.says(%p)}", a); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if p.String() == q.String() {
		t.Errorf("two patterns have the text %s", p)
	}
}

// Constraints is the canonical form as data. LL-06.
func TestConstraints(t *testing.T) {
	local := netip.MustParseAddrPort("127.0.0.1:80")
	user := unique.Make("tony")
	type want []topic.Constraint
	for _, c := range []struct {
		topic topic.Topic
		want  want
	}{
		{topic.Topic{}, nil},
		{topic.Any.Topic(), nil},
		{topic.All[says]().Topic(), nil},
		{topic.Like(topic.Tuple{1}).Topic(), nil},
		{topic.Where(what.Is("x"), topic.Glob(who, "t*")).Topic(), want{{Path: "Who", Glob: "t*"}, {Path: "What", Value: "x"}}},
		{topic.Where(to.Is(spot{"a", 1})).Topic(), want{{Path: "To.Host", Value: "a"}, {Path: "To.Port", Value: uint16(1)}}},
		{topic.Where(kind.Is(nil), weight.Is(negativeZero)).Topic(), want{{Path: "Kind"}, {Path: "Weight", Value: 0.0}}},
		{topic.Where(mailTo.Is(local), mailUser.Is(user)).Topic(), want{{Path: "To", Value: local}, {Path: "User", Value: user}}},
		{topic.Where(mailCell.Is(3)).Topic(), want{{Path: "Grid[1]", Value: 3}}},
		{topic.Where(ticket.Is("a")).Topic(), want{{Value: label("a")}}},
		{topic.Where(last.Is(error(fault{1}))).Topic(), want{{Path: "Last", Value: fault{1}}}},
	} {
		got := c.topic.Constraints()
		if len(got) != len(c.want) {
			t.Errorf("constraints of %v: %v, want %v", c.topic, got, c.want)
			continue
		}
		for i, w := range c.want {
			if g := got[i]; g.Path != w.Path || g.Value != w.Value || g.Glob != w.Glob {
				t.Errorf("constraints of %v: %v, want %v", c.topic, got, c.want)
			}
		}
	}
	if err, ok := topic.Where(last.Is(fault{1})).Topic().Constraints()[0].Value.(error); !ok || !errors.Is(err, fault{1}) {
		t.Errorf("got %v", err)
	}
}

// The ways in which a type can hide what is in it.
type (
	hidden       string // by String
	hiddenFormat string
	hiddenLog    string
	hiddenGo     string
	hiddenError  string
	hiddenByPtr  string
	hiddenBytes  []byte
	hiddenArray  [4]byte
	hiddenInt    int
	hiddenGroup  struct{ name, password string }
)

const secret, code = "hunter2", 4711

func (hidden) String() string                   { return "***" }
func (hiddenFormat) Format(s fmt.State, _ rune) { io.WriteString(s, "***") }
func (hiddenLog) LogValue() slog.Value          { return slog.StringValue("***") }
func (hiddenGo) GoString() string               { return "***" }
func (hiddenError) Error() string               { return "***" }
func (*hiddenByPtr) String() string             { return "***" }
func (hiddenBytes) String() string              { return "***" }
func (hiddenArray) String() string              { return "***" }
func (hiddenInt) String() string                { return "***" }
func (g hiddenGroup) LogValue() slog.Value {
	return slog.GroupValue(slog.String("name", g.name), slog.Any("password", hiddenLog(g.password)))
}

// secrets hide, each in its way.
type secrets struct {
	A     hidden
	B     hiddenFormat
	C     hiddenLog
	D     hiddenGo
	E     hiddenError
	F     hiddenByPtr
	G     hiddenArray
	H     hiddenInt
	I     hiddenGroup
	J     any
	quiet hidden
}

var all = secrets{secret, secret, secret, secret, secret, secret, hiddenArray([]byte(secret)), code, hiddenGroup{"tony", secret}, hidden(secret), secret}

const allText = `topic_test.secrets{A: "***", B: "***", C: "***", D: "***", E: "***", F: "***", G: ***, H: ***, I: [name=tony password=***], J: topic_test.hidden("***"), quiet: "***"}`

// A type that hides what is in it hides it in the texts of topics and messages,
// whichever method it does that with (Issue 9.12).
func TestSecretsAreHidden(t *testing.T) {
	whole := topic.FieldOf(func(s *secrets) *secrets { return s })
	a := topic.FieldOf(func(s *secrets) *hidden { return &s.A })
	g := topic.FieldOf(func(s *secrets) *hiddenArray { return &s.G })
	for _, c := range []struct {
		topic interface{ String() string }
		want  string
	}{
		{topic.Where(whole.Is(all)), allText},
		{topic.Where(a.Is(secret)), `topic_test.secrets{A: "***"}`},
		{topic.Where(g.Is(all.G)), `topic_test.secrets{G: ***}`},
		{topic.Where(topic.Glob(a, "hunter*")), `topic_test.secrets{A: ~"***"}`},
		{topic.Where(topic.FieldOf(func(h *hidden) *hidden { return h }).Is(secret)), `topic_test.hidden{"***"}`},
		{topic.Tuple{"login", hidden(secret), hiddenLog(secret)}, `("login", topic_test.hidden("***"), topic_test.hiddenLog("***"))`},
		{topic.Like(topic.Tuple{"login", hidden(secret), topic.Wild}), `("login", topic_test.hidden("***"), _)`},
		{topic.MessageOf(all), allText},
		{topic.MessageOf(hidden(secret)), "***"},
		{topic.MessageOf(hiddenLog(secret)), "***"},
		{topic.MessageOf([]hidden{secret}), `[]topic_test.hidden{"***"}`},
		{topic.MessageOf(struct{ s []hiddenLog }{[]hiddenLog{secret}}), `struct { s []topic_test.hiddenLog }{s: {"***"}}`},
		{topic.MessageOf(map[hiddenLog]hiddenBytes{secret: hiddenBytes(secret)}), `map[topic_test.hiddenLog]topic_test.hiddenBytes{"***": ***}`},
	} {
		if got := c.topic.String(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

// What looks the same need not be the same: the canonical text tells it apart
// (Issue 9.12).
func TestHiddenTopicsDiffer(t *testing.T) {
	a := topic.FieldOf(func(s *secrets) *hidden { return &s.A })
	x, y := topic.Where(a.Is("x")).Topic(), topic.Where(a.Is("y")).Topic()
	if x.String() != y.String() || x.Equivalent(y) {
		t.Errorf("%v and %v, equivalent: %v", x, y, x.Equivalent(y))
	}
	if got, want := x.Canonical(), `topic_test.secrets{A: "x"}`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got, want := topic.Like(topic.Tuple{hidden("x"), topic.Wild}).Topic().Canonical(), `(topic_test.hidden("x"), _)`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// Canonical texts are in what has been saved, so they are what they always
// were (Issue 9.12).
func TestCanonical(t *testing.T) {
	whole := topic.FieldOf(func(s *secrets) *secrets { return s })
	const want = `topic_test.secrets{A: "hunter2", B: "hunter2", C: "hunter2", D: "hunter2", E: "hunter2", F: "hunter2", G[0]: 104, G[1]: 117, G[2]: 110, G[3]: 116, H: ***, I.name: "tony", I.password: "hunter2", J: topic_test.hidden("hunter2"), quiet: "hunter2"}`
	if got := topic.Where(whole.Is(all)).Topic().Canonical(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// A contradiction between terms does not show what a type hides (Issue 9.12).
func TestContradictionsHide(t *testing.T) {
	a := topic.FieldOf(func(s *secrets) *hidden { return &s.A })
	for _, terms := range [][]topic.Term[secrets]{
		{a.Is("hunter1"), a.Is("hunter2")},
		{a.Is("hunter1"), topic.Glob(a, "hunter2*")},
		{topic.Glob(a, "hunter1*"), topic.Glob(a, "hunter2*")},
	} {
		func() {
			defer func() {
				text := fmt.Sprint(recover())
				if !strings.Contains(text, "contradiction") || !strings.Contains(text, "***") || strings.Contains(text, "hunter") {
					t.Error(text)
				}
			}()
			topic.Where(terms...)
		}()
	}
}
