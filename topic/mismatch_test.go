package topic_test

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/go-marketplace/marketplace/topic"
)

// Issue 9.10: a topic names the parts of a message that keep it from matching.
func TestMismatches(t *testing.T) {
	for _, tt := range []struct {
		topic topic.Topic
		m     topic.Message
		want  string
	}{
		{topic.Where(who.Is("tony")).Topic(), topic.MessageOf(says{"tony", "tea"}), "[]"},
		{topic.Where(who.Is("tony")).Topic(), topic.MessageOf(says{"sam", "tea"}), `[{Who "tony" "sam"}]`},
		{topic.Where(who.Is("tony"), what.Is("tea")).Topic(), topic.MessageOf(says{"sam", "ale"}), `[{Who "tony" "sam"} {What "tea" "ale"}]`},
		{topic.Where(topic.Glob(who, "t*"), what.Is("tea")).Topic(), topic.MessageOf(says{"sam", "tea"}), `[{Who ~"t*" "sam"}]`},
		{topic.Where(topic.Glob(who, "t*")).Topic(), topic.MessageOf(says{"tony", "tea"}), "[]"},
		{topic.Where(who.Is("tony")).Topic(), topic.MessageOf(7), "[]"},
		{topic.Any.Topic(), topic.MessageOf(7), "[]"},
		{topic.Topic{}, topic.MessageOf(7), "[]"},
		{topic.All[says]().Topic(), topic.Message{}, "[]"},
		{topic.Like(topic.Tuple{"a", topic.Wild, topic.Tuple{1, topic.Wild}}).Topic(), topic.MessageOf(topic.Tuple{"a", 2, topic.Tuple{3, 4}}), `[{[2] (1, _) (3, 4)}]`},
		{topic.Like(topic.Tuple{"a"}).Topic(), topic.MessageOf(topic.Tuple{"a", 2}), "[]"},
	} {
		if got := fmt.Sprint(tt.topic.Mismatches(tt.m)); got != tt.want {
			t.Errorf("%v and %v: got %s, want %s", tt.topic, tt.m, got, tt.want)
		}
	}
}

// Issue 9.10: an index knows which types of message have ever matched, also
// when nothing is left under them, and what is under topics over a type.
func TestIndexMatched(t *testing.T) {
	x := topic.NewIndex(byKey)
	tony, all := topic.Where(who.Is("tony")).Topic(), topic.All[says]().Topic()
	typ := reflect.TypeFor[says]()
	var buf []item
	if x.Matched(typ) || len(x.OfType(typ)) > 0 {
		t.Error("there is something in an empty index")
	}
	x.Add(tony, item{key: 2})
	x.Match(topic.MessageOf(says{"sam", "tea"}), &buf)
	if x.Matched(typ) {
		t.Error("a message matched that did not")
	}
	x.Match(topic.MessageOf(says{"tony", "tea"}), &buf)
	if !x.Matched(typ) || x.Matched(reflect.TypeFor[int]()) {
		t.Error("one of one pinned topic:", x.Matched(typ))
	}
	x.Add(all, item{key: 1})
	if got := fmt.Sprint(x.OfType(typ)); got != "[{1 0} {2 0}]" {
		t.Errorf("of the type: %s", got)
	}
	x.Remove(tony, item{key: 2})
	x.Remove(all, item{key: 1})
	if !x.Matched(typ) || len(x.OfType(typ)) > 0 {
		t.Error("the index has forgotten that a message has matched")
	}
	y := topic.NewIndex(byKey)
	y.Add(all, item{key: 1})
	y.Add(tony, item{key: 2})
	y.Match(topic.MessageOf(says{"sam", "tea"}), &buf)
	if !y.Matched(typ) {
		t.Error("of two shapes")
	}
}
