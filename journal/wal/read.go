package wal

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"sync"
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
	segs  []segment // each with the size up to which it is to be read
	first uint64    // the oldest record

	end     func() (end, error) // where the log ends
	settled *end                // the same, if that was known from the beginning

	mu    sync.Mutex
	marks map[string][]stretch // of segments: where they have been found intact, in order
}

// markEvery is how many records are between two marks. From a mark, reading goes
// on without what is before it.
const markEvery = 512

// An end is where a log ends, for a reader.
type end struct {
	last uint64       // the last record
	segs int          // how many segments are to be read
	size int64        // and how much of the last of these
	flaw *DamageError // what is behind it, if that is damage
}

// Read returns a reader of the log in a store, which reads what has been
// written so far: all records but those that are only half written. It fails
// with [ErrNoLog] if there is no log.
//
// Segments are checked when their records are read, and the current one also
// when somebody wants to know where the log ends; if it is small, now.
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
	r := &Reader{store: s, segs: segs, first: segs[0].first, marks: map[string][]stretch{}}
	r.end = sync.OnceValues(func() (end, error) { return endOf(s, segs) })
	const small = 64 << 10
	if segs[len(segs)-1].size > small {
		return r, nil
	}
	e, err := r.end()
	if err != nil {
		return nil, err
	}
	r.settled = &e
	r.segs = segs[:e.segs]
	if e.segs > 0 && e.size >= 0 {
		r.segs[e.segs-1].size = e.size
	}
	return r, nil
}

// endOf returns where a log ends.
func endOf(s Store, segs []segment) (end, error) {
	current := len(segs) - 1
	v, err := lookFrom(s, segs, current)
	if err == nil && v.at < 0 && v.torn && current > 0 {
		// It is just being created: the end of the log is in the one before.
		v, err = lookFrom(s, segs, current-1)
	}
	if err != nil {
		return end{}, err
	}
	e := end{last: v.last, size: -1}
	if v.flaw != nil && !v.torn {
		e.flaw = v.flaw
	}
	if v.at >= 0 {
		e.segs, e.size = v.at+1, v.end
	} else if e.flaw != nil {
		e.segs = len(segs) // who gets that far finds the same again
	}
	return e, nil
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
//
// If it cannot be found out, because the current segment cannot be read, it is
// what is known from its name; whoever reads it gets the error.
func (r *Reader) Last() uint64 {
	e, err := r.end()
	if err != nil {
		return r.segs[len(r.segs)-1].first - 1
	}
	return e.last
}

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
		whole := false // the last segment has been read to its end
		for ; i < len(r.segs); i++ {
			var more bool
			var err error
			at, more, whole, err = r.segment(i, at, from, yield)
			if err != nil {
				yield(Record{}, err)
				return
			}
			if !more {
				return
			}
		}
		if whole && r.settled == nil {
			return
		}
		e, err := r.end()
		switch {
		case err != nil:
			yield(Record{}, err)
		case at.known && at.last < e.last:
			yield(Record{}, fmt.Errorf("%w: the log has been cut off behind record %d", ErrDropped, at.last))
		case e.flaw != nil:
			yield(Record{}, e.flaw)
		}
	}
}

// segment reads a segment that continues from a place, and says where it ends,
// whether more records are wanted, and whether all of it has been read, up to
// where it was when the reader was made. What is wrong with the end of the last
// segment is not said here.
func (r *Reader) segment(i int, at place, from uint64, yield func(Record, error) bool) (_ place, more, whole bool, err error) {
	seg := r.segs[i]
	c, err := r.store.Open(seg.name)
	if errors.Is(err, fs.ErrNotExist) {
		return at, false, false, fmt.Errorf("%w, with the others of %s", ErrDropped, seg.name)
	}
	if err != nil {
		return at, false, false, err
	}
	defer c.Close()
	more = true
	w := &window{r: c, size: min(seg.size, c.Size())}
	each := func(index uint64, f frame) bool {
		if index%markEvery == 0 {
			r.remember(seg, stretch{place: place{index, f.hash, true}, end: f.end})
		}
		if index >= from {
			more = yield(Record{index, seg.name, f.offset, f.payload}, nil)
		}
		return more
	}
	st, known, err := r.recall(w, seg, from)
	if err == nil && known {
		st, err = readOn(w, seg, st, each)
	} else if err == nil {
		st, err = readSegment(w, seg, at, each)
	}
	last := i+1 == len(r.segs)
	switch {
	case err != nil:
		return at, false, false, fmt.Errorf("%w, in %s", err, seg.name)
	case !more:
		return st.place, false, false, nil
	case st.reason != "" && last && r.settled == nil:
		return st.place, true, false, nil
	case st.reason != "":
		return at, false, false, &DamageError{Position{seg.name, st.end, max(st.last+1, seg.first)}, st.reason}
	}
	if !last {
		if gap := gapBetween(seg, st.last, st.end, r.segs[i+1]); gap != nil {
			return at, false, false, gap
		}
	}
	return st.place, true, w.size == seg.size, nil
}

// remember marks where a segment has been found intact.
func (r *Reader) remember(seg segment, st stretch) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if known := r.marks[seg.name]; len(known) == 0 || known[len(known)-1].last < st.last {
		r.marks[seg.name] = append(known, st)
	}
}

// recall returns the last mark of a segment before a record, if there is one and
// the file is still what it was.
func (r *Reader) recall(w *window, seg segment, before uint64) (st stretch, ok bool, err error) {
	r.mu.Lock()
	known := r.marks[seg.name]
	r.mu.Unlock()
	i, _ := slices.BinarySearchFunc(known, before, func(st stretch, index uint64) int { return cmp.Compare(st.last, index) })
	if i == 0 {
		return st, false, nil
	}
	st = known[i-1]
	if st.end > w.size {
		return st, false, nil
	}
	b, err := w.bytes(st.end-int64(hashSize), int64(hashSize))
	if err != nil {
		return st, false, err
	}
	return st, Hash(b) == st.hash, nil
}
