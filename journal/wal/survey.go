package wal

import "fmt"

const ambiguous = "a torn write and a change cannot be told apart"

// A survey is what a look at a whole log has brought to light.
type survey struct {
	segs   []segment
	at     int // the segment in which the intact part ends; -1 if there is none
	place      // of the last intact record
	end    int64
	first  uint64 // index of the oldest record, there or to come
	bytes  int64  // size of the intact part
	synced uint64 // the last record that is proven to have been on disk
	syncs  bool   // the owner of the log calls Sync
	flaw   *DamageError
	torn   bool // the flaw may be a torn write, which is to be cut off
	intact int  // intact records known to be behind the flaw
}

// look surveys a log. Segments are read in order, and seen is called with how
// many bytes have been read so far, of how many.
func look(s Store, seen func(done, total int64)) (*survey, error) {
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
		// What is looked at twice has been read already.
		if seen != nil && done+n > told {
			told = done + n
			seen(told, total)
		}
	}
	for i := range segs {
		if err := v.lookAt(s, i, progress); err != nil || v.flaw != nil {
			return v, err
		}
		done += segs[i].size
	}
	return v, nil
}

// lookSince surveys a log from the segment on that has a record, or from its
// beginning.
func lookSince(s Store, from uint64) (*survey, error) {
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
	v, err := lookFrom(s, segs, i)
	for err == nil && v.at < 0 && i > 0 {
		// It has not even a header. The end of the log is in one before it.
		i--
		v, err = lookFrom(s, segs, i)
	}
	if err == nil {
		v.first = segs[0].first
	}
	return v, err
}

// newSurvey returns a survey that begins with segment i.
func newSurvey(segs []segment, i int) *survey {
	return &survey{
		segs:  segs,
		at:    -1,
		place: place{last: segs[i].first - 1},
		first: segs[i].first,
		// A segment is created when everything before it is on disk.
		synced: segs[len(segs)-1].first - 1,
	}
}

// lookAt goes on to segment i.
func (v *survey) lookAt(s Store, i int, progress func(int64)) error {
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
	// It may have grown, if somebody writes.
	w := &window{r: c, size: min(seg.size, c.Size()), seen: progress}
	st, err := readSegment(w, seg, v.place, func(_ uint64, f frame) bool {
		v.syncs = v.syncs || f.mark > 0
		return true
	})
	if err != nil {
		return fmt.Errorf("%w, in %s", err, seg.name)
	}
	v.prove(seg, st.mark)
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

// prove takes account of the mark of an intact record of a segment.
func (v *survey) prove(seg segment, mark uint64) {
	if mark > 0 {
		v.syncs = true
		v.synced = max(v.synced, seg.first-1+mark-1)
	}
}

// gapBetween returns what is wrong if a segment does not begin where the one
// before has ended, after a record, at an offset.
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

// judgeHeader decides about the header of segment i, the last one, which is not
// intact. It is synced before anything is written behind it.
func (v *survey) judgeHeader(i int) {
	seg := v.segs[i]
	switch {
	case seg.size > int64(headerSize):
		v.flaw.Reason += "; there is something behind it, so it was on disk"
	case i == 0 && seg.first > 1:
		v.flaw.Reason += "; nothing is left of what was before it"
	default:
		v.torn = true
		v.flaw.Reason += "; " + ambiguous
	}
}

// judgeRecord decides about the record behind the intact part of the log, in
// the last segment, which is not intact.
func (v *survey) judgeRecord(w *window, seg segment) error {
	r, err := readRest(w, v.end)
	if err != nil {
		return fmt.Errorf("%w, in %s", err, seg.name)
	}
	v.intact = r.records
	v.prove(seg, r.mark)
	switch {
	case v.synced > v.last:
		v.flaw.Reason += "; records behind it prove that it was on disk"
	case r.unknown:
		v.flaw.Reason += "; it would take too long to find out what is behind it"
	case r.records > 0 && !v.syncs:
		v.flaw.Reason += "; records behind it are intact, and the log is never synced, so it was written"
	default:
		v.torn = true
		v.flaw.Reason += "; " + ambiguous
	}
	return nil
}
