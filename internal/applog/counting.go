package applog

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

// A Counter is a handler that passes on a limited number of warnings and errors with
// the same message in a minute, and counts the others. The first record of a later
// minute has their number in its attribute "repeated". Records below level warn are
// passed on.
//
// Use it for records that the outside can cause without limit, such as those of
// handshakes that fail.
type Counter struct {
	next   slog.Handler
	counts *counts
}

type counts struct {
	sync.Mutex
	burst     int
	byMessage map[string]*count
}

// A count has the numbers of one message.
type count struct {
	since time.Time    // when the minute began
	last  slog.Record  // the last record that was not passed on
	next  slog.Handler // for last
	said  int          // how many were passed on in the minute
	held  int          // how many were not
}

// most is how many messages are counted. Messages are constants in programs, so there
// are few. Records with other messages are passed on.
const most = 1000

// Counting returns a handler that passes on burst records of each message in a
// minute to h.
func Counting(h slog.Handler, burst int) *Counter {
	return &Counter{h, &counts{burst: burst, byMessage: map[string]*count{}}}
}

// Enabled implements [slog.Handler].
func (c *Counter) Enabled(ctx context.Context, l slog.Level) bool { return c.next.Enabled(ctx, l) }

// Handle implements [slog.Handler].
func (c *Counter) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelWarn {
		held, pass := c.counts.add(r, c.next)
		if !pass {
			return nil
		}
		if held > 0 {
			r = r.Clone()
			r.AddAttrs(slog.Int("repeated", held))
		}
	}
	return c.next.Handle(ctx, r)
}

// add counts a record. It reports whether to pass it on, and how many records before
// it were not passed on.
func (cs *counts) add(r slog.Record, next slog.Handler) (held int, pass bool) {
	cs.Lock()
	defer cs.Unlock()
	c := cs.byMessage[r.Message]
	switch {
	case c == nil && len(cs.byMessage) == most:
		return 0, true
	case c == nil:
		c = &count{since: r.Time}
		cs.byMessage[r.Message] = c
	case r.Time.Sub(c.since) >= time.Minute:
		held = c.held
		*c = count{since: r.Time}
	}
	if c.said == cs.burst {
		c.held++
		c.last, c.next = r.Clone(), next
		return 0, false
	}
	c.said++
	return held, true
}

// Flush passes on, for each message with records that were not passed on, the last of
// these, with their number as its attribute "repeated".
func (c *Counter) Flush() {
	var rests []count
	c.counts.Lock()
	for _, n := range c.counts.byMessage {
		if n.held > 0 {
			rests = append(rests, *n)
			n.held = 0
		}
	}
	c.counts.Unlock()
	slices.SortFunc(rests, func(a, b count) int { return strings.Compare(a.last.Message, b.last.Message) })
	for _, n := range rests {
		n.last.AddAttrs(slog.Int("repeated", n.held))
		_ = n.next.Handle(context.Background(), n.last)
	}
}

// WithAttrs implements [slog.Handler].
func (c *Counter) WithAttrs(as []slog.Attr) slog.Handler {
	return &Counter{c.next.WithAttrs(as), c.counts}
}

// WithGroup implements [slog.Handler].
func (c *Counter) WithGroup(name string) slog.Handler {
	return &Counter{c.next.WithGroup(name), c.counts}
}
