package wal

import (
	"errors"
	"fmt"
)

var (
	// ErrLocked says that somebody else, in this process or another, has the
	// log open for writing.
	ErrLocked = errors.New("wal: another process has the journal open")

	// ErrFailed says that the log is finished, because a write, a sync or the
	// like has failed. The error that wraps it says which, and why. Nothing is
	// tried again: after a failed sync the system may take for written what it
	// has not written.
	ErrFailed = errors.New("wal: the journal has failed and takes nothing more")

	// ErrClosed says that the log is closed.
	ErrClosed = errors.New("wal: the journal is closed")

	// ErrTooLong says that a record has more than Options.MaxRecord bytes. It
	// is not appended; the log goes on.
	ErrTooLong = errors.New("wal: the record is too long")

	// ErrNoLog says that there is no segment of a log in the store.
	ErrNoLog = errors.New("wal: there is no journal here")

	// ErrDropped says that a record was asked for that is not in the log any
	// more; see Log.DropBefore.
	ErrDropped = errors.New("wal: the record has been dropped")

	// ErrVersion says that a segment has a format that this program does not
	// know.
	ErrVersion = errors.New("wal: unknown version of the format")
)

// A Position is a place in a log.
type Position struct {
	Segment string // name of the file
	Offset  int64  // in bytes, from the beginning of the file
	Index   uint64 // of the record there
}

// String returns the position for people.
func (p Position) String() string {
	return fmt.Sprintf("record %d, at byte %d of %s", p.Index, p.Offset, p.Segment)
}

// A DamageError says where a log is not what was once on disk. Everything
// before that place is intact. The place is that of the record that does not
// have the hash it should have; if it was the one before it that was changed,
// together with its hash, only this shows it.
type DamageError struct {
	Position
	Reason string // what is wrong there
}

// Error returns the place and the reason.
func (e *DamageError) Error() string {
	return fmt.Sprintf("wal: the journal is damaged: %v: %s", e.Position, e.Reason)
}
