package main

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var noon = time.Date(2031, 5, 6, 12, 0, 0, 0, time.UTC)

// TestCache: a cache is like a list of what was put into it, without what has
// expired and, if there is too little room, without what would expire first.
func TestCache(t *testing.T) {
	type item struct {
		q     Question
		reply Reply
		since time.Time
	}
	end := func(i item) time.Time { return i.since.Add(time.Duration(i.reply.Keep) * time.Second) }
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(0, 4).Draw(t, "size")
		c, now := newCache(size), noon
		var model []item
		question := func(t *rapid.T) Question {
			return Question{
				Name:   fmt.Sprintf("%d.test.", rapid.IntRange(0, 5).Draw(t, "name")),
				DNSSEC: rapid.Bool().Draw(t, "DNSSEC"),
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				i := item{question(t), Reply{Packet: []byte{rapid.Byte().Draw(t, "packet")}, Keep: rapid.Uint32Range(0, 9).Draw(t, "keep")}, now}
				before := c
				c = c.put(i.q, i.reply, now)
				if n := before.replies.Len(); n > size || n != len(model) && before.replies != nil {
					t.Fatalf("the cache that was there has %d replies now", n)
				}
				if size == 0 || i.reply.Keep == 0 {
					return
				}
				model = slices.DeleteFunc(model, func(o item) bool { return o.q == i.q })
				slices.SortFunc(model, func(a, b item) int {
					if d := end(a).Compare(end(b)); d != 0 {
						return d
					}
					return byQuestion{}.Compare(a.q, b.q)
				})
				if len(model) == size {
					model = model[1:]
				}
				model = append(model, i)
			},
			"wait": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(0, 3000).Draw(t, "ms")) * time.Millisecond)
			},
			"expire": func(t *rapid.T) {
				c = c.expire(now)
				model = slices.DeleteFunc(model, func(i item) bool { return !end(i).After(now) })
			},
			"": func(t *rapid.T) {
				if c.replies.Len() != len(model) || c.ends.Len() != len(model) {
					t.Fatalf("%d replies and %d ends; want %d", c.replies.Len(), c.ends.Len(), len(model))
				}
				for _, i := range model {
					r, ok := c.get(i.q, now)
					if ok != end(i).After(now) {
						t.Fatalf("%v: %v, %v", i.q, r, ok)
					}
					if ok && (r.Packet[0] != i.reply.Packet[0] || r.Age != uint32(now.Sub(i.since)/time.Second) || r.Age >= r.Keep) {
						t.Fatalf("%v: %v", i.q, r)
					}
				}
				if q := question(t); !slices.ContainsFunc(model, func(i item) bool { return i.q == q }) {
					if _, ok := c.get(q, now); ok {
						t.Fatalf("there is a reply to %v", q)
					}
				}
			},
		})
	})
}

// TestCacheWhenTheClockIsSetBack: a reply is not older than it can be, and not
// younger than it was.
func TestCacheWhenTheClockIsSetBack(t *testing.T) {
	c := newCache(1).put(www, Reply{Keep: 10}, noon)
	if r, ok := c.get(www, noon.Add(-time.Hour)); !ok || r.Age != 0 {
		t.Error(r, ok)
	}
}

func TestQuestionsAreOrdered(t *testing.T) {
	some := func(t *rapid.T) Question {
		return Question{
			Name:      rapid.SampledFrom([]string{"a.", "b."}).Draw(t, "name"),
			Type:      1,
			Class:     1,
			DNSSEC:    rapid.Bool().Draw(t, "DNSSEC"),
			Unchecked: rapid.Bool().Draw(t, "unchecked"),
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		p, q := some(t), some(t)
		c, back := byQuestion{}.Compare(p, q), byQuestion{}.Compare(q, p)
		if c != -back || (c == 0) != (p == q) {
			t.Fatalf("%+v and %+v: %d, %d", p, q, c, back)
		}
	})
}
