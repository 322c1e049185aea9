package topic_test

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/topic"
)

// TestIntersect lists what two patterns have in common. LL-06.
func TestIntersect(t *testing.T) {
	tony, tea := topic.Where(who.Is("tony")).Topic(), topic.Where(what.Is("tea")).Topic()
	begins, ends := topic.Where(topic.Glob(who, "t*")).Topic(), topic.Where(topic.Glob(who, "*y")).Topic()
	everyone := topic.All[says]().Topic()
	near := topic.Where(to.Is(spot{"a", 80})).Topic()
	for _, c := range []struct {
		t, u topic.Topic
		want string
	}{
		{everyone, everyone, "topic_test.says{}"},
		{everyone, tony, `topic_test.says{Who: "tony"}`},
		{tony, tea, `topic_test.says{Who: "tony", What: "tea"}`},
		{tony, topic.Where(who.Is("sam")).Topic(), "none"},
		{tony, near, "none"},
		{topic.Any.Topic(), tony, `topic_test.says{Who: "tony"}`},
		{topic.Any.Topic(), topic.Any.Topic(), "any"},
		{topic.Topic{}, tony, "none"},
		{topic.Topic{}, topic.Any.Topic(), "none"},
		{topic.Topic{}, topic.Topic{}, "none"},
		// fields that overlap
		{near, topic.Where(port.Is(80)).Topic(), `topic_test.parcel{To.Host: "a", To.Port: 80}`},
		{near, topic.Where(port.Is(81)).Topic(), "none"},
		{topic.Where(port.Is(80)).Topic(), topic.Where(host.Is("b")).Topic(), `topic_test.parcel{To.Host: "b", To.Port: 80}`},
		{topic.Where(bit.Is(true)).Topic(), topic.Where(whole.Is([2]bool{true, true})).Topic(), `topic_test.parcel{Bits[0]: true, Bits[1]: true}`},
		{topic.Where(kind.Is(1)).Topic(), topic.Where(kind.Is(int8(1))).Topic(), "none"},
		{topic.Where(weight.Is(0)).Topic(), topic.Where(weight.Is(negativeZero)).Topic(), "topic_test.parcel{Weight: 0}"},
		// globs
		{begins, tony, `topic_test.says{Who: "tony"}`},
		{begins, topic.Where(who.Is("sam")).Topic(), "none"},
		{begins, ends, `topic_test.says{Who: ~"*y", Who: ~"t*"}`},
		{begins, topic.Where(topic.Glob(who, "s*")).Topic(), "none"},
		{begins, topic.Where(topic.Glob(who, "to*")).Topic(), `topic_test.says{Who: ~"t*", Who: ~"to*"}`},
		{begins, tea, `topic_test.says{Who: ~"t*", What: "tea"}`},
		{begins, topic.Where(topic.Glob(who, "*")).Topic(), `topic_test.says{Who: ~"t*"}`},
	} {
		for _, p := range [][2]topic.Topic{{c.t, c.u}, {c.u, c.t}} {
			t.Run(fmt.Sprintf("%v and %v", p[0], p[1]), func(t *testing.T) {
				got, ok := p[0].Intersect(p[1])
				if got.String() != c.want || ok != (c.want != "none") || got.Valid() != ok {
					t.Errorf("got %v, %v, want %s", got, ok, c.want)
				}
			})
		}
	}
}

func TestPatternIntersect(t *testing.T) {
	p, ok := topic.Where(who.Is("tony")).Intersect(topic.Where(what.Is("tea")))
	if got, want := p.Example(), (says{"tony", "tea"}); !ok || got != want {
		t.Errorf("got %v, %v, want %v", got, ok, want)
	}
	if p, ok := topic.Where(who.Is("tony")).Intersect(topic.Where(who.Is("sam"))); ok {
		t.Errorf("got %v", p)
	}
	// The zero Pattern is all of a type.
	if p, ok := (topic.Pattern[says]{}).Intersect(topic.Where(who.Is("tony"))); !ok || p.String() != `topic_test.says{Who: "tony"}` {
		t.Errorf("got %v, %v", p, ok)
	}
}

// A glob without wildcards is a pin, and one of stars alone is open.
func TestGlobIsAPinOrOpen(t *testing.T) {
	for glob, want := range map[string]string{
		"tony":  `topic_test.says{Who: "tony"}`,
		"":      `topic_test.says{Who: ""}`,
		`t\*`:   `topic_test.says{Who: "t*"}`,
		`\\`:    `topic_test.says{Who: "\\"}`,
		"*":     "topic_test.says{}",
		"***":   "topic_test.says{}",
		"t?*":   `topic_test.says{Who: ~"t?*"}`,
		`\*?`:   `topic_test.says{Who: ~"\\*?"}`,
		"\x00*": `topic_test.says{Who: ~"\x00*"}`,
	} {
		p := topic.Where(topic.Glob(who, glob))
		if p.String() != want {
			t.Errorf("Glob(who, %q) is %v, want %s", glob, p, want)
		}
	}
	if v, pinned := who.In(topic.Where(topic.Glob(who, `t\*`))); !pinned || v != "t*" {
		t.Errorf("pinned to %q, %v", v, pinned)
	}
}

