package topic_test

import (
	"cmp"
	"fmt"
	"testing"

	"github.com/go-marketplace/marketplace/topic"
)

// Benchmarks of what is done for every message, and for every endpoint that
// comes or goes. Indexes hold as many topics as there are in a busy machine;
// messages walk through all of them, so that what is measured is not the cache
// alone.

const crowd = 100_000

func BenchmarkMatches(b *testing.B) {
	for name, p := range map[string]topic.Topic{
		"any":    topic.Any.Topic(),
		"text":   topic.Where(who.Is("tony")).Topic(),
		"texts":  topic.Where(who.Is("tony"), what.Is("tea")).Topic(),
		"glob":   topic.Where(topic.Glob(who, "t*")).Topic(),
		"others": topic.All[parcel]().Topic(),
	} {
		m := topic.MessageOf(says{"tony", "tea"})
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.Matches(m)
			}
		})
	}
}

func BenchmarkIntersect(b *testing.B) {
	tony, tea := topic.Where(who.Is("tony")).Topic(), topic.Where(what.Is("tea")).Topic()
	for name, p := range map[string][2]topic.Topic{
		"covered":  {tony, topic.All[says]().Topic()},
		"merged":   {tony, tea},
		"apart":    {tony, topic.Where(who.Is("sam")).Topic()},
		"glob":     {tony, topic.Where(topic.Glob(who, "t*")).Topic()},
		"globs":    {topic.Where(topic.Glob(who, "t*")).Topic(), topic.Where(topic.Glob(who, "*y")).Topic()},
		"tuples":   {topic.Like(topic.Tuple{1, topic.Wild}).Topic(), topic.Like(topic.Tuple{topic.Wild, 2}).Topic()},
		"with any": {tony, topic.Any.Topic()},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p[0].Intersect(p[1])
			}
		})
	}
}

func BenchmarkWhere(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		topic.Where(who.Is("tony"), what.Is("tea"))
	}
}

// byNumber has a topic and a message for each number.
type byNumber struct {
	topic   func(i int) topic.Topic
	message func(i int) topic.Message
}

var numbered = map[string]byNumber{
	"literal": {
		func(i int) topic.Topic { return topic.Where(who.Is(fmt.Sprint(i))).Topic() },
		func(i int) topic.Message { return topic.MessageOf(says{Who: fmt.Sprint(i)}) },
	},
	"number": {
		func(i int) topic.Topic { return topic.Where(cell.Is(i)).Topic() },
		func(i int) topic.Message { return topic.MessageOf(at{N: i}) },
	},
	"two fields": {
		func(i int) topic.Topic { return topic.Where(who.Is(fmt.Sprint(i)), what.Is(fmt.Sprint(i%10))).Topic() },
		func(i int) topic.Message { return topic.MessageOf(says{fmt.Sprint(i), fmt.Sprint(i % 10)}) },
	},
	"tuple": {
		func(i int) topic.Topic { return topic.Like(topic.Tuple{"at", i, topic.Wild}).Topic() },
		func(i int) topic.Message { return topic.MessageOf(topic.Tuple{"at", i, "x"}) },
	},
}

type at struct{ N int }

var cell = topic.FieldOf(func(a *at) *int { return &a.N })

func (n byNumber) index(size int) *topic.Index[int] {
	x := topic.NewIndex(cmp.Compare[int])
	for i := range size {
		x.Add(n.topic(i), i)
	}
	return x
}

func BenchmarkIndexMatch(b *testing.B) {
	for name, n := range numbered {
		for _, size := range []int{1000, crowd} {
			b.Run(fmt.Sprintf("%s/%d", name, size), func(b *testing.B) {
				x := n.index(size)
				messages := make([]topic.Message, size)
				for i := range messages {
					messages[i] = n.message(i)
				}
				var buf []int
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					if len(x.Match(messages[i%size], &buf)) != 1 {
						b.Fatal("not found")
					}
				}
			})
		}
	}
}

// BenchmarkIndexRelated finds 10 of 100,000 topics by one of the two fields
// that they pin.
func BenchmarkIndexRelated(b *testing.B) {
	x := topic.NewIndex(cmp.Compare[int])
	for i := range crowd {
		x.Add(topic.Where(who.Is(fmt.Sprint(i/10)), what.Is(fmt.Sprint(i%10))).Topic(), i)
	}
	topics := make([]topic.Topic, crowd/10)
	for i := range topics {
		topics[i] = topic.Where(who.Is(fmt.Sprint(i))).Topic()
	}
	var buf []int
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if len(x.Related(topics[i%len(topics)], &buf)) != 10 {
			b.Fatal("not found")
		}
	}
}

func BenchmarkIndexAddRemove(b *testing.B) {
	for name, n := range numbered {
		b.Run(name, func(b *testing.B) {
			x := n.index(crowd)
			topics := make([]topic.Topic, 1000)
			for i := range topics {
				topics[i] = n.topic(crowd + i)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				t := topics[i%len(topics)]
				x.Add(t, crowd)
				if !x.Remove(t, crowd) {
					b.Fatal("not there")
				}
			}
		})
	}
}
