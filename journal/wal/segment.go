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
	first uint64 // index of its first record, which may not be written yet
	size  int64  // in bytes, when it was listed
}

// listSegments returns the segments in a store, in order, with their sizes.
// It ignores files that are not segments.
func listSegments(s Store) ([]segment, error) {
	// The writer may add and remove segments meanwhile, so the list may lack one in
	// the middle. If the names are the same afterwards, it does not.
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

// A segmentScan is the result of reading a segment, or its beginning.
type segmentScan struct {
	place
	end       int64  // offset behind the last intact record; 0 if the header is not intact
	reason    string // why there is no record at end, or "" if the segment ends there
	maxSynced uint64 // the greatest synced count of its records
}

// readSegment reads a segment that continues from a place, and passes each
// intact record, with its index, to each, until each returns false. The error is
// about reading only; what is wrong with the segment is in the segmentScan.
func readSegment(w *window, seg segment, from place, each func(uint64, frame) bool) (segmentScan, error) {
	st := segmentScan{place: from}
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

// readOn continues a scan of a segment.
func readOn(w *window, seg segment, st segmentScan, each func(uint64, frame) bool) (segmentScan, error) {
	for st.end < w.size {
		f, reason, err := frameAt(w, st.end, nil)
		if err != nil {
			return st, err
		}
		index := st.last + 1
		if reason == "" && f.synced > index-seg.first+1 {
			reason = "the synced count of the record includes the record itself or later ones"
		}
		if reason != "" {
			st.reason = reason
			return st, nil
		}
		st.place = place{last: index, hash: f.hash, known: true}
		st.end = f.end
		st.maxSynced = max(st.maxSynced, f.synced)
		if each != nil && !each(index, f) {
			return st, nil
		}
	}
	return st, nil
}

// A rest says what follows a record that is not intact.
type rest struct {
	records   int    // how many intact ones there are
	maxSynced uint64 // the greatest of their synced counts
	unknown   bool   // the search was given up, because it would take too long
}

// searchBudget limits the search for intact records: it may compute hashes in vain
// of so many bytes, and of eight times the bytes that it searches.
const searchBudget = 16 << 20

// readRest searches for intact records behind a bad one at an offset.
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

// next tries the offset where the record behind a bad one begins if the length of
// the bad one is still right, and returns where the search goes on. If there is an
// intact record, the search finds all the others directly.
func (r *rest) next(w *window, offset int64) (int64, error) {
	body, reason, err := bodyAt(w, offset)
	if err != nil || reason != "" {
		return offset + 1, err
	}
	// Perhaps only the hash of the bad record has changed. The next record still
	// follows from the original hash.
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

// add counts an intact record, if its synced count is possible.
func (r *rest) add(f frame) bool {
	if !f.possible() {
		return false
	}
	r.records++
	r.maxSynced = max(r.maxSynced, f.synced)
	return true
}
