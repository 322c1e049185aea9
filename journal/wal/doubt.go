package wal

import (
	"errors"
	"io/fs"
	"time"
)

// A doubt is about bytes behind the last record that are not a record. They may be one that is
// being written, what a crash has torn, or damage.
type doubt struct {
	since time.Time // zero if there is none
	wait  time.Duration
}

// look returns the damage if there is any, after some time, because to find out takes long.
func (d *doubt) look(f *follower) error {
	blank, err := f.blank()
	if err != nil || blank {
		*d = doubt{}
		return err
	}
	if d.since.IsZero() {
		*d = doubt{time.Now(), time.Second}
	}
	if time.Since(d.since) < d.wait {
		return nil
	}
	d.since, d.wait = time.Now(), min(2*d.wait, time.Minute)
	segs, err := listSegments(f.store)
	if err != nil {
		return err
	}
	for i, seg := range segs {
		if seg.first != f.seg.first {
			continue
		}
		v, err := surveyFrom(f.store, segs, i)
		if err == nil && v.flaw != nil && !v.torn {
			err = v.flaw
		}
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return err
	}
	return nil
}

// blank reports whether nothing is behind the last record, or zeros.
func (f *follower) blank() (bool, error) {
	n := min(f.w.size-f.read.end, int64(minFrame))
	if n <= 0 {
		return true, nil
	}
	b, err := f.w.bytes(f.read.end, n)
	if err != nil {
		return false, err
	}
	for _, x := range b {
		if x != 0 {
			return false, nil
		}
	}
	return true, nil
}
