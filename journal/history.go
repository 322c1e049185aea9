package journal

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"

	"github.com/go-marketplace/marketplace/journal/internal/fingerprint"
	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/vm"
)

// A History is a journal that is open for reading, in any program, not only the one that
// has written it. It has what had been written when it was opened, and may be opened while
// the journal is written. It is safe for concurrent use.
type History struct {
	store  wal.Store
	reader *wal.Reader
	parts  []part
	last   func() uint64

	mu      sync.Mutex
	indexes []partIndex // of the parts
}

// A part is a segment of the log.
type part struct {
	index uint64 // of its first record
	head  Head
}

// A partIndex has the known seek points of a part, so that reading an input in the middle
// does not need the whole part.
type partIndex struct {
	mentions   []mention   // the addresses in the part, in order
	seekPoints []seekPoint // in order
}

// A seekPoint is an input at which reading can begin.
type seekPoint struct {
	seq, index uint64
	head       *Head // the head that applies to it
	mentions   int   // how many addresses come before it
}

// seekEvery is how many inputs are between two seek points.
const seekEvery = 512

// Read opens the journal in a folder for reading. It fails if there is none, and
// if its last segment cannot be read.
func Read(dir string) (*History, error) {
	h, err := ReadStore(wal.Dir(dir))
	if errors.Is(err, wal.ErrNoLog) {
		err = fmt.Errorf("journal: %s: %w", dir, wal.ErrNoLog)
	}
	return h, err
}

// ReadStore opens the journal in a store for reading.
func ReadStore(s wal.Store) (*History, error) {
	r, err := wal.Read(s)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	h := &History{store: s, reader: r}
	segments := r.Segments()
	for i, index := range segments {
		head, ok, err := h.headAt(index)
		if errors.As(err, new(*wal.DamageError)) && i < len(segments)-1 {
			// Reading it yields the error. Nothing comes before the first record.
			head, ok, err = Head{}, index == 1, nil
		}
		if err != nil {
			return nil, err
		}
		if ok {
			h.parts = append(h.parts, part{index, head})
		}
	}
	h.indexes = make([]partIndex, len(h.parts))
	h.last = sync.OnceValue(h.findLast)
	return h, nil
}

// findLast returns the number of the last input, or 0 if there is none.
func (h *History) findLast() uint64 {
	if len(h.parts) == 0 {
		return 0
	}
	last := len(h.parts) - 1
	seq := h.parts[last].head.Seq
	for e, err := range h.entriesFrom(last, seekPoint{}) {
		if err != nil {
			break // reading so far yields the error
		}
		if e.kind == inputEntry {
			seq = e.input.Seq
		}
	}
	return seq
}

// headAt returns the head of a segment. It reports false if it is not written yet.
func (h *History) headAt(index uint64) (Head, bool, error) {
	for e, err := range h.entries(index, newSegment()) {
		switch {
		case err != nil:
			return Head{}, false, err
		case e.kind != headEntry:
			return Head{}, false, fmt.Errorf("journal: the segment from record %d on begins with a %v and not with a head: it is not the log of a journal", index, e.kind)
		}
		return e.head, true, nil
	}
	return Head{}, false, nil
}

// First returns the number of the oldest input that the journal still has; 1, if
// nothing has been dropped.
func (h *History) First() uint64 {
	if len(h.parts) == 0 {
		return 1
	}
	return h.parts[0].head.Seq + 1
}

// adopted returns the number of the last input whose results are not compared, because
// another program has adopted the history since. It is 0 if there is none. A program that
// adopts a history begins a segment.
func (h *History) adopted() (seq uint64) {
	for _, p := range h.parts {
		if p.head.Adopts {
			seq = p.head.Seq
		}
	}
	return seq
}

// Last returns the number of the last input, or 0 if there is none.
func (h *History) Last() uint64 { return h.last() }

// Head returns the head of the oldest segment. It is zero if the journal is
// empty.
func (h *History) Head() Head {
	if len(h.parts) == 0 {
		return Head{}
	}
	return h.parts[0].head
}

// Inputs yields the inputs from a number on, in order. If one cannot be read, Inputs
// yields an error instead, and ends. A [*wal.DamageError] says where the journal is
// damaged.
func (h *History) Inputs(from uint64) iter.Seq2[Input, error] {
	return func(yield func(Input, error) bool) {
		for e, err := range h.recordedInputs(from) {
			if err != nil {
				yield(Input{}, err)
				return
			}
			if !yield(e.Input, nil) {
				return
			}
		}
	}
}

// An entry is one record of the log.
type entry struct {
	index    uint64
	kind     entryKind
	head     Head
	input    Input
	first    bool   // the input is the first of its segment with the address of its device
	seq      uint64 // of the input, or of the input of which the entry is a result
	check    vm.Digest
	trace    []step
	change   presenceChange
	snapshot string // name of the file
}

