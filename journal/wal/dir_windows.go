package wal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// errSharing is ERROR_SHARING_VIOLATION: the file is open elsewhere.
const errSharing syscall.Errno = 32

// lockFile opens a file exclusively, and creates it if necessary.
func lockFile(path string) (io.Closer, error) {
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return nil, err
	}
	h, err := syscall.CreateFile(name, syscall.GENERIC_READ|syscall.GENERIC_WRITE, 0, nil,
		syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	if errors.Is(err, errSharing) {
		return nil, fmt.Errorf("%w: %s", ErrLocked, path)
	}
	if err != nil {
		return nil, fmt.Errorf("wal: lock %s: %w", path, err)
	}
	return os.NewFile(uintptr(h), path), nil
}

// lockFolder does nothing: nobody can remove the lock file while it is open.
func lockFolder(string) (io.Closer, error) { return noLock{}, nil }

// syncFolder does nothing: Windows has no way to sync names.
func syncFolder(string) error { return nil }