// Order and repetition of terms make no difference.
func TestWhereIsASet(t *testing.T) {
	terms := []topic.Term[parcel]{
		topic.Glob(host, "a*"), port.Is(1), topic.Glob(host, "*b"), topic.Glob(host, "a*"), weight.Is(negativeZero), topic.Glob(host, "*"),
	}
	const want = `topic_test.parcel{To.Host: ~"*b", To.Host: ~"a*", To.Port: 1, Weight: 0}`
	for i := range terms {
		p := topic.Where(terms[i:]...).Where(terms[:i]...)
		if p.String() != want {
			t.Errorf("got %v, want %s", p, want)
		}
	}
	p := topic.Where(port.Is(1))
	p.Where(host.Is("a"))
	if got, want := p.String(), "topic_test.parcel{To.Port: 1}"; got != want {
		t.Errorf("Where has changed its receiver to %s", got)
	}
}

// TestCovers shows LL-06.
func TestCovers(t *testing.T) {
	tony, everyone := topic.Where(who.Is("tony")).Topic(), topic.All[says]().Topic()
	glob := func(g string) topic.Topic { return topic.Where(topic.Glob(who, g)).Topic() }
	for _, c := range []struct {
		t, u       topic.Topic
		there, and bool // and back
	}{
		{everyone, tony, true, false},
		{everyone, glob("t*"), true, false},
		{everyone, glob("*"), true, true},
		{glob("t*"), tony, true, false},
		{glob("s*"), tony, false, false},
		{glob("t*"), glob("to*"), true, false},
		{glob("?*"), glob("*?"), true, true},
		{topic.Any.Topic(), everyone, true, false},
		{topic.Any.Topic(), topic.Any.Topic(), true, true},
		{topic.Any.Topic(), topic.Topic{}, true, false},
		{tony, topic.Topic{}, true, false},
		{topic.Topic{}, topic.Topic{}, true, true},
		{tony, topic.All[parcel]().Topic(), false, false},
		{topic.Where(port.Is(1)).Topic(), topic.Where(to.Is(spot{"a", 1})).Topic(), true, false},
	} {
		there, back := c.t.Covers(c.u), c.u.Covers(c.t)
		if there != c.there || back != c.and {
			t.Errorf("%v and %v cover each other: %v and %v, want %v and %v", c.t, c.u, there, back, c.there, c.and)
		}
		if got := c.t.Equivalent(c.u); got != (there && back) {
			t.Errorf("%v and %v are equivalent: %v", c.t, c.u, got)
		}
	}
}

// TestIsGround shows LL-06.
func TestIsGround(t *testing.T) {
	for _, c := range []struct {
		t    topic.Topic
		want bool
	}{
		{topic.Topic{}, false},
		{topic.Any.Topic(), false},
		{topic.All[says]().Topic(), false},
		{topic.Where(who.Is("tony")).Topic(), false},
		{topic.Where(who.Is("tony"), what.Is("")).Topic(), true},
		{topic.Where(who.Is("tony"), topic.Glob(what, "t*")).Topic(), false},
		{topic.Where(ticket.Is("a")).Topic(), true},
		{topic.All[struct{}]().Topic(), true},
		{topic.All[[]int]().Topic(), false},
		{topic.All[topic.Tuple]().Topic(), false},
		{topic.Like(topic.Tuple{1, topic.Wild}).Topic(), false},
		{topic.Like(topic.Tuple{1, topic.Tuple{topic.Wild}}).Topic(), false},
		{topic.Like(topic.Tuple{1, topic.Tuple{2}}).Topic(), true},
		{topic.Like(nil).Topic(), true},
	} {
		if got := c.t.IsGround(); got != c.want {
			t.Errorf("%v is ground: %v", c.t, got)
		}
	}
}

// TestSelectionOf: it is the inverse of Paths, and a path that is none is an error.
func TestSelectionOf(t *testing.T) {
	typ := reflect.TypeFor[parcel]()
	p := topic.Where(to.Is(spot{"a", 80}), kind.Is(1)).Topic()
	for _, s := range []topic.Selection{topic.Select[parcel](to, kind), topic.Select[parcel](port), topic.Select[parcel](weight)} {
		paths, some := s.Paths(typ)
		again, err := topic.SelectionOf(typ, paths...)
		if err != nil || !some || again != s || p.Project(again).String() != p.Project(s).String() {
			t.Errorf("%v became %v by %q, error %v", s, again, paths, err)
		}
	}
	if paths, some := (topic.Selection{}).Paths(typ); some || paths != nil {
		t.Errorf("the selection of all fields has the paths %q", paths)
	}
	if none, err := topic.SelectionOf(typ); err != nil || p.Project(none).String() != "topic_test.parcel{}" {
		t.Errorf("no path gives %v, error %v", none, err)
	}
	for _, path := range []string{"", "Too", "To"} {
		if _, err := topic.SelectionOf(typ, "Kind", path); err == nil || !strings.Contains(err.Error(), strconv.Quote(path)) {
			t.Errorf("the path %q gives the error %v", path, err)
		}
	}
}