// entriesFrom yields the entries of a part from a seek point on, or from its beginning,
// and those of the parts that follow. It adds seek points on the way.
func (h *History) entriesFrom(part int, m seekPoint) iter.Seq2[*entry, error] {
	return func(yield func(*entry, error) bool) {
		g, index, head := newSegment(), h.parts[part].index, m.head
		if m.index > 0 {
			index = m.index
			h.mu.Lock()
			g.recall(h.indexes[part].mentions[:m.mentions:m.mentions])
			h.mu.Unlock()
		}
		for e, err := range h.entries(index, g) {
			if err != nil {
				yield(nil, err)
				return
			}
			switch {
			case e.kind == headEntry:
				if part+1 < len(h.parts) && e.index == h.parts[part+1].index {
					part++
				}
				now := e.head
				head = &now
			case e.kind == inputEntry && e.seq%seekEvery == 0:
				before := len(g.mentions)
				if e.first {
					before--
				}
				h.addSeekPoint(part, seekPoint{e.seq, e.index, head, before}, g.mentions)
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}

// addSeekPoint adds a seek point to the index of a part, if it is behind all others.
func (h *History) addSeekPoint(part int, m seekPoint, mentions []mention) {
	h.mu.Lock()
	defer h.mu.Unlock()
	g := &h.indexes[part]
	if n := len(g.seekPoints); n == 0 || g.seekPoints[n-1].seq < m.seq {
		g.seekPoints, g.mentions = append(g.seekPoints, m), mentions
	}
}

// seekPointFor returns the last seek point of a part that is not after an input. It is
// zero if there is none.
func (h *History) seekPointFor(part int, seq uint64) seekPoint {
	h.mu.Lock()
	defer h.mu.Unlock()
	seekPoints := h.indexes[part].seekPoints
	i, found := slices.BinarySearchFunc(seekPoints, seq, func(m seekPoint, seq uint64) int { return cmp.Compare(m.seq, seq) })
	switch {
	case found:
		return seekPoints[i]
	case i > 0:
		return seekPoints[i-1]
	}
	return seekPoint{}
}

// entries yields the entries from a record on. If that record is not the first of its
// segment, g has the addresses before it. An entry is valid until the next one.
func (h *History) entries(index uint64, g *segment) iter.Seq2[*entry, error] {
	return func(yield func(*entry, error) bool) {
		segment := ""
		e := &entry{}
		for r, err := range h.reader.Records(index) {
			if err != nil {
				yield(nil, fmt.Errorf("journal: %w", err))
				return
			}
			if r.Segment != segment {
				if segment != "" {
					g.forget()
				}
				segment = r.Segment
			}
			if err := e.read(r.Payload, g); err != nil {
				yield(nil, fmt.Errorf("journal: %w", &wal.DamageError{
					Position: wal.Position{Segment: r.Segment, Offset: r.Offset, Index: r.Index},
					Reason:   err.Error(),
				}))
				return
			}
			e.index = r.Index
			if !yield(e, nil) {
				return
			}
		}
	}
}

// read reads an entry of a segment.
func (e *entry) read(payload []byte, g *segment) error {
	s := scanner{data: payload}
	*e = entry{kind: entryKind(s.byte())}
	switch e.kind {
	case headEntry:
		e.head = readHead(&s)
		s.end()
	case inputEntry:
		known := len(g.mentions)
		e.input = readInput(&s, g)
		e.seq, e.first = e.input.Seq, len(g.mentions) > known
	case checkEntry:
		e.seq = s.uint()
		e.check = vm.Digest(s.fixed())
		s.end()
	case traceEntry:
		e.seq, e.trace = readTrace(&s)
	case presenceEntry:
		e.seq, e.change = readPresenceChange(&s)
	case snapshotEntry:
		e.seq = s.uint()
		e.snapshot = s.text()
		s.end()
	default:
		s.fail("this program does not know the kind")
	}
	if s.err != nil {
		return fmt.Errorf("invalid %v: %w", e.kind, s.err)
	}
	return nil
}

// A recordedInput is an input with its results, as recorded in a journal.
type recordedInput struct {
	Input
	head      *Head // the head that applies to it
	changes   []presenceChange
	check     vm.Digest
	checks    bool // check is recorded
	trace     []step
	traces    bool // trace is recorded
	complete  bool // no results can be missing, because the run went on with another input
	unchecked bool // its results are not compared: it is of a branch, or of another program
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
		at := len(h.parts) - 1
		for h.parts[at].head.Seq >= from {
			at--
		}
		var current recordedInput // if its number is not zero
		adopted := h.adopted()
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
					current = recordedInput{Input: e.input, head: head, unchecked: e.seq <= adopted}
				}
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
		e.trace, e.traces = n.trace, true
	case presenceEntry:
		e.changes = append(e.changes, n.change)
	}
}

// readable returns the number of the last input that can be read in a log, and the index
// of the record behind the readable part. It begins to read with the segment of the record
// from, or with the first segment.
func readable(s wal.Store, from uint64) (seq, end uint64, err error) {
	r, err := wal.Read(s)
	if errors.Is(err, wal.ErrNoLog) {
		return 0, 1, nil
	}
	if err != nil {
		return 0, 0, fmt.Errorf("journal: %w", err)
	}
	end = r.First()
	for _, first := range r.Segments() {
		if first <= from {
			end = first
		}
	}
	for e, err := range (&History{store: s, reader: r}).entries(end, newSegment()) {
		if err != nil {
			return seq, end, nil
		}
		switch e.kind {
		case headEntry:
			seq = e.head.Seq
		case inputEntry:
			seq = e.seq
		}
		end = e.index + 1
	}
	return seq, end, nil
}
