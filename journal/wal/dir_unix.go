//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package wal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// lockFile locks a file, and creates it if necessary. The lock belongs to the open
// file, not to the process, so it excludes this process too.
func lockFile(path string) (io.Closer, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	return lock(f)
}

// lockFolder locks a folder, if the file system can do that.
func lockFolder(path string) (io.Closer, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrPermission) {
		return noLock{}, nil
	}
	if err != nil {
		return nil, err
	}
	l, err := lock(f)
	if err != nil && !errors.Is(err, ErrLocked) {
		return noLock{}, nil // NFS, for example, locks only what is open for writing
	}
	return l, err
}

// lock locks an open file, or closes it.
func lock(f *os.File) (io.Closer, error) {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return f, nil
		case err == syscall.EINTR:
			continue
		}
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w: %s", ErrLocked, f.Name())
		}
		return nil, fmt.Errorf("wal: lock %s: %w", f.Name(), err)
	}
}

// syncFolder waits until the names of the files in a folder are on disk.
func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
