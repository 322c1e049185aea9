package topic_test

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"testing"

	"github.com/go-marketplace/marketplace/topic"
)

// Messages are routed by their dynamic type.
func TestMessageOfAnInterface(t *testing.T) {
	var err error = fault{3}
	for _, m := range []topic.Message{topic.MessageOf(err), topic.Refer(&err), topic.MessageOf[any](fault{3}), topic.MessageOf(fault{3})} {
		if got := m.Type(); got != reflect.TypeFor[fault]() {
			t.Errorf("type is %v", got)
		}
		if !topic.All[fault]().Topic().Matches(m) || !topic.Any.Topic().Matches(m) {
			t.Errorf("%v does not match", m)
		}
		if f, ok := topic.As[fault](m); !ok || f != (fault{3}) {
			t.Errorf("As: %v, %v", f, ok)
		}
		if e, ok := topic.As[error](m); !ok || e.Error() != "fault 3" {
			t.Errorf("As an error: %v, %v", e, ok)
		}
		if r, ok := topic.As[io.Reader](m); ok || r != nil {
			t.Errorf("As a Reader: %v", r)
		}
		if v, ok := topic.As[says](m); ok || v != (says{}) {
			t.Errorf("As says: %v", v)
		}
	}
	// What is inside an interface is copied.
	m := topic.Refer(&err)
	if err = errors.New("another"); m.Value() != (fault{3}) {
		t.Errorf("the message is now %v", m)
	}
}

// A message gives a pointer to its value, and is made of one, without a copy.
func TestMessageRef(t *testing.T) {
	v := says{"tony", "tea"}
	m := topic.Refer(&v)
	if m.Ref() != any(&v) {
		t.Errorf("Ref of a message that refers to %p is %p", &v, m.Ref())
	}
	again := topic.ReferTo(m.Ref())
	if again.Ref() != any(&v) || !topic.All[says]().Topic().Matches(again) {
		t.Errorf("ReferTo makes %v of %v", again, m)
	}
	type own *says
	if m := topic.ReferTo(own(&v)); m.Type() != reflect.TypeFor[says]() || m.Value() != v {
		t.Errorf("a pointer of a named type makes a message of type %v", m.Type())
	} else if got, ok := topic.As[says](m); !ok || got != v {
		t.Errorf("As: %v, %v", got, ok)
	}
	var err error = fault{3}
	if m := topic.ReferTo(&err); m.Type() != reflect.TypeFor[fault]() || m.Value() != err {
		t.Errorf("a pointer to an interface makes %v", m)
	}
	err = nil
	for _, ref := range []any{nil, &err} {
		if m := topic.ReferTo(ref); m.Ref() != nil || m.Value() != nil {
			t.Errorf("ReferTo(%v) is %v", ref, m)
		}
	}
	p := &v
	if m := topic.ReferTo(&p); m.Type() != reflect.TypeFor[*says]() || m.Value() != any(p) {
		t.Errorf("a pointer to a pointer makes %v", m)
	}
	if n := testing.AllocsPerRun(100, func() { _ = topic.ReferTo(m.Ref()) }); n > 0 {
		t.Errorf("Ref and ReferTo allocate %v times", n)
	}
}

func TestReferToRefuses(t *testing.T) {
	for _, test := range []struct {
		ref  any
		want string
	}{
		{says{}, "topic: ReferTo: a topic_test.says is no pointer: use MessageOf"},
		{(*says)(nil), "topic: ReferTo: the *topic_test.says is nil, and refers to no message"},
	} {
		func() {
			defer func() {
				if got := recover(); got != test.want {
					t.Errorf("got %v, want %s", got, test.want)
				}
			}()
			topic.ReferTo(test.ref)
		}()
	}
}

func TestNoMessage(t *testing.T) {
	for _, m := range []topic.Message{{}, topic.MessageOf[any](nil), topic.MessageOf[error](nil)} {
		if m.Value() != nil || m.Type() != nil || m.String() != "no message" {
			t.Errorf("got %v", m)
		}
		if topic.Any.Topic().Matches(m) || topic.All[says]().Topic().Matches(m) {
			t.Errorf("%v matches", m)
		}
		if v, ok := topic.As[any](m); ok {
			t.Errorf("%v is %v", m, v)
		}
		x := topic.NewIndex(byKey)
		x.Add(topic.Any.Topic(), item{})
		if found := x.Match(m, new([]item)); len(found) > 0 {
			t.Errorf("%v finds %v", m, found)
		}
	}
	if (topic.Topic{}).Matches(topic.MessageOf(1)) || (topic.Topic{}).Valid() {
		t.Error("the zero Topic matches")
	}
}

func TestMessageText(t *testing.T) {
	for _, c := range []struct {
		m    topic.Message
		want string
	}{
		{topic.MessageOf(says{"tony", "a b"}), `topic_test.says{Who: "tony", What: "a b"}`},
		{topic.MessageOf(42), "42"},
		{topic.MessageOf("x"), `"x"`},
		{topic.MessageOf(label("x")), `topic_test.label("x")`},
		{topic.MessageOf([]int{1}), "[]int{1}"},
		{topic.MessageOf(fault{1}), "fault 1"},
		{topic.MessageOf(opaque{1, 2}), "<3>"},
		{topic.MessageOf(topic.Tuple{"says", 1}), `("says", 1)`},
		{topic.MessageOf(struct{}{}), "struct {}{}"},
	} {
		if got := c.m.String(); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

// A message is of its type alone: equal values of other types do not match.
func TestTypesDiffer(t *testing.T) {
	messages := []topic.Message{
		topic.MessageOf("a"), topic.MessageOf(label("a")), topic.MessageOf(box[string]{"a"}), topic.MessageOf(box[label]{"a"}),
		topic.MessageOf(struct{ Content string }{"a"}), topic.MessageOf([1]string{"a"}), topic.MessageOf(topic.Tuple{"a"}),
	}
	patterns := []topic.Topic{
		topic.All[string]().Topic(), topic.All[label]().Topic(), topic.All[box[string]]().Topic(), topic.All[box[label]]().Topic(),
		topic.All[struct{ Content string }]().Topic(), topic.All[[1]string]().Topic(), topic.All[topic.Tuple]().Topic(),
	}
	for i, p := range patterns {
		for j, m := range messages {
			if p.Matches(m) != (i == j) {
				t.Errorf("%v matches %v: %v", p, m, i != j)
			}
		}
	}
}

func TestErased(t *testing.T) {
	e := topic.Any.Example()
	if e.Message.Value() != nil || e.Topic.Valid() {
		t.Errorf("example of Any is %v", e)
	}
	if p := topic.Any.Where(); p.String() != "any" {
		t.Errorf("got %v", p)
	}
	if got := fmt.Sprint(topic.Any.Topic().IsGround(), topic.Any.Matches(e)); got != "false true" {
		t.Errorf("got %s", got)
	}
}
