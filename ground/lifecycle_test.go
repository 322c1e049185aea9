package ground

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// The whole table: the columns are states, the rows events. A cell has the next
// state, + for each effect, and ! where a command is lost. A dash is an event
// that cannot happen.
const wholeLife = `
             | opening                  | retrying              | open                  | openingToDrain    | draining       | cancelled     | closing   | closed
opened       | open+start               | -                     | -                     | draining+start    | -              | closing+leave | -         | -
openFailed   | closing+leave+report     | closing+leave+report  | -                     | closing+leave     | -              | closing+leave | -         | -
openDeferred | retrying                 | -                     | -                     | cancelled+cancel  | -              | cancelled     | -         | -
retried      | -                        | opening               | -                     | -                 | -              | cancelled     | -         | -
told         | opening+accept           | retrying+accept       | open+accept           | openingToDrain!   | draining!      | cancelled!    | closing!  | closed!
missed       | opening!                 | retrying!             | -                     | -                 | -              | -             | -         | -
overflowed   | cancelled+cancel+report! | -                     | closing+leave+report! | -                 | -              | -             | -         | -
forgone      | opening!                 | retrying!             | open!                 | openingToDrain!   | draining!      | cancelled!    | closing!  | closed!
drained      | opening                  | retrying              | open                  | cancelled+cancel  | closing+leave  | cancelled     | closing   | closed
ended        | -                        | -                     | draining+drain+report | -                 | draining       | -             | closing   | closed
closeAsked   | openingToDrain+drain     | cancelled+cancel      | draining+drain        | openingToDrain    | draining       | cancelled     | closing   | closed
limitOver    | -                        | -                     | -                     | cancelled+cancel! | closing+leave! | cancelled     | closing   | closed
left         | -                        | -                     | -                     | -                 | -              | -             | closed    | -
`

// Issue 10.1: every event in every state has the result in the table.
func TestLifecycleTable(t *testing.T) {
	rows := strings.Split(strings.TrimSpace(wholeLife), "\n")
	cells := func(row string) (texts []string) {
		for cell := range strings.SplitSeq(row, "|") {
			texts = append(texts, strings.TrimSpace(cell))
		}
		return texts
	}
	head := cells(rows[0])
	if len(head) != 1+int(states) || len(rows) != 1+int(events) {
		t.Fatalf("the test has %d states and %d events", len(head)-1, len(rows)-1)
	}
	for e := range events {
		row := cells(rows[1+e])
		if row[0] != e.String() {
			t.Fatalf("row %d of the test is %s, want %v", e, row[0], e)
		}
		for s := range states {
			if head[1+s] != s.String() {
				t.Fatalf("column %d of the test is %s, want %v", s, head[1+s], s)
			}
			for _, lost := range []bool{false, true} {
				if got, want := lived(life{s, lost}, e), row[1+s]; got != want {
					t.Errorf("%v, when %v: got %s, want %s", e, s, got, want)
				}
			}
		}
	}
}

// lived is a text for the result of an event.
func lived(l life, e event) (text string) {
	defer func() {
		if recover() != nil {
			text = "-"
		}
	}()
	after, fx := l.next(e)
	text = after.state.String()
	for i, name := range []string{"accept", "start", "drain", "cancel", "leave", "report"} {
		if fx.has(1 << i) {
			text += "+" + name
		}
	}
	if l.lost && !after.lost {
		return "it forgets that something is lost"
	}
	if transitions[l.state][e].loses {
		text += "!"
	}
	return text
}

// A biography is a life, with the resources outside that a device in it has.
type biography struct {
	life
	calls   int  // of Open that have not returned
	handle  bool // Open has returned one
	drains  bool // the limit runs
	waits   int  // commands that were accepted, and wait
	refused bool // a command was not accepted, or was forgotten
	asked   bool // the holder has closed the device
	starts  int
	cancels int
	leaves  int
	reports int
}

// Issue 10.1: after any sequence of events, the handle is closed once, nothing is
// written after that, a clean end means that everything was written, and an end is
// reported once, to a holder that has the device.
func TestLifecycleRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := &biography{calls: 1}
		for range rapid.IntRange(0, 60).Draw(t, "events") {
			b.happens(t, rapid.SampledFrom(b.possible()).Draw(t, "event"))
		}
		// From any state, a device that is closed, and whose outside answers, is
		// closed in the end.
		b.happens(t, closeAsked)
		for b.state != closed {
			switch was := b.state; {
			case was == closing:
				b.happens(t, left)
			case b.calls > 0:
				b.happens(t, openFailed)
			case b.state == cancelled: // in a pause
				b.happens(t, openFailed)
			case was == draining && b.waits > 0:
				b.happens(t, limitOver)
			default:
				t.Fatalf("%v is a dead end", was)
			}
		}
		if b.leaves != 1 {
			t.Fatalf("the outside is left %d times", b.leaves)
		}
	})
}

