package text

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

type celsius float64

type tree struct {
	Name  string
	kids  []*tree
	Extra any
}

// The zero Printer has the texts that journals have kept from the beginning.
func TestText(t *testing.T) {
	loop := &tree{Name: "loop"}
	loop.Extra = loop
	for _, test := range []struct {
		v    any
		want string
	}{
		{nil, "nil"},
		{true, "true"},
		{-3, "-3"},
		{uint8(3), "3"},
		{2.5, "2.5"},
		{math.NaN(), "NaN"},
		{complex(1, 2), "(1+2i)"},
		{"a\nb", `"a\nb"`},
		{celsius(3), "text.celsius(3)"},
		{[]byte("abc"), `"abc"`},
		{[]byte(nil), "nil"},
		{[2]bool{true}, "[true, false]"},
		{map[string]int{"b": 2, "a": 1}, `{"a": 1, "b": 2}`},
		{map[int]int{1: 0, 10: 1}, `{10: 1, 1: 0}`},
		{map[string]int(nil), "nil"},
		{tree{Name: "a", kids: []*tree{{Name: "b"}, nil}, Extra: celsius(1)},
			`text.tree{Name: "a", kids: [&{Name: "b", kids: nil, Extra: nil}, nil], Extra: text.celsius(1)}`},
		{(*tree)(nil), "nil"},
		{errors.New("no"), "no"},
		{struct{ at netip.Addr }{netip.IPv6Loopback()}, "{at: ::1}"},
		{struct{ at reflect.Type }{reflect.TypeFor[tree]()}, "{at: text.tree}"},
		{netip.MustParseAddr("::1"), "::1"},
		{time.Unix(0, 5).UTC(), "1970-01-01T00:00:00.000000005Z"},
		{topic.Tuple{"says", topic.Wild}, `("says", _)`},
		{topic.All[tree](), "text.tree{}"},
		{make(chan int), "chan"},
		{(func())(nil), "nil"},
		{world.Alarm{Label: "x"}, `world.Alarm(nil, 0ns, "x")`},
		{struct{ c world.Clock }{&world.ManualClock{}}, "{c: *world.ManualClock}"},
		{TestText, "func github.com/go-marketplace/marketplace/internal/text.TestText"},
	} {
		if got := Value(test.v); got != test.want {
			t.Errorf("%T: %s, want %s", test.v, got, test.want)
		}
		if got := (Printer{}).Node(State, test.v).String(); got != test.want {
			t.Errorf("%T in parts: %s, want %s", test.v, got, test.want)
		}
	}
	if got := Value(loop); !strings.HasPrefix(got, `&text.tree{Name: "loop", kids: nil, Extra: &text.tree{`) || !strings.Contains(got, "…") {
		t.Errorf("a loop: %s", got)
	}
}

// The ways in which a type can hide what is in it.
type (
	hiddenString string
	hiddenFormat string
	hiddenLog    string
	hiddenGo     string
	hiddenError  string
	hiddenByPtr  string
	hiddenBytes  []byte
	hiddenGroup  struct{ name, password string }
)

func (hiddenString) String() string             { return "***" }
func (hiddenFormat) Format(s fmt.State, _ rune) { io.WriteString(s, "***") }
func (hiddenLog) LogValue() slog.Value          { return slog.StringValue("***") }
func (hiddenGo) GoString() string               { return "***" }
func (hiddenError) Error() string               { return "***" }
func (*hiddenByPtr) String() string             { return "***" }
func (hiddenBytes) String() string              { return "***" }
func (g hiddenGroup) LogValue() slog.Value {
	return slog.GroupValue(slog.String("name", g.name), slog.Any("password", hiddenLog(g.password)))
}

// secrets hide, each in its way.
type secrets struct {
	A     hiddenString
	B     hiddenFormat
	C     hiddenLog
	D     hiddenGo
	E     hiddenError
	F     hiddenByPtr
	G     hiddenBytes
	H     hiddenGroup
	I     any
	J     *hiddenString
	K     map[hiddenString]hiddenLog
	L     []hiddenGo
	quiet struct{ inner []hiddenLog }
}

const secret = "hunter2"

func someSecrets() secrets {
	h := hiddenString(secret)
	return secrets{secret, secret, secret, secret, secret, secret, hiddenBytes(secret), hiddenGroup{"tony", secret}, h, &h,
		map[hiddenString]hiddenLog{secret: secret}, []hiddenGo{secret}, struct{ inner []hiddenLog }{[]hiddenLog{secret}}}
}

