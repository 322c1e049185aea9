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
	Hash    Hash   // of the record, and thereby of all up to it
	Payload []byte // is valid until the next record is asked for
}

// A Reader reads a log as it was when the reader was made. It needs no lock, and
// the log may be written meanwhile. Several goroutines may use it at once.
type Reader struct {
	store Store
	segs  []segment // each with the size up to which it is to be read
	first uint64    // the oldest record

	end     func() (end, error) // where the log ends
	settled *end                // the same, if the reader knew it from the beginning

	mu         sync.Mutex
	seekPoints map[string][]segmentScan // of segments: scans that reading can continue, in order
}

// seekEvery is how many records are between two seek points. Reading can begin at a
// seek point, without what is before it.
const seekEvery = 512

// An end is where a log ends, for a reader.
type end struct {
	last uint64       // the last record
	segs int          // how many segments to read
	size int64        // how much of the last of these to read; -1 for all
	flaw *DamageError // the damage that follows, if there is any
}

// Read returns a reader of the log in a store, which reads what has been written so
// far: all records except half-written ones. It fails with [ErrNoLog] if there is
// no log.
//
// The reader checks a segment when it reads its records. It checks the current
// segment also when a caller asks where the log ends; Read itself does so if the
// segment is small.
func Read(s Store) (*Reader, error) {
	return again(func() (*Reader, error) { return read(s) })
}

// again calls f until it does not fail because a segment was removed before f could
// read it. After 100 times there must be another reason, and again gives up.
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
	r := &Reader{store: s, segs: segs, first: segs[0].first, seekPoints: map[string][]segmentScan{}}
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
	v, err := surveyFrom(s, segs, current)
	if err == nil && v.at < 0 && v.torn && current > 0 {
		// The writer is just creating it: the log ends in the one before.
		v, err = surveyFrom(s, segs, current-1)
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
		e.segs = len(segs) // a caller that reads so far gets the same error
	}
	return e, nil
}

// surveyFrom surveys a log from segment i on.
func surveyFrom(s Store, segs []segment, i int) (*survey, error) {
	v := newSurvey(segs, i)
	for ; i < len(segs) && v.flaw == nil; i++ {
		if err := v.addSegment(s, i, func(int64) {}); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// First returns the index of the oldest record; if there are no records, that of
// the next one.
func (r *Reader) First() uint64 { return r.first }

// Last returns the index of the last record; if there are no records, it is one
// less than First.
//
// If the current segment cannot be read, Last returns what its name says: the
// record before the segment. [Reader.Records] yields the error.
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

// Records yields the records from an index on, in order, up to Last; zero stands
// for First. If a record cannot be read, Records yields an error instead, and ends:
// a [*DamageError], [ErrDropped] if the record is not in the log any more, or an
// error of the store.
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

// segment reads a segment that continues from a place. It returns where the segment
// ends, whether the caller wants more records, and whether it has read the whole
// segment, up to its size when the reader was made. It does not report what is wrong
// with the end of the last segment.
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
		if index%seekEvery == 0 {
			r.remember(seg, segmentScan{place: place{index, f.hash, true}, end: f.end})
		}
		if index >= from {
			more = yield(Record{index, seg.name, f.offset, f.hash, f.payload}, nil)
		}
		return more
	}
	st, known, err := r.recall(w, seg, from)
	if err == nil && known {
		st, err = readOn(w, seg, st, each)
	} else if err == nil {
		st, err = readSegment(w, seg, at, tailOf(r.store, r.segs, i), each)
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

// remember adds a seek point to a segment.
func (r *Reader) remember(seg segment, st segmentScan) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if known := r.seekPoints[seg.name]; len(known) == 0 || known[len(known)-1].last < st.last {
		r.seekPoints[seg.name] = append(known, st)
	}
}

// recall returns the last seek point of a segment before a record, if there is one
// and the file is still the same there.
func (r *Reader) recall(w *window, seg segment, before uint64) (st segmentScan, ok bool, err error) {
	r.mu.Lock()
	known := r.seekPoints[seg.name]
	r.mu.Unlock()
	i, _ := slices.BinarySearchFunc(known, before, func(st segmentScan, index uint64) int { return cmp.Compare(st.last, index) })
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
