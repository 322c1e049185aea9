package wal

import "io"

// A Store is a flat directory of files, as much of one as a log needs. Its
// methods may be called by several goroutines at once.
//
// Nothing that is done is sure to survive a crash before it is synced: the
// content of a file by its Sync, the names of files by SyncDir.
type Store interface {
	// List returns the names of all files, in any order.
	List() ([]string, error)

	// Create makes a new file. It fails, with an error that is fs.ErrExist, if
	// there is a file of that name.
	Create(name string) (File, error)

	// OpenAppend opens a file that exists, to go on at its end.
	OpenAppend(name string) (File, error)

	// Open opens a file for reading, perhaps while it is written.
	Open(name string) (Content, error)

	// Remove removes a file. Whoever has it open can still read it, or gets an
	// error.
	Remove(name string) error

	// Rename gives a file another name; a file that had it before is lost.
	Rename(from, to string) error

	// Truncate cuts a file off after size bytes. It is to be called on files
	// that nobody has open for writing.
	Truncate(name string, size int64) error

	// Lock takes the store for the caller, until the lock is closed or the
	// process ends. It fails at once, with ErrLocked, if somebody else has it.
	// It is no obstacle to reading.
	Lock() (io.Closer, error)

	// SyncDir waits until all names of files, and their absence, are on disk.
	SyncDir() error
}

// A File is open for writing at its end.
type File interface {
	io.Writer
	io.Closer

	// Sync waits until the content of the file is on disk.
	Sync() error
}

// A Content is a file that is open for reading.
type Content interface {
	io.ReaderAt
	io.Closer

	// Size is how long the file was when it was opened, in bytes.
	Size() int64
}