// possible returns the events that the outside and the holder can cause next. The
// test checks that the table has them.
func (b *biography) possible() []event {
	es := []event{closeAsked, forgone, told}
	switch {
	case b.calls > 0:
		es = append(es, opened, openFailed, openDeferred)
	case !b.handle && (b.state == retrying || b.state == cancelled):
		es = append(es, retried, openFailed)
	}
	if b.handle {
		es = append(es, ended)
	}
	if b.wanted() {
		switch b.state {
		case opening:
			es = append(es, missed, overflowed)
		case retrying:
			es = append(es, missed)
		case open:
			es = append(es, overflowed)
		}
	}
	if b.drains {
		es = append(es, limitOver)
	}
	if b.waits > 0 && b.writes() && b.starts > 0 {
		es = append(es, drained) // the handle takes all that waits
	}
	if b.state == closing {
		es = append(es, left)
	}
	return es
}

// happens passes an event to the life, as a device does, and checks the rules.
func (b *biography) happens(t *rapid.T, e event) {
	had := b.wanted()
	wrote := b.writes()
	switch e {
	case opened:
		b.calls--
		b.handle = true
	case openFailed, openDeferred:
		b.calls = 0
	case closeAsked:
		b.asked = true
	case missed, overflowed, forgone:
		b.refused = true
	case drained:
		b.waits = 0
		if !wrote {
			t.Fatalf("a device that is %v writes", b.state)
		}
	}
	after, fx := b.next(e)
	b.life = after
	if e == retried && b.state == opening {
		b.calls++
	}
	if e == told {
		if fx.has(accept) != had {
			t.Fatalf("a command is accepted: %v, and the holder has the device: %v", fx.has(accept), had)
		}
		if fx.has(accept) {
			b.waits++
		} else {
			b.refused = true
		}
	}
	b.affected(t, e, fx, had)
	if b.waits == 0 && e != drained {
		was := b.wanted()
		after, fx := b.next(drained)
		b.life = after
		b.affected(t, drained, fx, was)
	}
}

// affected checks the effects of an event.
func (b *biography) affected(t *rapid.T, e event, fx effects, had bool) {
	if fx.has(start) {
		b.starts++
		if !b.handle || b.starts > 1 || !b.writes() {
			t.Fatalf("%v starts it: handle %v, %d starts, %v", e, b.handle, b.starts, b.state)
		}
	}
	if fx.has(drain) {
		if b.drains {
			t.Fatal("the limit begins twice")
		}
		b.drains = true
	}
	if fx.has(report) {
		if b.reports++; b.reports > 1 || !had || b.asked {
			t.Fatalf("%v is end %d, the holder had the device: %v, and has closed it: %v", e, b.reports, had, b.asked)
		}
	}
	if had && !b.wanted() && !fx.has(report) && !b.asked {
		t.Fatalf("%v ends it, and the holder does not hear of that", e)
	}
	if fx.has(cancel) {
		if b.cancels++; b.cancels > 1 || b.handle {
			t.Fatalf("%v cancels Open %d times, and there is a handle: %v", e, b.cancels, b.handle)
		}
	}
	if fx.has(leave) {
		if b.leaves++; b.leaves > 1 || b.calls > 0 {
			t.Fatalf("%v leaves the outside %d times, and Open runs %d times", e, b.leaves, b.calls)
		}
		if b.handle && !b.lost && (b.waits > 0 || b.refused) {
			t.Fatalf("%v closes cleanly, and %d commands wait; some were not accepted: %v", e, b.waits, b.refused)
		}
	}
	if fx.has(cancel | leave) {
		b.refused = b.refused || b.waits > 0
		b.waits = 0
	}
	if b.leaves > 0 && b.writes() {
		t.Fatalf("it writes, being %v", b.state)
	}
	if (b.leaves > 0) != (b.state == closing || b.state == closed) {
		t.Fatalf("%v: the outside has been left %d times", fmt.Sprint(b.state), b.leaves)
	}
}
