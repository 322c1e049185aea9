package topic_test

import (
	"cmp"
	"fmt"

	"github.com/go-marketplace/marketplace/topic"
)

// Reading is the message type of the examples. Its fields are declared once,
// next to it.
type Reading struct {
	Sensor Sensor
	Value  float64
}

type Sensor struct{ Room, Name string }

var (
	From  = topic.FieldOf(func(r *Reading) *Sensor { return &r.Sensor })
	Room  = topic.FieldOf(func(r *Reading) *string { return &r.Sensor.Room })
	Name  = topic.FieldOf(func(r *Reading) *string { return &r.Sensor.Name })
	Value = topic.FieldOf(func(r *Reading) *float64 { return &r.Value })
)

// Fields may lie at any depth, and overlap.
func ExampleFieldOf() {
	fmt.Println(topic.Where(From.Is(Sensor{Room: "kitchen", Name: "door"})))
	fmt.Println(topic.Where(Room.Is("kitchen")))
	// Output:
	// topic_test.Reading{Sensor.Room: "kitchen", Sensor.Name: "door"}
	// topic_test.Reading{Sensor.Room: "kitchen"}
}

// What is not mentioned is open. In tells it from what is pinned to zero.
func ExampleWhere() {
	p := topic.Where(Room.Is("kitchen"), Value.Is(0))
	fmt.Println(p.Matches(Reading{Sensor{"kitchen", "door"}, 0}))
	fmt.Println(p.Matches(Reading{Sensor{"kitchen", "door"}, 1}))
	_, named := Name.In(p)
	value, valued := Value.In(p)
	fmt.Println(named, value, valued)
	// Output:
	// true
	// false
	// false 0 true
}

// Tuples are messages without a Go type of their own.
func ExampleLike() {
	p := topic.Like(topic.Tuple{"reading", topic.Tuple{"kitchen", topic.Wild}, topic.Wild})
	fmt.Println(p)
	fmt.Println(p.Matches(topic.Tuple{"reading", topic.Tuple{"kitchen", "door"}, 1.5}))
	fmt.Println(p.Matches(topic.Tuple{"reading", topic.Tuple{"cellar", "door"}, 1.5}))
	// Output:
	// ("reading", ("kitchen", _), _)
	// true
	// false
}

// Any is the topic of every message, whatever its type.
func ExamplePattern_any() {
	spy := topic.Any.Topic()
	for _, m := range []topic.Message{topic.MessageOf(Reading{Value: 1.5}), topic.MessageOf(42), topic.MessageOf(topic.Tuple{"hello"})} {
		fmt.Println(spy.Matches(m), m)
	}
	common, _ := spy.Intersect(topic.Where(Room.Is("kitchen")).Topic())
	fmt.Println(common)
	// Output:
	// true topic_test.Reading{Sensor: {Room: "", Name: ""}, Value: 1.5}
	// true 42
	// true ("hello",)
	// topic_test.Reading{Sensor.Room: "kitchen"}
}

// Several globs may hold for one field.
func ExampleGlob() {
	front := topic.Where(topic.Glob(Name, "front-*"))
	doors := topic.Where(topic.Glob(Name, "*-door"))
	both, ok := front.Intersect(doors)
	fmt.Println(both, ok)
	fmt.Println(both.Matches(Reading{Sensor: Sensor{Name: "front-left-door"}}))

	_, ok = front.Intersect(topic.Where(topic.Glob(Name, "back-*")))
	fmt.Println(ok)
	// Output:
	// topic_test.Reading{Sensor.Name: ~"*-door", Sensor.Name: ~"front-*"} true
	// true
	// false
}

// An index finds who has asked for a message, in order.
func ExampleIndex() {
	x := topic.NewIndex(cmp.Compare[string])
	x.Add(topic.Where(Room.Is("kitchen")).Topic(), "cook")
	x.Add(topic.Where(Room.Is("cellar")).Topic(), "janitor")
	x.Add(topic.All[Reading]().Topic(), "archive")
	x.Add(topic.Any.Topic(), "spy")

	var buf []string // used again and again
	fmt.Println(x.Match(topic.MessageOf(Reading{Sensor: Sensor{Room: "kitchen"}}), &buf))
	fmt.Println(x.Match(topic.MessageOf("something else"), &buf))
	fmt.Println(x.Related(topic.Where(Name.Is("door")).Topic(), &buf))
	// Output:
	// [archive cook spy]
	// [spy]
	// [archive cook janitor spy]
}

// What two topics have in common is a topic, if there is anything.
func ExampleTopic_Intersect() {
	kitchen, door := topic.Where(Room.Is("kitchen")).Topic(), topic.Where(Name.Is("door")).Topic()
	fmt.Println(kitchen.Intersect(door))
	fmt.Println(kitchen.Intersect(topic.Where(Room.Is("cellar")).Topic()))
	fmt.Println(kitchen.Intersect(topic.Like(topic.Tuple{"kitchen"}).Topic()))
	// Output:
	// topic_test.Reading{Sensor.Room: "kitchen", Sensor.Name: "door"} true
	// none false
	// none false
}

// Participants do not see observers: only those who want to know everything
// do.
func ExampleRole_Sees() {
	all := topic.All[Reading]().Topic()
	sensor := topic.Role{Orientation: topic.Publisher, Topic: all}
	watch := topic.Role{Orientation: topic.Subscriber, Interest: topic.Observer, Topic: all}
	driver := topic.Role{Orientation: topic.Publisher, Interest: topic.Everything, Topic: all}
	fmt.Println(watch.Sees(sensor), sensor.Sees(watch), driver.Sees(watch))
	// Output: true false true
}