// printers are one of each sort.
var printers = map[string]Printer{
	"zero":    {},
	"limited": {Limits: Limits{Depth: 8, Parts: 20, Bytes: 1 << 12}},
	"narrow":  {Limits: Limits{Depth: 3, Parts: 5, Bytes: 30}},
	"hiding":  {Hide: func(_, _, field string) bool { return field == "Name" }},
	"private": {Hide: func(_, typ, _ string) bool { return typ == "text.hiddenString" }},
}

// What a type hides is hidden by all printers, also if it is in a field that is not
// exported (Issue 9.12).
func TestSecretsAreHidden(t *testing.T) {
	s := someSecrets()
	const want = `text.secrets{A: ***, B: ***, C: ***, D: ***, E: ***, F: ***, G: ***, H: [name=tony password=***], I: ***, J: ***, K: {***: ***}, L: [***], quiet: {inner: [***]}}`
	if got := Value(s); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := Value(&s); got != "&"+want {
		t.Errorf("got  %s\nwant &%s", got, want)
	}
	where := topic.Where(topic.FieldOf(func(s *secrets) *hiddenString { return &s.A }).Is(secret))
	for name, p := range printers {
		for _, v := range []any{s, &s, []any{s}, map[any]any{s.A: s.C}, where, where.Topic(), topic.Role{Topic: where.Topic()},
			topic.MessageOf(s), topic.Tuple{s.A, topic.Wild}, topic.Like(topic.Tuple{s.A, topic.Wild}), logged{secret}} {
			if text := p.String(Message, v); strings.Contains(text, secret) {
				t.Errorf("%s: %s", name, text)
			}
			if n := p.Node(Message, v); strings.Contains(fmt.Sprintf("%#v", n), secret) {
				t.Errorf("%s: %+v", name, n)
			}
		}
		reason := func(w *Writer) { w.Because(logged{secret}) }
		if text, line := p.Text(reason), p.Line(reason); strings.Contains(text, secret) || strings.Contains(fmt.Sprintf("%#v", line), secret) {
			t.Errorf("%s: %s: %+v", name, text, line)
		}
	}
}

// A logged reason has another text in logs.
type logged struct{ text string }

func (e logged) Error() string        { return e.text }
func (e logged) LogValue() slog.Value { return slog.StringValue("***") }

// The ways in which methods of values can panic.
type (
	mute       struct{ text *string }
	muteLog    struct{ text *string }
	muteError  struct{ text *string }
	muteDevice struct {
		world.Device
		text *string
	}
)

func (m mute) String() string           { return *m.text }
func (m muteLog) LogValue() slog.Value  { return slog.StringValue(*m.text) }
func (m muteError) Error() string       { return *m.text }
func (m muteDevice) DeviceName() string { return *m.text }

// No description panics because a method of a value does.
func TestPanickingMethods(t *testing.T) {
	for name, p := range printers {
		for _, v := range []any{mute{}, &mute{}, (*mute)(nil), muteLog{}, (*muteLog)(nil), muteError{}, (*muteError)(nil), muteDevice{}, (*muteDevice)(nil),
			[]any{mute{}}, map[any]any{mute{}: muteLog{}}, struct{ d world.Device }{muteDevice{}}, topic.Like(topic.Tuple{mute{}}), topic.MessageOf(mute{})} {
			if text := p.String(State, v); text != p.Node(State, v).String() || text == "" {
				t.Errorf("%s: %T: %s", name, v, text)
			}
		}
		describe := func(w *Writer) {
			w.Device(nil)
			w.Device(muteDevice{})
			w.Device((*muteDevice)(nil))
			w.Because(nil)
			w.Because(muteError{})
			w.Because((*muteError)(nil))
			w.Named(" as ", mute{})
			w.Role(topic.Role{})
		}
		if text := p.Text(describe); text != p.Line(describe).String() {
			t.Errorf("%s: %s", name, text)
		}
	}
	if got, want := ReasonText(muteError{}), "a text.muteError, which does not say what it is"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := Value(muteDevice{}), "a text.muteDevice, which does not say what it is"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Own reports whether a part of a value describes itself.
func TestOwn(t *testing.T) {
	for _, test := range []struct {
		v   any
		own bool
	}{
		{3, false}, {"x", false}, {tree{Name: "a"}, false}, {time.Unix(1, 0), false}, {world.Alarm{}, false},
		{hiddenString("x"), true}, {tree{Extra: []any{hiddenLog("x")}}, true}, {map[hiddenGo]int{"x": 1}, true},
	} {
		if text, own := Own(test.v); own != test.own || text != Value(test.v) {
			t.Errorf("%v: %s, %v", test.v, text, own)
		}
	}
}
