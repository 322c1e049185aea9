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
	for st.end < w.size {
		f, _, reason, err := frameAt(w, st.end)
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
	budget := searchBudget + 8*(w.size-offset)
	for at, err := nextTry(w, offset); ; {
		if err != nil {
			return r, err
		}
		if w.size-at < int64(minFrame) {
			return r, nil
		}
		f, hashed, reason, err := frameAt(w, at)
		if err != nil {
			return r, err
		}
		// Of the records before it, no more can be synced than have room there.
		if reason == "" && f.mark <= uint64(at)/uint64(minFrame) {
			r.records++
			r.mark = max(r.mark, f.mark)
			at = f.end
			continue
		}
		if budget -= hashed; budget < 0 {
			r.unknown = true
			return r, nil
		}
		at++
	}
}

// nextTry returns where to begin to look behind a record that is not intact: at
// its end, if its length may still be right, since an intact record there means
// that all the others are found at once; otherwise right behind its beginning.
func nextTry(w *window, offset int64) (int64, error) {
	if w.size-offset < int64(lengthSize) {
		return w.size, nil
	}
	b, err := w.bytes(offset, int64(lengthSize))
	if err != nil {
		return 0, err
	}
	body := int64(b[0]) | int64(b[1])<<8 | int64(b[2])<<16 | int64(b[3])<<24
	if next := offset + int64(lengthSize+hashSize) + body; next < w.size {
		_, _, reason, err := frameAt(w, next)
		if err != nil || reason == "" {
			return next, err
		}
	}
	return offset + 1, nil
}
