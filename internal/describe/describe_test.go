package describe

import (
	"errors"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
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
		{struct{ at netip.Addr }{}, "{at: {addr: {hi: 0, lo: 0}, z: {value: nil}}}"},
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
