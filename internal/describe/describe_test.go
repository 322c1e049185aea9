package describe

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

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

type celsius float64

type tree struct {
	Name  string
	kids  []*tree
	Extra any
}

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
		{celsius(3), "describe.celsius(3)"},
		{[]byte("abc"), `"abc"`},
		{[]byte(nil), "nil"},
		{[2]bool{true}, "[true, false]"},
		{map[string]int{"b": 2, "a": 1}, `{"a": 1, "b": 2}`},
		{map[string]int(nil), "nil"},
		{tree{Name: "a", kids: []*tree{{Name: "b"}, nil}, Extra: celsius(1)},
			`describe.tree{Name: "a", kids: [&{Name: "b", kids: nil, Extra: nil}, nil], Extra: describe.celsius(1)}`},
		{(*tree)(nil), "nil"},
		{errors.New("no"), "no"},
		{struct{ at netip.Addr }{netip.IPv6Loopback()}, "{at: ::1}"},
		{struct{ at reflect.Type }{reflect.TypeFor[tree]()}, "{at: describe.tree}"},
		{netip.MustParseAddr("::1"), "::1"},
		{time.Unix(0, 5).UTC(), "1970-01-01T00:00:00.000000005Z"},
		{topic.Tuple{"says", topic.Wild}, `("says", _)`},
		{topic.All[tree](), "describe.tree{}"},
		{make(chan int), "chan"},
		{(func())(nil), "nil"},
		{world.Alarm{Label: "x"}, `world.Alarm(nil, 0ns, "x")`},
		{struct{ c world.Clock }{&world.ManualClock{}}, "{c: *world.ManualClock}"},
		{TestText, "func github.com/go-marketplace/marketplace/internal/describe.TestText"},
	} {
		if got := Value(test.v); got != test.want {
			t.Errorf("%T: %s, want %s", test.v, got, test.want)
		}
	}
	if got := Value(loop); !strings.HasPrefix(got, `&describe.tree{Name: "loop", kids: nil, Extra: &describe.tree{`) || !strings.Contains(got, "…") {
		t.Errorf("a loop: %s", got)
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
	hiddenGroup  struct{ name, password string }
)

func (hidden) String() string                   { return "***" }
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
	A     hidden
	B     hiddenFormat
	C     hiddenLog
	D     hiddenGo
	E     hiddenError
	F     hiddenByPtr
	G     hiddenBytes
	H     hiddenGroup
	I     any
	J     *hidden
	K     map[hidden]hiddenLog
	L     []hiddenGo
	quiet struct{ inner []hiddenLog }
}

// What a type hides is nowhere in the texts of what happens, also if it is in a
// field that is not exported (Issue 9.12).
func TestSecretsAreHidden(t *testing.T) {
	const secret = "hunter2"
	h := hidden(secret)
	s := secrets{secret, secret, secret, secret, secret, secret, hiddenBytes(secret), hiddenGroup{"tony", secret}, h, &h,
		map[hidden]hiddenLog{secret: secret}, []hiddenGo{secret}, struct{ inner []hiddenLog }{[]hiddenLog{secret}}}
	const want = `describe.secrets{A: ***, B: ***, C: ***, D: ***, E: ***, F: ***, G: ***, H: [name=tony password=***], I: ***, J: ***, K: {***: ***}, L: [***], quiet: {inner: [***]}}`
	if got := Value(s); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := Value(&s); got != "&"+want {
		t.Errorf("got  %s\nwant &%s", got, want)
	}
	d := world.Alarm{Label: "x"}
	whole := topic.Role{Topic: topic.Where(topic.FieldOf(func(s *secrets) *hidden { return &s.A }).Is(secret)).Topic()}
	for _, text := range []string{
		Action(actions.Send(s)), Action(actions.Feedback(h)), Action(actions.Tell(d, s)),
		Action(actions.AddEndpoint{ID: h, Role: whole}), Action(actions.Delete(h)),
		Event(&actions.Event{Kind: actions.Delivery, Message: topic.MessageOf(s)}), Event(&actions.Event{Kind: actions.Value, Value: s}),
		Event(&actions.Event{Kind: actions.Presence, Peer: whole}),
		Input(&vm.Input{Kind: vm.Value, Value: s}), Command(&vm.Command{Kind: vm.Tell, Value: s, Address: &vm.Address{Device: d}}),
	} {
		if strings.Contains(text, secret) || !strings.Contains(text, "***") {
			t.Error(text)
		}
	}
}

func TestDescribeAction(t *testing.T) {
	d := world.Alarm{Label: "x"}
	no := errors.New("no")
	e := actions.AddEndpoint{ID: "me", Role: topic.Role{Orientation: topic.Subscriber, Topic: topic.All[tree]().Topic()}}
	for _, test := range []struct {
		a    actions.Action
		want string
	}{
		{nil, "nothing"},
		{actions.Send(1), "send 1"},
		{actions.Feedback("x"), `feedback "x"`},
		{(*actions.SendMessage)(nil), "send nil"},
		{e, `open subscriber of describe.tree{} as "me"`},
		{actions.Replace(e), `replace by subscriber of describe.tree{} as "me"`},
		{actions.Delete("me").Because(no), `delete endpoint "me": no`},
		{actions.Spawn(actions.Stateless()), "spawn"},
		{actions.Quit(), "quit"},
		{actions.Fail(no), "fail: no"},
		{actions.Kill(3, no), "kill 3: no"},
		{actions.Yield(func(s int) actions.Transition[int] { return actions.Next(s) }), "yield"},
		{actions.Fresh(func(s int, _ actions.EndpointID) actions.Transition[int] { return actions.Next(s) }), "fresh name"},
		{actions.OpenDevice{Device: d}, `hold world.Alarm(nil, 0ns, "x")`},
		{actions.OpenDevice{Device: d}.StartPaused(), `hold world.Alarm(nil, 0ns, "x"), paused`},
		{actions.OpenDevice{}, "hold no device"},
		{actions.Tell(d, 3), `tell world.Alarm(nil, 0ns, "x"): 3`},
		{actions.Close(d), `close world.Alarm(nil, 0ns, "x")`},
		{actions.Pause(d), `pause world.Alarm(nil, 0ns, "x")`},
		{actions.Resume(d), `resume world.Alarm(nil, 0ns, "x")`},
		{actions.AtMeta(actions.Send(1), actions.AtMeta(actions.Quit())), "at meta: send 1; at meta: quit"},
	} {
		if got := Action(test.a); got != test.want {
			t.Errorf("%T: %s, want %s", test.a, got, test.want)
		}
	}
}
