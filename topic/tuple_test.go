package topic_test

import (
	"fmt"
	"testing"

	"github.com/go-marketplace/marketplace/topic"
)

func TestLikeMatches(t *testing.T) {
	for _, c := range []struct {
		pattern topic.Pattern[topic.Tuple]
		match   []topic.Tuple
		fail    []topic.Tuple
	}{
		{topic.All[topic.Tuple](), []topic.Tuple{nil, {}, {1}, {1, 2, 3}, {[]int{1}}}, nil},
		{topic.Like(nil), []topic.Tuple{nil, {}}, []topic.Tuple{{nil}}},
		{topic.Like(topic.Tuple{"says", topic.Wild}),
			[]topic.Tuple{{"says", 1}, {"says", nil}, {"says", topic.Tuple{1, 2}}, {"says", []int{1}}},
			[]topic.Tuple{{}, {"says"}, {"says", 1, 2}, {label("says"), 1}, {topic.Wild, 1}, {[]int{1}, 1}}},
		{topic.Like(topic.Tuple{topic.Tuple{"a", topic.Wild}, 1}),
			[]topic.Tuple{{topic.Tuple{"a", "b"}, 1}, {topic.Tuple{"a", topic.Tuple{}}, 1}},
			[]topic.Tuple{{topic.Tuple{"a"}, 1}, {"a", 1}, {topic.Tuple{"b", "b"}, 1}, {nil, 1}, {topic.Wild, 1}}},
		{topic.Like(topic.Tuple{nil}), []topic.Tuple{{nil}}, []topic.Tuple{{0}, {topic.Tuple{}}}},
		{topic.Like(topic.Tuple{0.0}), []topic.Tuple{{negativeZero}}, []topic.Tuple{{0}, {float32(0)}}},
		{topic.Like(topic.Tuple{spot{"a", 1}}), []topic.Tuple{{spot{"a", 1}}}, []topic.Tuple{{spot{"a", 2}}, {says{"a", ""}}}},
		{topic.Like(topic.Tuple{"_"}), []topic.Tuple{{"_"}}, []topic.Tuple{{"a"}}},
	} {
		x := topic.NewIndex(byKey)
		x.Add(c.pattern.Topic(), item{})
		check := func(m topic.Tuple, want bool) {
			if got := c.pattern.Matches(m); got != want {
				t.Errorf("%v matches %v: %v", c.pattern, m, got)
			}
			if got := len(x.Match(topic.MessageOf(m), new([]item))) > 0; got != want {
				t.Errorf("index finds %v for %v: %v", c.pattern, m, got)
			}
		}
		for _, m := range c.match {
			check(m, true)
		}
		for _, m := range c.fail {
			check(m, false)
		}
	}
}

func TestTupleIntersect(t *testing.T) {
	w := topic.Wild
	for _, c := range []struct{ t, u, want topic.Tuple }{
		{topic.Tuple{w, 2}, topic.Tuple{1, w}, topic.Tuple{1, 2}},
		{topic.Tuple{w, w}, topic.Tuple{1, w}, topic.Tuple{1, w}},
		{topic.Tuple{w, topic.Tuple{1, w}}, topic.Tuple{"a", w}, topic.Tuple{"a", topic.Tuple{1, w}}},
		{topic.Tuple{topic.Tuple{1, w}}, topic.Tuple{topic.Tuple{w, 2}}, topic.Tuple{topic.Tuple{1, 2}}},
		{topic.Tuple{0.0, w}, topic.Tuple{negativeZero, 1}, topic.Tuple{0.0, 1}},
		{topic.Tuple{1}, topic.Tuple{2}, nil},
		{topic.Tuple{1}, topic.Tuple{int8(1)}, nil},
		{topic.Tuple{1}, topic.Tuple{topic.Tuple{1}}, nil},
		{topic.Tuple{w}, topic.Tuple{w, w}, nil},
		{topic.Tuple{topic.Tuple{w}}, topic.Tuple{topic.Tuple{}}, nil},
	} {
		for _, p := range [][2]topic.Tuple{{c.t, c.u}, {c.u, c.t}} {
			got, ok := topic.Like(p[0]).Intersect(topic.Like(p[1]))
			if ok != (c.want != nil) || ok && got.String() != c.want.String() {
				t.Errorf("%v and %v: %v, %v, want %v", p[0], p[1], got, ok, c.want)
			}
		}
	}
	p := topic.Like(topic.Tuple{1})
	if got, ok := topic.All[topic.Tuple]().Intersect(p); !ok || got.String() != p.String() {
		t.Errorf("got %v, %v", got, ok)
	}
}

// Open parts of a pattern over tuples are Wild in its example.
func TestTupleExample(t *testing.T) {
	e := topic.Like(topic.Tuple{"says", topic.Wild}).Example()
	if len(e) != 2 || e[0] != "says" || e[1] != topic.Wild {
		t.Errorf("got %v", e)
	}
}

// Only the first 64 constants of a tuple help to find it; all of them count.
func TestLongTuples(t *testing.T) {
	x := topic.NewIndex(byKey)
	long := func(last ...any) topic.Tuple {
		var t topic.Tuple
		for i := range 64 {
			t = append(t, i)
		}
		return append(t, last...)
	}
	topics := []topic.Topic{
		topic.Like(long()).Topic(), topic.Like(long("a")).Topic(), topic.Like(long("b")).Topic(), topic.Like(long(topic.Wild)).Topic(),
		topic.Like(long(topic.Tuple{"a"})).Topic(),
	}
	for _, i := range []int{0, 1, 3, 2, 4} {
		x.Add(topics[i], item{key: i})
	}
	for _, c := range []struct {
		m    topic.Tuple
		want string
	}{
		{long(), "[{0 0}]"}, {long("a"), "[{1 0} {3 0}]"}, {long("b"), "[{2 0} {3 0}]"}, {long("c"), "[{3 0}]"},
		{long(topic.Tuple{"a"}), "[{3 0} {4 0}]"}, {long(topic.Tuple{"b"}), "[{3 0}]"},
	} {
		if got := fmt.Sprint(x.Match(topic.MessageOf(c.m), new([]item))); got != c.want {
			t.Errorf("match for ...%v: %s, want %s", c.m[64:], got, c.want)
		}
		if got := fmt.Sprint(x.Related(topic.Like(c.m).Topic(), new([]item))); got != c.want {
			t.Errorf("related to ...%v: %s, want %s", c.m[64:], got, c.want)
		}
	}
	for i, tp := range topics {
		if !x.Remove(tp, item{key: i}) {
			t.Errorf("%d is gone", i)
		}
	}
}
