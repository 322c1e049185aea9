package wal

import "io"

// A Store is a flat directory of files, with the operations that a log needs.
// Several goroutines may call its methods at once.
//
// A change is certain to survive a crash only after a sync: the content of a file
// after its Sync, the names of files after SyncDir.
type Store interface {
	// List returns the names of all files, in any order.
	List() ([]string, error)

	// Create makes a new file. It fails, with an error that is fs.ErrExist, if
	// there is a file of that name.
	Create(name string) (File, error)

	// OpenAppend opens an existing file for writing at its end.
	OpenAppend(name string) (File, error)

	// Open opens a file for reading. The file may be written meanwhile.
	Open(name string) (Content, error)

	// Remove removes a file. A reader that has it open can still read it, or gets an
	// error.
	Remove(name string) error

	// Rename gives a file another name; a file that had it before is lost.
	Rename(from, to string) error

	// Truncate cuts a file off after size bytes. The caller makes sure that the file
	// is not open for writing.
	Truncate(name string, size int64) error

	// Lock locks the store until the caller closes the lock or the process ends. It
	// fails at once, with ErrLocked, if the store is locked already. The lock does
	// not prevent reading.
	Lock() (io.Closer, error)

	// SyncDir waits until the creation, renaming and removal of files is on disk.
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
