package vmtest

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
		{celsius(3), "vmtest.celsius(3)"},
		{[]byte("abc"), `"abc"`},
		{[]byte(nil), "nil"},
		{[2]bool{true}, "[true, false]"},
		{map[string]int{"b": 2, "a": 1}, `{"a": 1, "b": 2}`},
		{map[string]int(nil), "nil"},
		{tree{Name: "a", kids: []*tree{{Name: "b"}, nil}, Extra: celsius(1)},
			`vmtest.tree{Name: "a", kids: [&{Name: "b", kids: nil, Extra: nil}, nil], Extra: vmtest.celsius(1)}`},
		{(*tree)(nil), "nil"},
		{errors.New("no"), "no"},
		{struct{ at netip.Addr }{}, "{at: {addr: {hi: 0, lo: 0}, z: {value: nil}}}"},
		{netip.MustParseAddr("::1"), "::1"},
		{time.Unix(0, 5).UTC(), "1970-01-01T00:00:00.000000005Z"},
		{topic.Tuple{"says", topic.Wild}, `("says", _)`},
		{topic.All[tree](), "vmtest.tree{}"},
		{make(chan int), "chan"},
		{(func())(nil), "nil"},
		{cord{Door: "x"}, `vmtest(door "x")`},
		{struct{ c world.Clock }{&world.ManualClock{}}, "{c: *world.ManualClock}"},
		{TestText, "func github.com/go-marketplace/marketplace/vm/vmtest.TestText"},
	} {
		if got := text(test.v); got != test.want {
			t.Errorf("%T: %s, want %s", test.v, got, test.want)
		}
	}
	if got := text(loop); !strings.HasPrefix(got, `&vmtest.tree{Name: "loop", kids: nil, Extra: &vmtest.tree{`) || !strings.Contains(got, "…") {
		t.Errorf("a loop: %s", got)
	}
}

func TestDescribeAction(t *testing.T) {
	d := cord{Door: "x"}
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
		{e, `open subscriber of vmtest.tree{} as "me"`},
		{actions.Replace(e), `replace by subscriber of vmtest.tree{} as "me"`},
		{actions.Delete("me").Because(no), `delete endpoint "me": no`},
		{actions.Spawn(actions.Stateless()), "spawn"},
		{actions.Quit(), "quit"},
		{actions.Fail(no), "fail: no"},
		{actions.Kill(3, no), "kill 3: no"},
		{actions.Yield(func(s int) actions.Transition[int] { return actions.Next(s) }), "yield"},
		{actions.Fresh(func(s int, _ actions.EndpointID) actions.Transition[int] { return actions.Next(s) }), "fresh name"},
		{actions.OpenDevice{Device: d}, `hold vmtest(door "x")`},
		{actions.OpenDevice{Device: d}.StartPaused(), `hold vmtest(door "x"), paused`},
		{actions.OpenDevice{}, "hold no device"},
		{actions.Tell(d, 3), `tell vmtest(door "x"): 3`},
		{actions.Close(d), `close vmtest(door "x")`},
		{actions.Pause(d), `pause vmtest(door "x")`},
		{actions.Resume(d), `resume vmtest(door "x")`},
		{actions.AtMeta(actions.Send(1), actions.AtMeta(actions.Quit())), "at meta: send 1; at meta: quit"},
	} {
		if got := describeAction(test.a); got != test.want {
			t.Errorf("%T: %s, want %s", test.a, got, test.want)
		}
	}
}

// Two surveys of one value are equal, whatever is in it, and they differ where
// the values do.
func TestSurvey(t *testing.T) {
	survey := func(v any) *survey { return outcomeOf(v, nil) }
	values := []any{
		nil, 0, int8(0), "", "0", false, 0.0, math.Copysign(0, -1), []int(nil), []int{}, []int{0}, []any{0}, []any{"0"}, []any{nil}, []any{int8(0)},
		map[string]int(nil), map[string]int{}, map[string]int{"a": 0}, map[string]int{"a": 0, "b": 0}, map[any]int{1: 0}, map[any]int{celsius(1): 0},
		map[*tree]int{{Name: "a"}: 1, {Name: "a"}: 2}, map[*tree]int{{Name: "a"}: 2, {Name: "a"}: 3},
		tree{Name: "a"}, &tree{kids: []*tree{}}, tree{kids: []*tree{nil}}, tree{kids: []*tree{{}}}, tree{Extra: tree{}}, tree{Extra: &tree{kids: []*tree{{}}}},
		time.Unix(1, 0), time.Unix(1, 1), struct{ t time.Time }{time.Unix(2, 0)}, struct{ t time.Time }{time.Unix(2, 1)},
		topic.All[tree](), topic.Like(topic.Tuple{1}), topic.Like(topic.Tuple{2}), topic.All[tree]().Topic(), topic.Any.Topic(),
		(func())(nil), func() {}, (chan int)(nil), make(chan int), actions.Quit(), actions.Fail(errors.New("a")), actions.Fail(errors.New("b")),
	}
	for i, v := range values {
		for j, w := range values {
			for range 3 {
				path, x, y, differ := difference(survey(v), survey(w))
				if differ == (i == j) {
					t.Errorf("%T %v and %T %v: differ is %v: %s: %s, %s", v, v, w, w, differ, path, x, y)
				}
			}
		}
	}
}
