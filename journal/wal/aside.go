package wal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
)

const (
	asideSuffix = ".cut"  // of the names of files with what was cut off
	partSuffix  = ".part" // of the names of files that are not complete yet
)

// asideName returns a free name for a file with what was cut off from a record on.
func asideName(s Store, first uint64) (string, error) {
	names, err := s.List()
	if err != nil {
		return "", err
	}
	name := segmentName(first) + asideSuffix
	for n := 2; slices.Contains(names, name); n++ {
		name = fmt.Sprintf("%s.%d%s", segmentName(first), n, asideSuffix)
	}
	return name, nil
}

// moveAside gives a segment another name, or removes it if it is empty.
func moveAside(s Store, seg segment) (name string, err error) {
	if seg.size == 0 {
		return "", errors.Join(s.Remove(seg.name), s.SyncDir())
	}
	if name, err = asideName(s, seg.first); err != nil {
		return "", err
	}
	if err := s.Rename(seg.name, name); err != nil {
		return "", err
	}
	return name, s.SyncDir()
}

// copyAside copies the end of a segment, from a place on, to another file, which gets
// a header, and waits until the file is on disk.
func copyAside(s Store, seg segment, at place, offset int64) (name string, err error) {
	if name, err = asideName(s, at.last+1); err != nil {
		return "", err
	}
	c, err := s.Open(seg.name)
	if err != nil {
		return "", err
	}
	return name, writeFile(s, name, appendHeader(nil, at.last+1, at.hash), c, offset)
}

// writeFile writes a file, or replaces it, and waits until it is on disk: a header, and the
// rest of another file, which it closes. After a crash the file is complete, or as before.
func writeFile(s Store, name string, head []byte, rest Content, offset int64) error {
	part := name + partSuffix
	err := writePart(s, part, head, io.NewSectionReader(rest, offset, rest.Size()-offset))
	if err = errors.Join(err, rest.Close()); err == nil {
		err = s.Rename(part, name)
	}
	if err != nil {
		_ = s.Remove(part) // to free its space; if this fails, the next attempt removes it
		return err
	}
	return s.SyncDir()
}

// writePart writes a file, and syncs it.
func writePart(s Store, name string, head []byte, rest io.Reader) error {
	if err := s.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := s.Create(name)
	if err != nil {
		return err
	}
	if err = writeAll(f, head); err == nil {
		_, err = io.CopyBuffer(f, struct{ io.Reader }{rest}, make([]byte, chunk))
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