func TestProject(t *testing.T) {
	p := topic.Where(to.Is(spot{"a", 80}), kind.Is(1)).Topic()
	g := topic.Where(topic.Glob(host, "a*"), port.Is(80)).Topic()
	for _, c := range []struct {
		t    topic.Topic
		s    topic.Selection
		want string
	}{
		{p, topic.Selection{}, p.String()},
		{p, topic.Select[parcel](), p.String()},
		{p, topic.Select[parcel](to, kind), p.String()},
		{p, topic.Select[parcel](to), `topic_test.parcel{To.Host: "a", To.Port: 80}`},
		{p, topic.Select[parcel](port, kind), "topic_test.parcel{To.Port: 80, Kind: 1}"},
		{p, topic.Select[parcel](weight), "topic_test.parcel{}"},
		{g, topic.Select[parcel](host), `topic_test.parcel{To.Host: ~"a*"}`},
		{g, topic.Select[parcel](port), "topic_test.parcel{To.Port: 80}"},
		{topic.Any.Topic(), topic.Select[parcel](port), "any"},
		{topic.Topic{}, topic.Select[parcel](port), "none"},
		{topic.Like(topic.Tuple{1}).Topic(), topic.Select[parcel](port), "(1,)"},
	} {
		got := c.t.Project(c.s)
		if got.String() != c.want {
			t.Errorf("projection of %v is %v, want %s", c.t, got, c.want)
		}
		if c.t.Valid() && !got.Covers(c.t) {
			t.Errorf("projection %v does not cover %v", got, c.t)
		}
	}
	if e, _ := topic.Typed[parcel](p.Project(topic.Select[parcel](port))); e.Example() != (parcel{To: spot{"", 80}}) {
		t.Errorf("what is open in %v is not zero in its example", e)
	}
}

func TestTyped(t *testing.T) {
	tony := topic.Where(who.Is("tony"))
	if p, ok := topic.Typed[says](tony.Topic()); !ok || p.Example() != (says{Who: "tony"}) {
		t.Errorf("got %v, %v", p, ok)
	}
	if p, ok := topic.Typed[parcel](tony.Topic()); ok || p.Example() != (parcel{}) {
		t.Errorf("another type: %v, %v", p, ok)
	}
	if p, ok := topic.Typed[says](topic.Any.Topic()); ok || p.Example() != (says{}) {
		t.Errorf("Any: %v, %v", p, ok)
	}
	if p, ok := topic.Typed[says](topic.Topic{}); ok {
		t.Errorf("zero Topic: %v", p)
	}
	if _, ok := topic.Typed[topic.Erased](tony.Topic()); ok {
		t.Error("a pattern over says is one over Erased")
	}
	if _, ok := topic.Typed[topic.Erased](topic.Any.Topic()); !ok {
		t.Error("Any is not a pattern over Erased")
	}
	if p, ok := topic.Typed[topic.Tuple](topic.Like(topic.Tuple{1}).Topic()); !ok || p.String() != "(1,)" {
		t.Errorf("tuple: %v, %v", p, ok)
	}
}

func TestMessageType(t *testing.T) {
	for want, p := range map[string]topic.Topic{
		"topic_test.says": topic.All[says]().Topic(),
		"topic.Tuple":     topic.Like(nil).Topic(),
		"<nil>":           topic.Any.Topic(),
	} {
		if got := fmt.Sprint(p.MessageType()); got != want {
			t.Errorf("message type of %v is %s, want %s", p, got, want)
		}
	}
	if got := (topic.Topic{}).MessageType(); got != nil {
		t.Errorf("message type of the zero Topic is %v", got)
	}
}

// Patterns share nothing with their examples, nor with the tuples they were
// made of.
func TestPatternsNeverChange(t *testing.T) {
	parts := topic.Tuple{1, topic.Tuple{2}}
	p := topic.Like(parts)
	parts[0], parts[1].(topic.Tuple)[0] = 8, 9
	if got, want := p.String(), "(1, (2,))"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	q := topic.Where(who.Is("tony"))
	e := q.Example()
	e.Who = "sam"
	if got := q.Example().Who; got != "tony" {
		t.Errorf("got %s", got)
	}
}
