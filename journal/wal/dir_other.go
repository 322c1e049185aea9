//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package wal

import (
	"errors"
	"fmt"
	"io"
)

// lockFile fails: we know of no lock on this system that ends with its process.
func lockFile(path string) (io.Closer, error) {
	return nil, fmt.Errorf("wal: lock %s: %w on this system", path, errors.ErrUnsupported)
}

// lockFolder does nothing: lockFile fails.
func lockFolder(string) (io.Closer, error) { return noLock{}, nil }

// syncFolder fails, like lockFile.
func syncFolder(path string) error {
	return fmt.Errorf("wal: sync %s: %w on this system", path, errors.ErrUnsupported)
}
