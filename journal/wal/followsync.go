package wal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"
)

// A syncCloser is a file that can be synced.
type syncCloser interface {
	Sync() error
	io.Closer
}

// openToSync opens a file to sync it. A system that syncs a file that is open for reading needs
// no permission to write.
func openToSync(s Store, name string) (syncCloser, error) {
	file, err := s.OpenAppend(name)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return file, err
	}
	c, e := s.Open(name)
	if e != nil {
		return nil, e
	}
	if file, ok := c.(syncCloser); ok {
		return file, nil
	}
	return nil, errors.Join(err, c.Close())
}

// sync syncs the segment.
func (f *follower) sync() error {
	if f.file == nil {
		file, err := openToSync(f.store, f.seg.name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // look again
		}
		if err != nil {
			return fmt.Errorf("wal: follow: %w", err)
		}
		f.file = file
	}
	f.synced = time.Now()
	if err := f.file.Sync(); err != nil {
		return fmt.Errorf("wal: follow: sync %s: %w", f.seg.name, err)
	}
	f.safe = f.read.last
	if f.read.rebuilt { // the next Open puts another file in its place
		return f.close()
	}
	return nil
}

// close closes the file that is synced.
func (f *follower) close() error {
	if f.file == nil {
		return nil
	}
	file := f.file
	f.file = nil
	return file.Close()
}
