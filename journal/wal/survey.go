package wal

import (
	"errors"
	"fmt"
)

const ambiguous = "a torn write and a change cannot be distinguished"

// onRequest is the reason for a cut of what may be intact.
const onRequest = "what follows is cut off on request"

var errNoRecord = errors.New("wal: there is no record")

// A survey is the result of reading a log, or the end of one.
type survey struct {
	segs   []segment
	at     int // the segment in which the intact part ends; -1 if there is none
	place      // of the last intact record
	end    int64
	first  uint64 // index of the oldest record, which may not be written yet
	bytes  int64  // size of the intact part
	synced uint64 // the last record that is proven to have been on disk
	syncs  bool   // the owner of the log calls Sync
	flaw   *DamageError
	torn   bool // the flaw may be a torn write, which Open cuts off
	intact int  // intact records known to be behind the flaw

	headers []lostHeader
}

// A lostHeader is a header that is not as it was written, though the records of the
// segment are, and prove what it was.
type lostHeader struct {
	segment
	before Hash
}

func (h *lostHeader) damage() *DamageError {
	return &DamageError{Position{h.name, 0, h.first}, badHeader}
}

// surveyLog surveys a whole log. It reads the segments in order, and calls seen with
// the number of bytes that it has read, and that there are.
func surveyLog(s Store, seen func(done, total int64)) (*survey, error) {
	segs, err := listSegments(s)
	if err != nil {
		return nil, err
	}
	if len(segs) == 0 {
		return &survey{at: -1}, nil
	}
	v := newSurvey(segs, 0)
	var done, told, total int64
	for _, seg := range segs {
		total += seg.size
	}
	progress := func(n int64) {
		// Bytes that are read twice do not count twice.
		if seen != nil && done+n > told {
			told = done + n
			seen(told, total)
		}
	}
	for i := range segs {
		if err := v.addSegment(s, i, progress); err != nil || v.flaw != nil {
			return v, err
		}
		done += segs[i].size
	}
	return v, nil
}

// surveySince surveys a log from the segment of a record on, or from the beginning. Of the
// segments before, it checks the headers.
func surveySince(s Store, from uint64) (*survey, error) {
	segs, err := listSegments(s)
	if err != nil {
		return nil, err
	}
	if len(segs) == 0 {
		return &survey{at: -1}, nil
	}
	i := 0
	for i+1 < len(segs) && segs[i+1].first <= from {
		i++
	}
	v, err := surveyFrom(s, segs, i)
	for err == nil && v.at < 0 && i > 0 {
		// It does not even have a header. The log ends in a segment before it.
		i--
		v, err = surveyFrom(s, segs, i)
	}
	if err != nil {
		return v, err
	}
	v.first = segs[0].first
	var older []lostHeader
	for j := range i {
		if h := lostHeaderOf(s, segs, j); h != nil {
			older = append(older, *h)
		}
	}
	v.headers = append(older, v.headers...)
	return v, nil
}

// surveyUpTo surveys the segment of a record, up to that record; 0 stands for before the first
// record. It makes a flaw of what follows it, if anything does.
func surveyUpTo(s Store, last uint64) (*survey, error) {
	segs, err := listSegments(s)
	if err != nil {
		return nil, err
	}
	i := len(segs) - 1
	for i >= 0 && segs[i].first > last {
		i--
	}
	switch {
	case i < 0 && last == 0 && len(segs) == 0:
		return &survey{at: -1}, nil
	case i < 0 && last == 0 && segs[0].first == 1:
		v := newSurvey(segs, 0)
		v.flaw = &DamageError{Position{segs[0].name, 0, 1}, onRequest}
		return v, nil
	case i < 0:
		return nil, fmt.Errorf("%w: record %d", ErrDropped, last)
	}
	v := newSurvey(segs, i)
	v.first, v.syncs = segs[0].first, true
	c, err := s.Open(segs[i].name)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	w := &window{r: c, size: min(segs[i].size, c.Size())}
	st, err := readSegment(w, segs[i], v.place, tailOf(s, segs, i), func(index uint64, _ frame) bool { return index < last })
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w, in %s", err, segs[i].name)
	case st.reason != "":
		return nil, &DamageError{Position{segs[i].name, st.end, st.last + 1}, st.reason}
	case st.last != last:
		return nil, fmt.Errorf("%w %d: the last one before is %d", errNoRecord, last, st.last)
	}
	v.at, v.end, v.place = i, st.end, st.place
	if st.end < segs[i].size || i+1 < len(segs) {
		v.flaw = &DamageError{Position{segs[i].name, st.end, last + 1}, onRequest}
	}
	return v, nil
}

