package journal

import (
	"iter"
	"slices"
	"strings"

	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/vm"
)

// Details are an input, with the results that the journal has for it.
type Details struct {
	Input Input

	// PresenceChanges are the endpoints that were opened, moved and closed, and the
	// processes that ended, a line each.
	PresenceChanges []string

	// Steps are the trace, a line for each step. There are none if the journal has
	// no trace.
	Steps []string

	// Digest is the digest of the machine after the input, if the journal has one,
	// which Checked says.
	Digest  vm.Digest
	Checked bool
}

// Details is like [History.Inputs], but yields all that the journal has about each
// input.
func (h *History) Details(from uint64) iter.Seq2[Details, error] {
	return func(yield func(Details, error) bool) {
		for e, err := range h.recordedInputs(from) {
			if err != nil {
				yield(Details{}, err)
				return
			}
			d := Details{Input: e.Input, Digest: e.check, Checked: e.checks}
			for i := range e.changes {
				d.PresenceChanges = append(d.PresenceChanges, e.changes[i].String())
			}
			for i := range e.trace {
				if !e.head.samples(e.Seq) { // a sample has no texts
					d.Steps = append(d.Steps, e.trace[i].String())
				}
			}
			if !yield(d, nil) {
				return
			}
		}
	}
}

// String describes the step for people, with its process.
func (s *step) String() string {
	who := vm.Label(s.path, s.name)
	if len(s.path) == 0 || strings.HasPrefix(s.text, who+":") || strings.HasPrefix(s.text, "< ") {
		return s.text
	}
	return who + ": " + s.text
}

// A Summary summarises what a journal has.
type Summary struct {
	Heads  []Head      // of the segments, the oldest first
	Starts []Input     // the starts of the machine
	First  Input       // the oldest input; zero if there is none
	Last   Input       // the last one
	Kinds  []InputKind // how many inputs there are of which kind

	PresenceChanges uint64 // see [Details].PresenceChanges
	Traces          uint64 // inputs with a trace
	Checks          uint64 // digests

	// Snapshots are the inputs after which there are snapshots, the oldest first.
	// Summary does not check whether they can be used.
	Snapshots []uint64
}

// Stopped reports whether the run has ended with a stop. Otherwise it still runs, or
// has crashed, or has ended because nothing could happen in the machine any more.
func (s *Summary) Stopped() bool { return s.Last.Kind == vm.StopDone }

// ID returns the identity of the journal. It is zero if it has none.
func (s *Summary) ID() ID {
	if len(s.Heads) == 0 {
		return ID{}
	}
	return s.Heads[len(s.Heads)-1].ID
}

// Summary reads the whole journal, and summarises it. If a part cannot be read, it
// returns a summary of what comes before that part, and an error.
func (h *History) Summary() (Summary, error) {
	var c counter
	if len(h.parts) > 0 {
		for e, err := range h.entries(h.parts[0].index, newSegment()) {
			if err != nil {
				return c.summary(h.store), err
			}
			c.count(e)
		}
	}
	return c.summary(h.store), nil
}

// A counter counts entries.
type counter struct {
	Summary
	kinds [16]uint64
}

func (c *counter) count(e *entry) {
	switch e.kind {
	case headEntry:
		c.Heads = append(c.Heads, e.head)
	case inputEntry:
		c.kinds[e.input.Kind&15]++
		c.Last = e.input
		if c.First.Seq == 0 {
			c.First = e.input
		}
		if e.input.Kind == vm.Start {
			c.Starts = append(c.Starts, e.input)
		}
	case checkEntry:
		c.Checks++
	case traceEntry:
		if n := len(c.Heads); n == 0 || !c.Heads[n-1].samples(e.seq) {
			c.Traces++
		}
	case presenceEntry:
		c.PresenceChanges++
	}
}

// summary returns what the counter has counted in the journal in a store.
func (c *counter) summary(store wal.Store) Summary {
	s := c.Summary
	for kind, n := range c.kinds {
		if n > 0 {
			s.Kinds = append(s.Kinds, InputKind{vm.InputKind(kind), n})
		}
	}
	s.Snapshots, _ = snapshotsIn(store) // none, if they cannot be listed
	slices.Reverse(s.Snapshots)
	return s
}
