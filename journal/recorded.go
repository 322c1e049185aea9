package journal

import (
	"fmt"
	"iter"

	"github.com/go-marketplace/marketplace/journal/internal/fingerprint"
	"github.com/go-marketplace/marketplace/vm"
)

// A recordedInput is an input with its results, as recorded in a journal.
type recordedInput struct {
	Input
	head      *Head // the head that applies to it
	changes   []presenceChange
	check     vm.Digest
	checks    bool // check is recorded
	trace     []step
	traces    bool        // trace is recorded
	images    []imageNote // of snapshots, in the order of their entries
	complete  bool        // no results can be missing, because the run went on with another input
	unchecked bool        // its results are not compared: it is of a branch, or of another program
	inherited bool        // it is of the stretch before, and the program got it only if it is not of a stop
	erased    uint64      // the first input from which results cannot be compared, because values were erased; 0 if there is none
}

// recordedInputs yields the inputs from a number on, with their results, in order. Each is
// valid until the next one.
func (h *History) recordedInputs(from uint64) iter.Seq2[*recordedInput, error] {
	return func(yield func(*recordedInput, error) bool) {
		if from == 0 {
			from = h.First()
		}
		if len(h.parts) == 0 {
			return
		}
		if from < h.First() {
			yield(nil, fmt.Errorf("journal: input %d has been dropped: the oldest is %d", from, h.First()))
			return
		}
		at := h.partOf(from)
		var current recordedInput // if its number is not zero
		skipped, values := h.skipped(), h.codec(nil)
		m := h.seekPointFor(at, from)
		head, next := m.head, max(m.seq, h.parts[at].head.Seq+1)
		for e, err := range h.entriesFrom(at, m) {
			if err != nil {
				if current.Seq == 0 || yield(&current, nil) {
					yield(nil, err)
				}
				return
			}
			switch {
			case e.kind == headEntry:
				h := e.head
				head = &h
				continue
			case e.kind == inputEntry:
				if e.seq != next {
					yield(nil, fmt.Errorf("journal: input %d follows where input %d should: a part of the journal is missing", e.seq, next))
					return
				}
				next++
				if current.Seq != 0 {
					current.complete = e.input.Kind != vm.Start // a crash may come before it
					if !yield(&current, nil) {
						return
					}
				}
				if e.seq >= from {
					current = recordedInput{Input: e.input, head: head}
					current.Skipped, current.codec = skipped[e.seq], values
				}
				continue
			case e.kind == takingEntry || e.kind == snapshotEntry && e.image != 0:
				current.images = append(current.images, imageNote{e.seq, e.image})
				continue
			case e.seq != current.Seq:
				continue
			}
			current.add(e)
		}
		if current.Seq != 0 {
			yield(&current, nil)
		}
	}
}

// outdated reports whether the sums in the trace cannot be compared, because they depend
// on the names of types in Go.
func (e *recordedInput) outdated() bool {
	return !e.unchecked && e.head != nil && versionOf(e.head.Format) == fingerprint.V1
}

func (e *recordedInput) add(n *entry) {
	switch n.kind {
	case checkEntry:
		e.check, e.checks = n.check, true
	case traceEntry:
		if e.traces { // a long trace has several entries
			n.trace = append(e.trace, n.trace...)
		}
		e.trace, e.traces = n.trace, true
	case presenceEntry:
		e.changes = append(e.changes, n.change)
	}
}

// A decodedInput is a recorded input with its value.
type decodedInput struct {
	recordedInput
	value any
	lost  bool // a value in it was erased after it was recorded
}

// decodedInputs yields the inputs from a number on, for a program that has written a stretch,
// with their results and values, which upcast has updated. Each is valid until the next one.
func (h *History) decodedInputs(from uint64, s *Stretch, upcast func(uint64, any) any) iter.Seq2[*decodedInput, error] {
	return func(yield func(*decodedInput, error) bool) {
		var p decodedInput
		c := h.codec(func(string) { p.lost = true })
		for e, err := range h.recordedInputs(from) {
			if err != nil {
				yield(nil, err)
				return
			}
			p.lost = false
			v, err := e.decode(c)
			if err != nil {
				yield(nil, err)
				return
			}
			if upcast != nil && v != nil {
				v = upcast(e.head.Schema, v)
			}
			p.recordedInput, p.value = *e, v
			p.inherited = s.inherits(e.Seq) && s.Base > 0
			p.unchecked = s.inherits(e.Seq) && s.Adopts
			if !yield(&p, nil) {
				return
			}
		}
	}
}

// withoutResults returns an input without its recorded results.
func (e *decodedInput) withoutResults() decodedInput {
	return decodedInput{recordedInput{Input: e.Input, head: e.head, unchecked: true, inherited: e.inherited}, e.value, e.lost}
}

// vmInput returns the input in the form that machines get.
func (e *decodedInput) vmInput() vm.Input {
	in := vm.Input{Kind: e.Kind, Value: e.value, Incarnation: e.Incarnation, Limits: e.Limits}
	if e.Err != nil {
		in.Err = e.Err
	}
	if e.Generation > 0 {
		in.Address = &vm.Address{Path: e.Path, Device: closedDevice{e.Device}, Generation: e.Generation}
	}
	return in
}
