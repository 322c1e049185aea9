package wal

import (
	"errors"
	"io"
	"math"
)

// Copy copies the segments of a log to a store that has none, as they are at one moment. It
// needs no lock. The log may be written meanwhile, and segments may be dropped: then the
// copy can end with a torn record, which Open cuts off. The copy is on disk when Copy
// returns.
//
// Copy fails with [ErrNoLog] if there is no log.
func Copy(to, from Store) error { return CopyUpTo(to, from, math.MaxUint64) }

// CopyUpTo is [Copy] for the segments that have records up to one. The last of them can have
// later records as well.
func CopyUpTo(to, from Store, last uint64) error {
	files, err := again(func() ([]openSegment, error) { return openSegments(from) })
	if err != nil {
		return err
	}
	defer closeSegments(files)
	for _, f := range files {
		if f.first > last {
			break
		}
		if err := CopyFile(to, f.name, f.Content); err != nil {
			return err
		}
	}
	return to.SyncDir()
}

// CopyFile writes a file that does not exist yet, and waits until its content is on disk.
func CopyFile(to Store, name string, c Content) error {
	f, err := to.Create(name)
	if err != nil {
		return err
	}
	_, err = io.CopyBuffer(struct{ io.Writer }{f}, io.NewSectionReader(c, 0, c.Size()), make([]byte, chunk))
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// An openSegment is a segment that can be read even if it is dropped.
type openSegment struct {
	segment
	Content
}

// openSegments opens all segments.
func openSegments(s Store) (files []openSegment, err error) {
	segs, err := listSegments(s)
	if err != nil {
		return nil, err
	}
	if len(segs) == 0 {
		return nil, ErrNoLog
	}
	for _, seg := range segs {
		c, err := s.Open(seg.name)
		if err != nil {
			closeSegments(files)
			return nil, err
		}
		files = append(files, openSegment{seg, c})
	}
	return files, nil
}

// closeSegments closes segments. They were only read, so an error does not matter.
func closeSegments(files []openSegment) {
	for _, f := range files {
		_ = f.Close()
	}
}