// newSurvey returns a survey that begins with segment i.
func newSurvey(segs []segment, i int) *survey {
	return &survey{
		segs:  segs,
		at:    -1,
		place: place{last: segs[i].first - 1},
		first: segs[i].first,
		// The log creates a segment when everything before it is on disk.
		synced: segs[len(segs)-1].first - 1,
	}
}

// addSegment reads segment i, the next one.
func (v *survey) addSegment(s Store, i int, progress func(int64)) error {
	seg := v.segs[i]
	if v.at >= 0 {
		if v.flaw = gapBetween(v.segs[v.at], v.last, v.end, seg); v.flaw != nil {
			return nil
		}
	}
	c, err := s.Open(seg.name)
	if err != nil {
		return err
	}
	defer c.Close()
	// It may have grown since it was listed.
	w := &window{r: c, size: min(seg.size, c.Size()), seen: progress}
	st, err := readSegment(w, seg, v.place, tailOf(s, v.segs, i), func(_ uint64, f frame) bool {
		v.syncs = v.syncs || f.synced > 0
		return true
	})
	if err != nil {
		return fmt.Errorf("%w, in %s", err, seg.name)
	}
	v.prove(seg, st.maxSynced)
	if st.rebuilt {
		v.headers = append(v.headers, lostHeader{seg, st.before})
	}
	if st.end > 0 {
		v.at, v.end, v.place = i, st.end, st.place
		v.bytes += st.end
	}
	if st.reason == "" {
		return nil
	}
	v.flaw = &DamageError{Position{seg.name, st.end, v.last + 1}, st.reason}
	if i < len(v.segs)-1 {
		v.flaw.Reason += "; there is a later segment, so this one was on disk"
		return nil
	}
	if st.end == 0 {
		v.flaw.Index = seg.first
		v.judgeHeader(i)
		return nil
	}
	return v.judgeRecord(w, seg)
}

// prove notes what the synced count of an intact record of a segment proves.
func (v *survey) prove(seg segment, count uint64) {
	if count > 0 {
		v.syncs = true
		v.synced = max(v.synced, seg.first-1+count-1)
	}
}

// gapBetween returns the damage if a segment does not follow the one before, whose
// last record is last, and ends at the offset end.
func gapBetween(before segment, last uint64, end int64, seg segment) *DamageError {
	if seg.first > last+1 {
		return &DamageError{Position{before.name, end, last + 1},
			fmt.Sprintf("records up to %d are missing: the next segment is %s", seg.first-1, seg.name)}
	}
	if seg.first < last+1 {
		return &DamageError{Position{seg.name, 0, seg.first},
			fmt.Sprintf("another segment has records up to %d", last)}
	}
	return nil
}

// judgeHeader decides whether the bad header of segment i, the last one, is a torn
// write or damage. The log syncs a header before it writes anything behind it.
func (v *survey) judgeHeader(i int) {
	seg := v.segs[i]
	switch {
	case seg.size > int64(headerSize):
		v.flaw.Reason += "; data follows it, so it was on disk"
	case i == 0 && seg.first > 1:
		v.flaw.Reason += "; the segments before it are gone"
	default:
		v.torn = true
		v.flaw.Reason += "; " + ambiguous
	}
}

// judgeRecord decides whether the bad record behind the intact part of the log, in
// the last segment, is a torn write or damage.
func (v *survey) judgeRecord(w *window, seg segment) error {
	r, err := readRest(w, v.end)
	if err != nil {
		return fmt.Errorf("%w, in %s", err, seg.name)
	}
	v.intact = r.records
	v.prove(seg, r.maxSynced)
	switch {
	case v.synced > v.last:
		v.flaw.Reason += "; records behind it prove that it was on disk"
	case r.unknown:
		v.flaw.Reason += "; the search for intact records behind it would take too long"
	case r.records > 0 && !v.syncs:
		v.flaw.Reason += "; records behind it are intact, and the log is never synced, so it was written"
	default:
		v.torn = true
		v.flaw.Reason += "; " + ambiguous
	}
	return nil
}
