package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"sync"

	"github.com/go-marketplace/marketplace/journal/codec"
	"github.com/go-marketplace/marketplace/journal/wal"
)

// A History is a journal that is open for reading, in any program, not only the one that
// has written it. It has what had been written when it was opened, and may be opened while
// the journal is written. It is safe for concurrent use.
type History struct {
	store  wal.Store
	reader *wal.Reader
	parts  []part
	last   func() uint64
	sealer codec.Sealer // nil if there are no keys

	mu      sync.Mutex
	indexes []partIndex // of the parts
	indexed []int       // the parts that have an index; the one that has grown last is the last
}

// A part is a segment of the log.
type part struct {
	index uint64 // of its first record
	head  Head
}

// Read opens the journal in a folder for reading. It fails if there is none, and
// if its last segment cannot be read.
func Read(dir string) (*History, error) {
	h, err := ReadStore(wal.Dir(dir))
	return h, inFolder(dir, err)
}

// inFolder adds the name of the folder to the error that there is no journal.
func inFolder(dir string, err error) error {
	if errors.Is(err, wal.ErrNoLog) {
		return fmt.Errorf("journal: %s: %w", dir, wal.ErrNoLog)
	}
	return err
}

// ReadStore opens the journal in a store for reading.
func ReadStore(s wal.Store) (*History, error) {
	return again(func() (*History, error) { return readStore(s, false) })
}

// again calls f until it does not fail because the program that writes the journal has
// dropped a part of it meanwhile. After 100 times, again gives up.
func again[T any](f func() (T, error)) (T, error) {
	for try := 0; ; try++ {
		v, err := f()
		if try == 100 || !errors.Is(err, wal.ErrDropped) && !errors.Is(err, fs.ErrNotExist) {
			return v, err
		}
	}
}

// readStore opens the journal in a store for reading. If it is lenient, it leaves out a last
// segment that begins with damage.
func readStore(s wal.Store, lenient bool) (*History, error) {
	r, err := wal.Read(s)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	h := &History{store: s, reader: r}
	segments := r.Segments()
	for i, index := range segments {
		head, ok, err := h.headAt(index)
		if errors.As(err, new(*wal.DamageError)) && (lenient || i < len(segments)-1) {
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

// entriesFrom yields the entries of a part from a seek point on, or from its beginning,
// and those of the parts that follow. It adds seek points on the way.
func (h *History) entriesFrom(part int, m seekPoint) iter.Seq2[*entry, error] {
	return func(yield func(*entry, error) bool) {
		g, index, head := newSegment(), h.parts[part].index, m.head
		if m.index > 0 {
			index = m.index
			g.recall(m.addresses)
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
				h.addSeekPoint(part, seekPoint{seq: e.seq, index: e.index, head: head, mentions: before}, g.mentions)
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}

// entries yields the entries from a record on. If that record is not the first of its
// segment, g has the addresses before it. An entry is valid until the next one.
func (h *History) entries(index uint64, g *segment) iter.Seq2[*entry, error] {
	return entriesOf(h.reader.Records(index), g)
}

// entriesOf yields the entries in records of the log; an entry without a kind stands for a
// record with index 0.
func entriesOf(records iter.Seq2[wal.Record, error], g *segment) iter.Seq2[*entry, error] {
	return func(yield func(*entry, error) bool) {
		segment := ""
		e := &entry{}
		for r, err := range records {
			if err != nil {
				yield(nil, fmt.Errorf("journal: %w", err))
				return
			}
			if r.Index == 0 {
				*e = entry{}
				if !yield(e, nil) {
					return
				}
				continue
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
			e.index, e.hash = r.Index, r.Hash
			if !yield(e, nil) {
				return
			}
		}
	}
}
