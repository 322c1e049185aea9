package wal

import (
	"io/fs"
	"os"
	"syscall"
)

// A file is a file of a folder that is open for writing.
type file struct{ *os.File }

// Sync waits until the content of the file is on disk, and its size, but not the time of its
// last change, which would take longer.
func (f file) Sync() error {
	c, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = c.Control(func(fd uintptr) {
		for failed = syscall.EINTR; failed == syscall.EINTR; {
			failed = syscall.Fdatasync(int(fd))
		}
	})
	if err == nil && failed != nil {
		err = &fs.PathError{Op: "fdatasync", Path: f.Name(), Err: failed}
	}
	return err
}
