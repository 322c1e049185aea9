package topic_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/go-marketplace/marketplace/topic"
)

// Results come in the order of the values, however they got there.
func TestIndexOrder(t *testing.T) {
	topics := []topic.Topic{
		topic.Any.Topic(), topic.All[says]().Topic(), topic.Where(who.Is("tony")).Topic(), topic.Where(what.Is("tea")).Topic(),
		topic.Where(who.Is("tony"), what.Is("tea")).Topic(), topic.Where(topic.Glob(who, "t*")).Topic(), topic.Where(topic.Glob(who, "*y")).Topic(),
	}
	for _, order := range [][]int{{0, 1, 2, 3, 4, 5, 6}, {6, 5, 4, 3, 2, 1, 0}, {3, 0, 6, 2, 5, 1, 4}} {
		x := topic.NewIndex(byKey)
		for _, i := range order {
			x.Add(topics[i], item{key: 10 + i})
			x.Add(topics[i], item{key: i})
		}
		var buf []item
		want := "[{0 0} {1 0} {2 0} {3 0} {4 0} {5 0} {6 0} {10 0} {11 0} {12 0} {13 0} {14 0} {15 0} {16 0}]"
		if got := fmt.Sprint(x.Match(topic.MessageOf(says{"tony", "tea"}), &buf)); got != want {
			t.Errorf("match: %s", got)
		}
		if got := fmt.Sprint(x.Related(topics[4], &buf)); got != want {
			t.Errorf("related: %s", got)
		}
		if got := fmt.Sprint(x.All()); got != want {
			t.Errorf("all: %s", got)
		}
		if got, want := fmt.Sprint(x.Match(topic.MessageOf(says{"sam", "tea"}), &buf)), "[{0 0} {1 0} {3 0} {10 0} {11 0} {13 0}]"; got != want {
			t.Errorf("match: %s", got)
		}
		if got, want := fmt.Sprint(x.Match(topic.MessageOf(1), &buf)), "[{0 0} {10 0}]"; got != want {
			t.Errorf("match: %s", got)
		}
	}
}

func TestIndexRefuses(t *testing.T) {
	x := topic.NewIndex(byKey)
	for _, tp := range []topic.Topic{topic.Any.Topic(), topic.Where(who.Is("tony")).Topic(), topic.Where(topic.Glob(who, "t*")).Topic(), topic.Like(topic.Tuple{1}).Topic()} {
		x.Add(tp, item{key: 3})
		for range 2 {
			n := x.Len()
			wantPanic(t, func() { x.Add(tp, item{key: 3}) }, "Index.Add({3 0})", tp.String(), "already", "add what tells them apart")
			if x.Len() != n {
				t.Errorf("Len is %d after a refused Add, want %d", x.Len(), n)
			}
			x.Add(tp, item{key: 4 + n})
		}
		wantPanic(t, func() { x.Replace(tp, item{key: 3}, item{key: 5}) }, "Index.Replace({3 0}, {5 0})", "use Remove and Add")
	}
	wantPanic(t, func() { x.Add(topic.Topic{}, item{key: 7}) }, "Index.Add({7 0})", "zero Topic", "topic.Any or the Topic of a pattern")
	if x.Remove(topic.Topic{}, item{}) || x.Replace(topic.Topic{}, item{}, item{}) || len(x.Related(topic.Topic{}, new([]item))) > 0 {
		t.Error("there is something under the zero Topic")
	}
}

// Remove and Replace go by topic, not only by value: the same value may be
// under several.
func TestIndexSameValueUnderManyTopics(t *testing.T) {
	x := topic.NewIndex(byKey)
	topics := []topic.Topic{
		topic.Any.Topic(), topic.All[says]().Topic(), topic.Where(who.Is("a")).Topic(), topic.Where(who.Is("b")).Topic(),
		topic.Where(topic.Glob(who, "a*")).Topic(), topic.Where(topic.Glob(who, "*a")).Topic(), topic.Where(topic.Glob(who, "b*")).Topic(),
		topic.Like(topic.Tuple{1}).Topic(), topic.Like(topic.Tuple{2}).Topic(),
	}
	for i, tp := range topics {
		x.Add(tp, item{1, i})
	}
	var buf []item
	if found := x.Match(topic.MessageOf(says{Who: "a"}), &buf); len(found) != 5 {
		t.Errorf("found %v", found)
	}
	if x.Remove(topic.Where(topic.Glob(who, "c*")).Topic(), item{1, 0}) || x.Remove(topic.Where(who.Is("c")).Topic(), item{1, 0}) {
		t.Error("removed what is not there")
	}
	// An equivalent topic will do, though it is written otherwise.
	if !x.Replace(topic.Where(topic.Glob(who, "a**")).Topic(), item{1, 0}, item{1, 77}) {
		t.Error("not replaced")
	}
	if got := x.All(); len(got) != len(topics) || !slices.Contains(got, item{1, 77}) || slices.Contains(got, item{1, 4}) {
		t.Errorf("replaced the wrong one: %v", got)
	}
	for i, tp := range topics {
		if !x.Remove(tp, item{1, 0}) || x.Remove(tp, item{1, 0}) {
			t.Errorf("%v: not removed once", tp)
		}
		if x.Len() != len(topics)-i-1 {
			t.Errorf("Len is %d", x.Len())
		}
	}
}

