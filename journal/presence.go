package journal

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tidwall/match"

	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
)

// A Presence says which endpoints were present, for which topics, and when. It comes from
// the presence log in the journal, and does not need the program that has written the
// journal.
type Presence struct {
	// Intervals are in the order in which they begin.
	Intervals []Interval

	// Begin is the input after which the Presence begins. It is zero, unless the
	// beginning of the journal has been dropped: then it is the input of the oldest
	// snapshot, which has the endpoints that were present then.
	Begin Mark

	// End is the last input of the journal.
	End Mark
}

// An Interval is the time in which an endpoint had one role. An endpoint that gets another
// role begins another interval.
type Interval struct {
	Path  vm.Path // of the process
	Name  string  // of the process
	Level uint32  // of the endpoint: 0 where the process lives, 1 one level up
	ID    string  // the text of the endpoint's name; empty if it has none

	// The role. Topic is its text.
	Orientation topic.Orientation
	Interest    topic.Interest
	Topic       string

	// From is the input after which the endpoint was present, and To the one after
	// which it was not any more. They are the same if one input opened and closed it.
	// To is zero if it is still present.
	From, To Mark

	// Earlier says that the endpoint was already present at [Presence.Begin]: From is
	// Begin, and the input that opened it has been dropped.
	Earlier bool

	// Reason is the reason for which it ended. It is empty if there was none.
	Reason string
}

// A Mark is a position in a journal: an input and its time.
type Mark struct {
	Seq  uint64    // the number of the input
	Time time.Time // when it entered the machine, in UTC
}

// Still reports whether the endpoint is present at the end of the journal.
func (i *Interval) Still() bool { return i.To.Seq == 0 }

// Role returns the text of the role.
func (i *Interval) Role() string {
	s := i.Orientation.String()
	if i.Interest != topic.Participant {
		s += " (" + i.Interest.String() + ")"
	}
	return s + " of " + i.Topic
}

// String describes the process, the role and the endpoint, in a line.
func (i *Interval) String() string {
	s := vm.Label(i.Path, i.Name) + ": " + i.Role()
	if i.ID != "" {
		s += " as " + i.ID
	}
	if i.Level > 0 {
		s += fmt.Sprintf(" at meta-level %d", i.Level)
	}
	return s
}

// readRole reads the text of a role.
func readRole(text string) (o topic.Orientation, i topic.Interest, about string) {
	for _, o := range []topic.Orientation{topic.Publisher, topic.Subscriber} {
		rest, ok := strings.CutPrefix(text, o.String())
		if !ok {
			continue
		}
		for _, i := range []topic.Interest{topic.Observer, topic.Everything} {
			if about, ok := strings.CutPrefix(rest, " ("+i.String()+") of "); ok {
				return o, i, about
			}
		}
		return o, topic.Participant, strings.TrimPrefix(rest, " of ")
	}
	return 0, 0, text
}

// ended is the reason of intervals whose run ended during a stop, so that the journal does
// not have their ends.
const ended = "the run ended while the machine was being stopped"

// Presence returns the presence in the whole journal, or, if its beginning has been
// dropped, from the oldest snapshot on; see [Presence.Begin]. If a part cannot be read, it
// returns the presence before that part, and an error. If the beginning has been dropped
// and no snapshot can be read, it returns the endpoints opened since the oldest input, and
// an error.
func (h *History) Presence() (*Presence, error) {
	r := newRegister()
	begin, presence, unknown := h.oldestPresence()
	if begin > 0 && begin+1 == h.First() {
		r.startWith(Mark{begin, h.Head().Time}, presence)
	}
	for e, err := range h.recordedInputs(h.First()) {
		if err != nil {
			return &r.Presence, errors.Join(unknown, err)
		}
		if e.Seq <= begin {
			if e.Seq == begin {
				r.startWith(Mark{e.Seq, e.Time}, presence)
			}
			continue
		}
		r.End = Mark{e.Seq, e.Time}
		switch e.Kind {
		case vm.Start:
			// The start undoes a stop that was not finished, and records again the
			// endpoints that were present before it.
			if r.stopping {
				r.close(nil, ended)
			}
			r.stopping = false
		case vm.StopAsked:
			r.stopping = true
		}
		for i := range e.changes {
			if e.Skipped {
				break
			}
			r.apply(&e.changes[i])
		}
	}
	return &r.Presence, unknown
}

