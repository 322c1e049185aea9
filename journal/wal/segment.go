package wal

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
)

// A segment is a file of a log, known by its name.
type segment struct {
	name  string
	first uint64 // index of the first record, in it or to come
	size  int64  // in bytes, when it was looked at
}

// listSegments returns the segments in a store, in order, with their sizes.
// Files that are not segments are nobody's business here.
func listSegments(s Store) ([]segment, error) {
	// Somebody may add and remove segments meanwhile, so that the list has
	// missed one in the middle. If they are the same afterwards, it has not.
	for try := 0; try < 100; try++ {
		segs, err := listOnce(s)
		if err != nil {
			return nil, err
		}
		stable := true
		for i := range segs {
			c, err := s.Open(segs[i].name)
			if errors.Is(err, fs.ErrNotExist) {
				stable = false
				break
			}
			if err != nil {
				return nil, err
			}
			segs[i].size = c.Size()
			if err := c.Close(); err != nil {
				return nil, err
			}
		}
		again, err := listOnce(s)
		if err != nil {
			return nil, err
		}
		if stable && slices.EqualFunc(segs, again, func(a, b segment) bool { return a.name == b.name }) {
			return segs, nil
		}
	}
	return nil, errors.New("wal: the segments of the journal do not stay the same for as long as it takes to list them")
}

// listOnce returns the segments in a store, in order, without their sizes.
func listOnce(s Store) ([]segment, error) {
	names, err := s.List()
	if err != nil {
		return nil, err
	}
	var segs []segment
	for _, name := range names {
		if first, ok := parseName(name); ok {
			segs = append(segs, segment{name: name, first: first})
		}
	}
	slices.SortFunc(segs, func(a, b segment) int { return cmp.Compare(a.first, b.first) })
	return segs, nil
}

// A place is how far a log has been found intact.
type place struct {
	last uint64 // index of the last record
	hash Hash   // of that record
	// known says that hash has been seen, and that the next segment has to
	// follow from it. It is false before the oldest segment.
	known bool
}

// A stretch is what has been read of a segment.
type stretch struct {
	place
	end    int64  // offset behind the last intact record; 0 if the header is not intact
	reason string // why there is no record at end, or "" if the segment ends there
	mark   uint64 // the greatest of the marks of its records
}

// readSegment reads a segment that continues from a place, and passes each
// intact record, with its index, to each, until that returns false. The error
// is about reading only; what is wrong with the segment is in the stretch.
func readSegment(w *window, seg segment, from place, each func(uint64, frame) bool) (stretch, error) {
	st := stretch{place: from}
	var b []byte
	if n := min(w.size, int64(headerSize)); n > 0 {
		var err error
		if b, err = w.bytes(0, n); err != nil {
			return st, err
		}
	}
	before, reason, err := parseHeader(b, seg.first)
	if err != nil {
		return st, fmt.Errorf("%w: %s", err, seg.name)
	}
	if reason == "" && from.known && before != from.hash {
		reason = "the segment does not follow from the one before it"
	}
	if reason != "" {
		st.reason = reason
		return st, nil
	}
	st.place = place{last: seg.first - 1, hash: before, known: true}
	st.end = int64(headerSize)
	return readOn(w, seg, st, each)
}

// readOn goes on with a segment, of which a stretch has been read.
func readOn(w *window, seg segment, st stretch, each func(uint64, frame) bool) (stretch, error) {
	for st.end < w.size {
		f, reason, err := frameAt(w, st.end, nil)
		if err != nil {
			return st, err
		}
		index := st.last + 1
		if reason == "" && f.mark > index-seg.first+1 {
			reason = "the record takes for synced what comes after it"
		}
		if reason != "" {
			st.reason = reason
			return st, nil
		}
		st.place = place{last: index, hash: f.hash, known: true}
		st.end = f.end
		st.mark = max(st.mark, f.mark)
		if each != nil && !each(index, f) {
			return st, nil
		}
	}
	return st, nil
}

// What is behind a record that is not intact.
type rest struct {
	records int    // how many intact ones there are
	mark    uint64 // the greatest of their marks
	unknown bool   // that it would take too long to look for all
}

// searchBudget is for how many bytes hashes are computed in vain, in the search
// for intact records, in addition to eight times the bytes that are searched.
const searchBudget = 16 << 20

// readRest looks for intact records behind one, at an offset, that is not.
func readRest(w *window, offset int64) (rest, error) {
	var r rest
	at, err := r.next(w, offset)
	if err != nil {
		return r, err
	}
	budget := searchBudget + 8*(w.size-offset)
	for w.size-at >= int64(minFrame) {
		f, reason, err := frameAt(w, at, nil)
		if err != nil {
			return r, err
		}
		if reason == "" && r.add(f) {
			at = f.end
			continue
		}
		if budget -= max(f.end-at, 0); budget < 0 {
			r.unknown = true
			break
		}
		at++
	}
	return r, nil
}

// next looks at the place where the record behind a bad one would begin, if the
// length of the bad one is still right, and returns where to look on. An intact
// record there means that all the others are found at once.
func (r *rest) next(w *window, offset int64) (int64, error) {
	body, reason, err := bodyAt(w, offset)
	if err != nil || reason != "" {
		return offset + 1, err
	}
	// It may be only the hash of the bad record that has changed. The next one
	// still follows from what the hash has been.
	was, _, err := sumAt(w, offset, body, nil)
	if err != nil {
		return 0, err
	}
	for _, before := range []*Hash{nil, &was} {
		f, reason, err := frameAt(w, offset+int64(lengthSize+hashSize)+body, before)
		if err != nil {
			return 0, err
		}
		if reason == "" && r.add(f) {
			return f.end, nil
		}
	}
	return offset + 1, nil
}

// add counts an intact record, if its mark is possible.
func (r *rest) add(f frame) bool {
	if !f.possible() {
		return false
	}
	r.records++
	r.mark = max(r.mark, f.mark)
	return true
}