// Replace needs what it replaces to be there.
func TestIndexReplace(t *testing.T) {
	x := topic.NewIndex(byKey)
	any, tony, glob := topic.Any.Topic(), topic.Where(who.Is("tony")).Topic(), topic.Where(topic.Glob(who, "t*")).Topic()
	replace := func(tp topic.Topic, key, version int, want bool) {
		t.Helper()
		if got := x.Replace(tp, item{key: key}, item{key, version}); got != want {
			t.Errorf("Replace under %v is %v", tp, got)
		}
	}
	for i, tp := range []topic.Topic{any, tony, glob} {
		replace(tp, 1, 1, false) // no shelf, no shape
		x.Add(tp, item{key: 1})
		replace(tp, 2, 9, false) // no such value
		replace(tp, 1, i, true)
		x.Add(tp, item{key: 2})
		replace(tp, 3, 9, false)
		replace(tp, 2, i, true)
	}
	replace(topic.Where(who.Is("sam")).Topic(), 1, 9, false) // no bucket
	replace(topic.All[parcel]().Topic(), 1, 9, false)
	var buf []item
	if got, want := fmt.Sprint(x.Match(topic.MessageOf(says{Who: "x"}), &buf)), "[{1 0} {2 0}]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if x.Remove(any, item{key: 1}); len(x.All()) != 5 {
		t.Errorf("left are %v", x.All())
	}
}

// With one shape in use, what is found is not even copied.
func TestIndexMatchInPlace(t *testing.T) {
	x := topic.NewIndex(byKey)
	tony := topic.Where(who.Is("tony")).Topic()
	buf := make([]item, 0, 4)
	for i, want := range []string{"[]", "[{0 0}]", "[{0 0} {1 0}]"} {
		if got := fmt.Sprint(x.Match(topic.MessageOf(says{Who: "tony"}), &buf)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if got := x.Match(topic.MessageOf(says{Who: "sam"}), &buf); len(got) > 0 {
			t.Errorf("got %v", got)
		}
		x.Add(tony, item{key: i})
	}
}

// Message types come and go.
func TestIndexManyTypes(t *testing.T) {
	x := topic.NewIndex(byKey)
	topics := make([]topic.Topic, len(manyTypes))
	var buf []item
	check := func(there func(int) bool) {
		t.Helper()
		for i, o := range manyTypes {
			found := x.Match(o.message(&source{}), &buf)
			if there(i) != (len(found) == 1 && found[0].key == i) {
				t.Errorf("type %d: found %v", i, found)
			}
		}
	}
	for round := range 3 {
		for i, o := range manyTypes {
			topics[i] = o.topic(&source{})
			x.Add(topics[i], item{key: i})
			check(func(j int) bool { return j <= i })
		}
		// All but a few go, and come again.
		for i := round; i < len(topics); i++ {
			x.Remove(topics[i], item{key: i})
		}
		check(func(j int) bool { return j < round })
		for i := len(topics) - 1; i >= round; i-- {
			x.Add(topics[i], item{key: i})
			check(func(j int) bool { return j < round || j >= i })
		}
		for i := range topics {
			if !x.Remove(topics[i], item{key: i}) {
				t.Errorf("type %d is gone", i)
			}
		}
		check(func(int) bool { return false })
	}
}

// A buffer that is large enough is used again.
func TestIndexBuffer(t *testing.T) {
	x := topic.NewIndex(byKey)
	for i := range 5 {
		x.Add(topic.Where(who.Is("tony")).Topic(), item{key: i})
	}
	x.Add(topic.All[says]().Topic(), item{key: 9})
	buf := make([]item, 0, 10)
	for range 2 {
		found := x.Related(topic.Where(what.Is("tea")).Topic(), &buf)
		if len(found) != 6 || &found[0] != &buf[:1][0] || cap(buf) != 10 {
			t.Errorf("found %v, buffer of %d", found, cap(buf))
		}
	}
	small := []item{}
	if found := x.Match(topic.MessageOf(says{"tony", "tea"}), &small); len(found) != 6 || cap(small) < 6 {
		t.Errorf("found %v, buffer of %d", found, cap(small))
	}
}