// oldestPresence returns the oldest snapshot's endpoints and its input, if the beginning
// of the history has been dropped.
func (h *History) oldestPresence() (seq uint64, presence []presenceChange, err error) {
	if h.First() == 1 {
		return 0, nil, nil
	}
	seqs, err := snapshotsIn(h.store)
	if err != nil {
		return 0, nil, fmt.Errorf("journal: %w", err)
	}
	faults := []error{errors.New("no snapshot can be read")}
	for _, seq := range slices.Backward(seqs) {
		if seq+1 < h.First() || seq > h.Last() {
			continue
		}
		presence, err := h.loadPresence(seq)
		if err == nil {
			return seq, presence, nil
		}
		faults = append(faults, fmt.Errorf("snapshot %s: %w", snapshotName(seq), err))
	}
	return 0, nil, fmt.Errorf("journal: the history begins with input %d, and the presence before it is unknown: %w", h.First(), errors.Join(faults...))
}

// About returns the part of p whose topics match a glob, in which * stands for
// any text and ? for any character. The text of a topic is that of the type of
// its messages, and in braces what they are pinned to:
//
//	main.Says{Who: "user3"}
func (p *Presence) About(glob string) *Presence {
	return p.Where(func(i *Interval) bool { return match.Match(i.Topic, glob) })
}

// Where returns the intervals for which f returns true.
func (p *Presence) Where(f func(*Interval) bool) *Presence {
	some := &Presence{Begin: p.Begin, End: p.End}
	for i := range p.Intervals {
		if f(&p.Intervals[i]) {
			some.Intervals = append(some.Intervals, p.Intervals[i])
		}
	}
	return some
}

// At returns the intervals of the endpoints that were present after the input with number
// seq.
func (p *Presence) At(seq uint64) *Presence {
	return p.Where(func(i *Interval) bool { return i.From.Seq <= seq && (i.Still() || seq < i.To.Seq) })
}

// AtTime returns the intervals of the endpoints that were present at a time.
func (p *Presence) AtTime(t time.Time) *Presence {
	return p.Where(func(i *Interval) bool { return !i.From.Time.After(t) && (i.Still() || t.Before(i.To.Time)) })
}

// A Count is the number of endpoints that were present in a period: participants and
// observers, see [topic.Interest].
type Count struct {
	// From is the input after which the Count begins, and To the one after which it
	// does not hold any more. In the last Count, To is [Presence.End].
	From, To Mark

	Publishers, Subscribers                 int // participants
	PublisherObservers, SubscriberObservers int // observers of publishers, and of subscribers
}

// Timeline returns how many endpoints were present, from the input on that opened the
// first one. It has a Count for each input that changed the numbers; an endpoint that one
// input opened and closed is not in it.
func (p *Presence) Timeline() []Count {
	type change struct {
		at Mark
		i  *Interval
		by int
	}
	var changes []change
	for i := range p.Intervals {
		v := &p.Intervals[i]
		changes = append(changes, change{v.From, v, 1})
		if !v.Still() {
			changes = append(changes, change{v.To, v, -1})
		}
	}
	slices.SortStableFunc(changes, func(a, b change) int { return cmp.Compare(a.at.Seq, b.at.Seq) })
	var all []Count
	var now, before Count
	for i, c := range changes {
		*now.side(c.i) += c.by
		if i+1 < len(changes) && changes[i+1].at.Seq == c.at.Seq || now == before {
			continue
		}
		before = now
		if len(all) > 0 {
			all[len(all)-1].To = c.at
		}
		n := now
		n.From, n.To = c.at, p.End
		all = append(all, n)
	}
	return all
}

// side returns the number in which an interval counts.
func (c *Count) side(i *Interval) *int {
	switch {
	case i.Interest == topic.Participant && i.Orientation == topic.Publisher:
		return &c.Publishers
	case i.Interest == topic.Participant:
		return &c.Subscribers
	case i.Orientation == topic.Subscriber:
		return &c.PublisherObservers
	}
	return &c.SubscriberObservers
}

// A Span is the period between two inputs.
type Span struct {
	From, To Mark
}

// Duration returns the length of the span.
func (s Span) Duration() time.Duration { return s.To.Time.Sub(s.From.Time) }

// Spans returns the periods in which a condition held, in order, each as long as
// possible. So the first time at which there was more demand than supply is the beginning
// of the first of
//
//	p.About(topic).Spans(func(c journal.Count) bool { return c.Subscribers > c.Publishers })
func (p *Presence) Spans(holds func(Count) bool) []Span {
	var spans []Span
	for _, c := range p.Timeline() {
		switch n := len(spans); {
		case !holds(c):
		case n > 0 && spans[n-1].To == c.From:
			spans[n-1].To = c.To
		default:
			spans = append(spans, Span{c.From, c.To})
		}
	}
	return spans
}

// Longest returns the longest of some spans, and the first one if several are equal.
// It reports false if there are none.
func Longest(spans []Span) (Span, bool) {
	if len(spans) == 0 {
		return Span{}, false
	}
	return slices.MaxFunc(spans, func(a, b Span) int { return cmp.Compare(a.Duration(), b.Duration()) }), true
}
