package journal

import (
	"iter"
	"slices"
	"strings"

	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/vm"
)

// Details are an input, with what the journal says came of it.
type Details struct {
	Input Input

	// RollCalls say which endpoints have come and gone, for people, in lines.
	RollCalls []string

	// Steps are the trace, for people, in lines. There are none if the journal
	// has no trace.
	Steps []string

	// Digest is that of the machine after the input, if Checked says that it is
	// in the journal.
	Digest  vm.Digest
	Checked bool
}

// Details yields all that the journal has about the inputs from a number on, in
// order; it is like [History.Inputs] otherwise.
func (h *History) Details(from uint64) iter.Seq2[Details, error] {
	return func(yield func(Details, error) bool) {
		for e, err := range h.recordedInputs(from) {
			if err != nil {
				yield(Details{}, err)
				return
			}
			d := Details{Input: e.Input, Digest: e.check, Checked: e.checks}
			for i := range e.changes {
				d.RollCalls = append(d.RollCalls, e.changes[i].String())
			}
			for i := range e.trace {
				d.Steps = append(d.Steps, e.trace[i].String())
			}
			if !yield(d, nil) {
				return
			}
		}
	}
}

// String returns the text of a step, with the process that it is about.
func (s *step) String() string {
	who := vm.Label(s.path, s.name)
	if len(s.path) == 0 || strings.HasPrefix(s.text, who+":") || strings.HasPrefix(s.text, "< ") {
		return s.text
	}
	return who + ": " + s.text
}

// A Summary says what is in a journal.
type Summary struct {
	Heads  []Head      // of the segments, the oldest first
	Starts []Input     // the starts of the machine
	First  Input       // the oldest input; zero if there is none
	Last   Input       // the last one
	Kinds  []InputKind // how many inputs there are of which kind

	RollCalls uint64 // notes of endpoints that come and go
	Traces    uint64 // inputs with a trace
	Checks    uint64 // digests

	// Snapshots are the inputs after which there are snapshots, the oldest
	// first. Whether they can be used is not known.
	Snapshots []uint64
}

// Stopped reports whether the run has ended by a stop. Otherwise it goes on, or
// has crashed, or ended because nothing could happen in the machine any more.
func (s *Summary) Stopped() bool { return s.Last.Kind == vm.StopDone }

// Summary reads all of the journal, and says what is in it. If a part cannot be
// read, it returns a summary of what comes before that part, and an error.
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

// A census counts entries.
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
		c.Traces++
	case presenceEntry:
		c.RollCalls++
	}
}

// summary returns what has been counted in the journal in a store.
func (c *counter) summary(store wal.Store) Summary {
	s := c.Summary
	for kind, n := range c.kinds {
		if n > 0 {
			s.Kinds = append(s.Kinds, InputKind{vm.InputKind(kind), n})
		}
	}
	s.Snapshots, _ = snapshotsIn(store) // what cannot be listed is not there
	slices.Reverse(s.Snapshots)
	return s
}
