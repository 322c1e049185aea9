package main

import (
	"cmp"
	"time"

	"github.com/benbjohnson/immutable"
)

// A cache keeps replies for as long as they say. It is an immutable value.
type cache struct {
	size    int // how many replies it has room for
	replies *immutable.SortedMap[Question, entry]
	ends    *immutable.SortedMap[end, struct{}] // of all replies, the next one first
}

// An entry is a reply in the cache.
type entry struct {
	reply Reply
	since time.Time
}

// end says when a reply expires.
type end struct {
	at       time.Time
	question Question
}

func newCache(size int) cache {
	return cache{
		size:    size,
		replies: immutable.NewSortedMap[Question, entry](byQuestion{}),
		ends:    immutable.NewSortedMap[end, struct{}](byEnd{}),
	}
}

// get returns the reply to q, of an age that it has now.
func (c cache) get(q Question, now time.Time) (Reply, bool) {
	e, ok := c.replies.Get(q)
	if !ok || !e.end(q).at.After(now) {
		return Reply{}, false
	}
	r := e.reply
	r.Age += seconds(now.Sub(e.since))
	return r, true
}

// put returns a cache with the reply to q. If there is no room, it removes
// those that would expire next.
func (c cache) put(q Question, r Reply, now time.Time) cache {
	if c.size == 0 || r.Keep == 0 {
		return c
	}
	c = c.without(q)
	for c.replies.Len() >= c.size {
		first, _, _ := c.ends.Iterator().Next()
		c = c.without(first.question)
	}
	e := entry{r, now}
	c.replies = c.replies.Set(q, e)
	c.ends = c.ends.Set(e.end(q), struct{}{})
	return c
}

// without returns a cache without a reply to q.
func (c cache) without(q Question) cache {
	if e, ok := c.replies.Get(q); ok {
		c.replies = c.replies.Delete(q)
		c.ends = c.ends.Delete(e.end(q))
	}
	return c
}

// expire returns a cache without replies that have expired. It may leave some,
// because removing them takes time.
func (c cache) expire(now time.Time) cache {
	for n := 0; n < 1000 && c.replies.Len() > 0; n++ {
		first, _, _ := c.ends.Iterator().Next()
		if first.at.After(now) {
			break
		}
		c = c.without(first.question)
	}
	return c
}

func (e entry) end(q Question) end {
	return end{e.since.Add(time.Duration(e.reply.Keep) * time.Second), q}
}

// seconds returns how many full seconds there are in d, which may be negative if
// somebody has set the clock.
func seconds(d time.Duration) uint32 { return uint32(max(d, 0) / time.Second) }

// byEnd orders ends. It is a comparer for package immutable.
type byEnd struct{}

// Compare returns a negative number if a comes before b, a positive one if it
// comes after b, and zero if they are equal.
func (byEnd) Compare(a, b end) int {
	return cmp.Or(a.at.Compare(b.at), byQuestion{}.Compare(a.question, b.question))
}
