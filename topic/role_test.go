package topic_test

import (
	"testing"

	"github.com/go-marketplace/marketplace/topic"
)

// TestSees is the table in the comment of Role.Sees. HL-51.
func TestSees(t *testing.T) {
	interests := []topic.Interest{topic.Participant, topic.Observer, topic.Everything}
	table := [][]bool{ // the peer is a participant, an observer, everything
		topic.Participant: {true, false, false},
		topic.Observer:    {true, false, false},
		topic.Everything:  {true, true, true},
	}
	for _, r := range interests {
		for _, peer := range interests {
			if got, want := (topic.Role{Interest: r}).Sees(topic.Role{Interest: peer}), table[r][peer]; got != want {
				t.Errorf("%v sees %v: %v, want %v", r, peer, got, want)
			}
		}
	}
}

// TestRoleIntersect shows HL-52.
func TestRoleIntersect(t *testing.T) {
	tony, tea := topic.Where(who.Is("tony")).Topic(), topic.Where(what.Is("tea")).Topic()
	sam := topic.Where(who.Is("sam")).Topic()
	role := func(o topic.Orientation, t topic.Topic) topic.Role { return topic.Role{Orientation: o, Topic: t} }
	const none = "none"
	for _, c := range []struct {
		r, peer topic.Role
		want    string
	}{
		{role(topic.Publisher, tony), role(topic.Subscriber, tea), `topic_test.says{Who: "tony", What: "tea"}`},
		{role(topic.Publisher, tony), role(topic.Subscriber, sam), none},
		{role(topic.Publisher, tony), role(topic.Publisher, tony), none},
		{role(topic.Subscriber, tony), role(topic.Subscriber, tony), none},
		{role(topic.Publisher, tony), role(topic.Subscriber, topic.Topic{}), none},
	} {
		for _, p := range [][2]topic.Role{{c.r, c.peer}, {c.peer, c.r}} {
			if got, ok := p[0].Intersect(p[1]); got.String() != c.want || ok != (c.want != none) {
				t.Errorf("%v and %v: %v, %v, want %s", p[0], p[1], got, ok, c.want)
			}
		}
	}
}

// TestRoleEqual shows HL-60, LL-01.
func TestRoleEqual(t *testing.T) {
	same := topic.Role{Topic: topic.Where(port.Is(1), host.Is("a")).Topic()}
	if other := (topic.Role{Topic: topic.Where(to.Is(spot{"a", 1})).Topic()}); !same.Equal(other) || !other.Equal(same) {
		t.Errorf("%v and %v are not equal", same, other)
	}
	for _, other := range []topic.Role{
		{},
		{Topic: topic.Where(port.Is(1)).Topic()},
		{Topic: same.Topic, Orientation: topic.Subscriber},
		{Topic: same.Topic, Interest: topic.Observer},
	} {
		if same.Equal(other) || other.Equal(same) {
			t.Errorf("%v and %v are equal", same, other)
		}
	}
	if !(topic.Role{}).Equal(topic.Role{}) {
		t.Error("the zero Role is not equal to itself")
	}
}

func TestRoleText(t *testing.T) {
	tony := topic.Where(who.Is("tony")).Topic()
	for want, r := range map[string]topic.Role{
		`publisher of topic_test.says{Who: "tony"}`:               {Topic: tony},
		`subscriber (observer) of topic_test.says{Who: "tony"}`:   {Topic: tony, Orientation: topic.Subscriber, Interest: topic.Observer},
		`subscriber (everything) of topic_test.says{Who: "tony"}`: {Topic: tony, Orientation: topic.Subscriber, Interest: topic.Everything},
		"publisher of none": {},
	} {
		if got := r.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if topic.Publisher.Opposite() != topic.Subscriber || topic.Subscriber.Opposite() != topic.Publisher {
		t.Error("opposites are wrong")
	}
	if got := topic.Participant.String(); got != "participant" {
		t.Errorf("got %s", got)
	}
}
