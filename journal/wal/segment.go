package wal

import (
	"cmp"
	"errors"
	"io/fs"
	"slices"
)

// A segment is a file of a log, known by its name.
type segment struct {
	name  string
	first uint64 // index of its first record, which may not be written yet
	size  int64  // in bytes, when it was listed
}

// A Segment is a file of a log.
type Segment struct {
	Name  string // of the file
	First uint64 // index of its first record, which may not be written yet
	Size  int64  // in bytes
}

// Segments returns the segments of the log in a store, in order. All but the last one are
// complete. It needs no lock, and does not read them.
func Segments(s Store) ([]Segment, error) {
	segs, err := listSegments(s)
	all := make([]Segment, len(segs))
	for i, seg := range segs {
		all[i] = Segment{seg.name, seg.first, seg.size}
	}
	return all, err
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
	before    Hash   // the hash that the first record follows from
	rebuilt   bool   // the header is not as it was written, but the records prove before
}

// readSegment reads a segment that continues from a place, and passes each
// intact record, with its index, to each, until each returns false. The error is
// about reading only; what is wrong with the segment is in the segmentScan. If the
// place is not known, tail may return the hash with which the segment before ends.
func readSegment(w *window, seg segment, from place, tail func() (Hash, bool), each func(uint64, frame) bool) (segmentScan, error) {
	st, err := beginSegment(w, seg, from, tail)
	if err != nil || st.reason != "" {
		return st, err
	}
	return readOn(w, seg, st, each)
}

// beginSegment begins a scan of a segment, which has come to the first record.
func beginSegment(w *window, seg segment, from place, tail func() (Hash, bool)) (segmentScan, error) {
	st := segmentScan{place: from}
	before, reason, err := readHeader(w, seg)
	if err != nil {
		return st, err
	}
	if reason == badHeader {
		ok := false
		if before, ok, err = rebuildHeader(w, before, seg, from, tail); err != nil {
			return st, err
		}
		if ok {
			st.rebuilt, reason = true, ""
		}
	}
	if reason == "" && from.known && before != from.hash {
		reason = notFollowing
	}
	if reason != "" {
		st.reason = reason
		return st, nil
	}
	st.before = before
	st.place = place{last: seg.first - 1, hash: before, known: true}
	st.end = int64(headerSize)
	return st, nil
}

// notFollowing is the reason that a segment is not the next one.
const notFollowing = "the segment does not follow from the one before it"

// readOn continues a scan of a segment.
func readOn(w *window, seg segment, st segmentScan, each func(uint64, frame) bool) (segmentScan, error) {
	for st.end < w.size {
		var before *Hash // the one in the file
		if st.end == int64(headerSize) {
			before = &st.hash // which the header may lack
		}
		f, reason, err := frameAt(w, st.end, before)
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
