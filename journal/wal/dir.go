package wal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// lockName is the file whose lock is the lock of a folder.
const lockName = "lock"

// Dir returns a store in a folder of the file system. The first Lock creates the
// folder, and its parents. The folder is for one log: nothing else should write
// there.
//
// Folders and files that it makes are for their owner alone.
//
// Lock works on Linux, macOS, the BSDs and Windows, and fails elsewhere. Windows
// cannot sync the names of files: SyncDir does nothing there.
func Dir(path string) Store { return dir(path) }

type dir string

// path returns the path of a file. A name that leads out of the folder is an error.
func (d dir) path(name string) (string, error) {
	if name != filepath.Base(name) || name == "." || name == ".." {
		return "", fmt.Errorf("wal: %q is not the name of a file", name)
	}
	return filepath.Join(string(d), name), nil
}

func (d dir) List() ([]string, error) {
	entries, err := os.ReadDir(string(d))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // Lock creates it
	}
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		if e.Type().IsRegular() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

func (d dir) Create(name string) (File, error) {
	return d.openFile(name, os.O_CREATE|os.O_EXCL)
}

func (d dir) OpenAppend(name string) (File, error) { return d.openFile(name, 0) }

func (d dir) openFile(name string, flag int) (File, error) {
	p, err := d.path(name)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(p, flag|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	return file{f}, nil
}

func (d dir) Open(name string) (Content, error) {
	p, err := d.path(name)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(p)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	return dirContent{f, info.Size()}, nil
}

type dirContent struct {
	*os.File
	size int64
}

func (c dirContent) Size() int64 { return c.size }

func (d dir) Remove(name string) error {
	p, err := d.path(name)
	if err != nil {
		return err
	}
	return os.Remove(p)
}

func (d dir) Rename(from, to string) error {
	p, err := d.path(from)
	if err != nil {
		return err
	}
	q, err := d.path(to)
	if err != nil {
		return err
	}
	return os.Rename(p, q)
}

func (d dir) Truncate(name string, size int64) error {
	p, err := d.path(name)
	if err != nil {
		return err
	}
	return os.Truncate(p, size)
}

func (d dir) Lock() (io.Closer, error) {
	if err := d.make(); err != nil {
		return nil, err
	}
	// The lock of the folder holds also when somebody removes the lock file. That is there
	// for systems where folders cannot be locked, and for earlier versions.
	folder, err := lockFolder(string(d))
	if err != nil {
		return nil, err
	}
	file, err := lockFile(filepath.Join(string(d), lockName))
	if err != nil {
		return nil, errors.Join(err, folder.Close())
	}
	return locks{file, folder}, nil
}

type locks [2]io.Closer

func (l locks) Close() error { return errors.Join(l[0].Close(), l[1].Close()) }

// noLock is the lock of a folder that the system cannot lock.
type noLock struct{}

func (noLock) Close() error { return nil }

// String returns the path of the folder.
func (d dir) String() string { return string(d) }

func (d dir) SyncDir() error { return syncFolder(string(d)) }

// make creates the folder and its parents, and waits until their names are on disk.
// Without a lock file, the folder is new, or a process has ended in make: then any of the
// names may be missing on disk.
func (d dir) make() error {
	path, err := filepath.Abs(string(d))
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(path, lockName)); err == nil {
		return nil
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	for p := path; p != filepath.Dir(p); {
		p = filepath.Dir(p)
		// A folder that this process may not read is not one that it has made.
		if err := syncFolder(p); err != nil && !errors.Is(err, fs.ErrPermission) {
			return err
		}
	}
	return nil
}
