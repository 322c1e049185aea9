package journal

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tidwall/match"

	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
)

// A Presence says who was there, for which topics, and when. It is told from the
// journal alone, in a program that need not be the one that has written it.
type Presence struct {
	// Intervals are in the order in which they begin.
	Intervals []Interval

	// Begin is the input after which it begins. It is zero, unless the beginning
	// of the journal has been dropped: then it is that of the oldest snapshot,
	// which has the roll of who was there by then.
	Begin Mark

	// End is the last input of the journal.
	End Mark
}

// An Interval is a time for which an endpoint had one role. An endpoint that gets
// another role has another interval.
type Interval struct {
	Path  vm.Path // of the process
	Name  string  // of the process
	Level uint32  // of the endpoint: 0 where the process lives, 1 one level up
	ID    string  // the text of the endpoint's name; empty if it has none

	// The role. Topic is its text.
	Orientation topic.Orientation
	Interest    topic.Interest
	Topic       string

	// From is the input of which the endpoint came, and To that of which it went:
	// it was there after From, and no more after To. They are the same if it came
	// and went at once. To is zero if it is still there.
	From, To Mark

	// Earlier says that it was there already when what is known begins: From is
	// [Presence.Begin], and the input of which it came has been dropped.
	Earlier bool

	// Reason is why it went: empty if it did of its own accord, without a reason.
	Reason string
}

// A Mark is a place in a journal.
type Mark struct {
	Seq  uint64    // the number of an input
	Time time.Time // at which it entered, in UTC
}

// Still reports whether the endpoint is there at the end of the journal.
func (i *Interval) Still() bool { return i.To.Seq == 0 }

// Role returns the text of the role.
func (i *Interval) Role() string {
	s := i.Orientation.String()
	if i.Interest != topic.Participant {
		s += " (" + i.Interest.String() + ")"
	}
	return s + " of " + i.Topic
}

// String describes who it is, and in which role, for people, in a line.
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

// ended is the reason of intervals that have ended because the run has, without
// an end that is in the journal.
const ended = "the run ended while the machine was being stopped"

// Presence returns who was there in all of the journal, or, if its beginning has
// been dropped, from the oldest snapshot on; see [Presence.Begin]. If a part cannot
// be read, it returns what comes before that part, and an error. If no snapshot can
// be read where one is needed, it returns those who have come since the oldest
// input, and an error.
func (h *History) Presence() (*Presence, error) {
	r := register{named: map[string]int{}, inside: map[string]map[int]struct{}{}}
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
			// A stop that was not finished is undone; who was there before it is
			// called again.
			if r.stopping {
				r.close(nil, ended)
			}
			r.stopping = false
		case vm.StopAsked:
			r.stopping = true
		}
		for i := range e.changes {
			r.apply(&e.changes[i])
		}
	}
	return &r.Presence, unknown
}

// oldestRoll returns who was there after an input, if the beginning of the history
// has been dropped.
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
		presence, err := loadPresence(h.store, seq)
		if err == nil {
			return seq, presence, nil
		}
		faults = append(faults, fmt.Errorf("snapshot %s: %w", snapshotName(seq), err))
	}
	return 0, nil, fmt.Errorf("journal: the history begins with input %d, and who was there before that is not known: %w", h.First(), errors.Join(faults...))
}

// A register is a Presence that is being written.
type register struct {
	Presence
	named    map[string]int              // those that are there and have a name, by who they are
	inside   map[string]map[int]struct{} // all that are there, by the path of each process around them
	stopping bool
}

// muster begins with those who are on a roll.
func (r *register) startWith(at Mark, presence []presenceChange) {
	r.Begin, r.End = at, at
	for i := range presence {
		r.begin(&presence[i])
		r.Intervals[i].Earlier = true
	}
}

// call takes account of what the journal has noted.
func (r *register) apply(c *presenceChange) {
	if c.op == gone {
		r.close(c.path, c.why)
		return
	}
	old, known := r.named[identity(c.path, c.level, c.id)]
	known = known && c.id != ""
	switch {
	case c.op == closed:
		if known {
			r.end(old, c.why)
		}
		return
	case known && (c.op == opened || r.Intervals[old].Role() == c.role):
		return // it gets another handler; or it has another role, and its process fails
	case known:
		r.end(old, "")
	}
	r.begin(c)
}

// identity tells endpoints apart that have a name.
func identity(path vm.Path, level uint32, id string) string {
	return string(appendText(binary.AppendUvarint(appendPath(nil, path), uint64(level)), id))
}

func (r *register) begin(c *presenceChange) {
	n := len(r.Intervals)
	i := Interval{Path: c.path, Name: c.name, Level: c.level, ID: c.id, From: r.End}
	i.Orientation, i.Interest, i.Topic = readRole(c.role)
	r.Intervals = append(r.Intervals, i)
	if c.id != "" {
		r.named[identity(c.path, c.level, c.id)] = n
	}
	for depth := range len(c.path) + 1 {
		around := c.path[:depth].String()
		if r.inside[around] == nil {
			r.inside[around] = map[int]struct{}{}
		}
		r.inside[around][n] = struct{}{}
	}
}

// end ends an interval.
func (r *register) end(n int, why string) {
	i := &r.Intervals[n]
	i.To, i.Reason = r.End, why
	if i.ID != "" {
		delete(r.named, identity(i.Path, i.Level, i.ID))
	}
	for depth := range len(i.Path) + 1 {
		around := i.Path[:depth].String()
		delete(r.inside[around], n)
		if len(r.inside[around]) == 0 {
			delete(r.inside, around)
		}
	}
}

// close ends the intervals of a process and of all inside it.
func (r *register) close(path vm.Path, why string) {
	for n := range r.inside[path.String()] {
		r.end(n, why)
	}
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

// At returns who was there after the input with number seq.
func (p *Presence) At(seq uint64) *Presence {
	return p.Where(func(i *Interval) bool { return i.From.Seq <= seq && (i.Still() || seq < i.To.Seq) })
}

// AtTime returns who was there at a time.
func (p *Presence) AtTime(t time.Time) *Presence {
	return p.Where(func(i *Interval) bool { return !i.From.Time.After(t) && (i.Still() || t.Before(i.To.Time)) })
}

// A Count says how many were there for a while: how many took part, and how many
// watched others, see [topic.Interest].
type Count struct {
	// From is the input after which there were so many, and To that after which
	// there were not. In the last one To is [Presence.End].
	From, To Mark

	Publishers, Subscribers                 int // participants
	PublisherObservers, SubscriberObservers int // who watches publishers, and who subscribers
}

// Timeline returns how many were there, from the input on at which the first one
// came. It has a Count for each input after which there were others than before
// it; who came and went within one input is not in it.
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

// side returns the number to which somebody counts.
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

// A Span is a time between two inputs.
type Span struct {
	From, To Mark
}

// Duration returns how long it was.
func (s Span) Duration() time.Duration { return s.To.Time.Sub(s.From.Time) }

// Spans returns the times for which a condition held, in their order, each as
// long as can be. So the first time at which there was more demand than supply
// is the beginning of the first of
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

// Longest returns the longest of some spans, the first one if there are several.
// It reports false if there are none.
func Longest(spans []Span) (Span, bool) {
	if len(spans) == 0 {
		return Span{}, false
	}
	return slices.MaxFunc(spans, func(a, b Span) int { return cmp.Compare(a.Duration(), b.Duration()) }), true
}
