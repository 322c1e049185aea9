package wal

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
)

// A Record is a record that has been read.
type Record struct {
	Index   uint64
	Segment string // name of the file it is in
	Offset  int64  // of the record, in that file
	Payload []byte // is valid until the next record is asked for
}

// A Reader reads a log as it was when the reader was made: it needs no lock,
// and does not mind when the log is written meanwhile. It may be used by
// several goroutines at once.
type Reader struct {
	store Store
	segs  []segment    // each with the size up to which it is to be read
	first uint64       // the oldest record
	last  uint64       // the last record
	flaw  *DamageError // what is behind it, if that is damage
}

// Read returns a reader of the log in a store, which reads what has been
// written so far: all records but those that are only half written. It fails
// with [ErrNoLog] if there is no log.
//
// Only the current segment is checked now, the others when their records are
// read.
func Read(s Store) (*Reader, error) {
	return again(func() (*Reader, error) { return read(s) })
}

// again calls f until no segment goes away before it could be read, or for so
// often that there must be another reason.
func again[T any](f func() (T, error)) (T, error) {
	for try := 0; ; try++ {
		v, err := f()
		if try == 100 || !errors.Is(err, fs.ErrNotExist) {
			return v, err
		}
	}
}

func read(s Store) (*Reader, error) {
	segs, err := listSegments(s)
	if err != nil {
		return nil, err
	}
	if len(segs) == 0 {
		return nil, ErrNoLog
	}
	current := len(segs) - 1
	v, err := lookFrom(s, segs, current)
	if err == nil && v.at < 0 && v.torn && current > 0 {
		// It is just being created: the end of the log is in the one before.
		v, err = lookFrom(s, segs, current-1)
	}
	if err != nil {
		return nil, err
	}
	r := &Reader{store: s, first: segs[0].first, last: v.last}
	if v.flaw != nil && !v.torn {
		r.flaw = v.flaw
	}
	if v.at >= 0 {
		r.segs = segs[:v.at+1]
		r.segs[v.at].size = v.end
	} else if r.flaw != nil {
		r.segs = segs // who gets that far finds the same again
	}
	return r, nil
}

// lookFrom surveys a log from segment i on.
func lookFrom(s Store, segs []segment, i int) (*survey, error) {
	v := newSurvey(segs, i)
	for ; i < len(segs) && v.flaw == nil; i++ {
		if err := v.lookAt(s, i, func(int64) {}); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// First returns the index of the oldest record; if there are no records, that
// of the one to come.
func (r *Reader) First() uint64 { return r.first }

// Last returns the index of the last record; if there are no records, it is one
// less than First.
func (r *Reader) Last() uint64 { return r.last }

// Segments returns the index of the first record of each segment, in order. The
// last one may have no records yet.
func (r *Reader) Segments() []uint64 {
	firsts := make([]uint64, len(r.segs))
	for i, s := range r.segs {
		firsts[i] = s.first
	}
	return firsts
}

// Records returns the records from an index on, in order, up to Last; zero
// stands for First. If one cannot be read, an error takes its place, and is the
// end: a [*DamageError], [ErrDropped] if the record is not in the log any more,
// or what the store says.
func (r *Reader) Records(from uint64) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		if from == 0 {
			from = r.First()
		}
		if from < r.First() {
			yield(Record{}, fmt.Errorf("%w: record %d, the log begins with %d", ErrDropped, from, r.First()))
			return
		}
		i := 0
		for i+1 < len(r.segs) && r.segs[i+1].first <= from {
			i++
		}
		var at place
		for ; i < len(r.segs); i++ {
			var more bool
			var err error
			at, more, err = r.segment(i, at, from, yield)
			if err != nil {
				yield(Record{}, err)
				return
			}
			if !more {
				return
			}
		}
		switch {
		case at.known && at.last < r.last:
			yield(Record{}, fmt.Errorf("%w: the log has been cut off behind record %d", ErrDropped, at.last))
		case r.flaw != nil:
			yield(Record{}, r.flaw)
		}
	}
}

// segment reads a segment that continues from a place, and says where it ends,
// and whether more records are wanted.
func (r *Reader) segment(i int, at place, from uint64, yield func(Record, error) bool) (place, bool, error) {
	seg := r.segs[i]
	c, err := r.store.Open(seg.name)
	if errors.Is(err, fs.ErrNotExist) {
		return at, false, fmt.Errorf("%w, with the others of %s", ErrDropped, seg.name)
	}
	if err != nil {
		return at, false, err
	}
	defer c.Close()
	more := true
	w := &window{r: c, size: min(seg.size, c.Size())}
	st, err := readSegment(w, seg, at, func(index uint64, f frame) bool {
		if index >= from {
			more = yield(Record{index, seg.name, f.offset, f.payload}, nil)
		}
		return more
	})
	switch {
	case err != nil:
		return at, false, fmt.Errorf("%w, in %s", err, seg.name)
	case !more:
		return st.place, false, nil
	case st.reason != "":
		return at, false, &DamageError{Position{seg.name, st.end, max(st.last+1, seg.first)}, st.reason}
	}
	if i+1 < len(r.segs) {
		if gap := gapBetween(seg, st.last, st.end, r.segs[i+1]); gap != nil {
			return at, false, gap
		}
	}
	return st.place, true, nil
}
