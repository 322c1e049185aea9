package wal

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// nextSuffix is at the end of the name of a segment that is complete, and belongs to the log
// as soon as everything behind the record before it is cut off. The file is what Open intends:
// after a crash, finish completes the cut.
const nextSuffix = ".next"

// writeNext writes the segment with the records that follow a survey.
func (v *survey) writeNext(s Store, o Options) error {
	var synced uint64
	if v.syncs {
		synced = 1
	}
	b := appendHeader(nil, v.last+1, v.hash)
	for _, r := range o.Next {
		if len(r) > o.MaxRecord {
			return fmt.Errorf("%w: %d bytes, of at most %d", ErrTooLong, len(r), o.MaxRecord)
		}
		b = appendFrame(b, synced, r)
	}
	return writeFile(s, segmentName(v.last+1)+nextSuffix, b, memoryContent{bytes.NewReader(nil)}, 0)
}

// addNext adds the segment that writeNext has written to the log, which is cut off before it.
func (v *survey) addNext(s Store) error {
	if v.at >= 0 {
		f, err := reopenSegment(s, v.segs[v.at].name)
		if err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	name := segmentName(v.last + 1)
	return errors.Join(s.Rename(name+nextSuffix, name), s.SyncDir())
}

// finish completes what an earlier open with Options.Next has begun. It returns what it has
// cut off, or nil.
func finish(s Store) (*CutOff, error) {
	names, err := s.List()
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		first, ok := parseName(strings.TrimSuffix(name, nextSuffix))
		if !ok || !strings.HasSuffix(name, nextSuffix) {
			continue
		}
		lost, err := finishCut(s, segment{name: name, first: first})
		if err != nil {
			return nil, fmt.Errorf("wal: complete the cut before %s: %w", name, err)
		}
		return lost, nil
	}
	return nil, nil
}

// finishCut completes the cut before a next segment. If that does not fit, because the log or
// the file has been changed meanwhile, it is moved aside, and nothing is cut off.
func finishCut(s Store, next segment) (lost *CutOff, err error) {
	c, err := s.Open(next.name)
	if err != nil {
		return nil, err
	}
	next.size = c.Size()
	before, reason, err := readHeader(&window{r: c, size: next.size}, next)
	if err = errors.Join(err, c.Close()); err != nil {
		return nil, err
	}
	v, err := surveyUpTo(s, next.first-1)
	switch {
	case errors.Is(err, ErrDropped), errors.Is(err, errNoRecord), errors.As(err, new(*DamageError)):
		reason = err.Error()
	case err != nil:
		return nil, err
	case reason == "" && v.hash != before:
		reason = "the segment does not follow from the log"
	}
	if reason != "" {
		lost := &CutOff{Position: Position{next.name, 0, next.first}, Reason: reason}
		name, err := moveAside(s, next)
		lost.add(name, next.size)
		return lost, err
	}
	if v.flaw != nil {
		if lost, err = v.cut(s); err != nil {
			return nil, err
		}
	}
	return lost, v.addNext(s)
}
