package wal

import (
	"errors"
	"fmt"
)

var (
	// ErrLocked says that the log is already open for writing, in this process or
	// another.
	ErrLocked = errors.New("wal: another process has the journal open")

	// ErrFailed says that the log has failed for good, because a write, a sync or
	// another operation has failed. The error that wraps it says which, and why.
	// The log repeats nothing: after a failed sync the system may take for written
	// what it has not written.
	ErrFailed = errors.New("wal: the journal has failed and accepts no more records")

	// ErrClosed says that the log is closed.
	ErrClosed = errors.New("wal: the journal is closed")

	// ErrTooLong says that a record has more than Options.MaxRecord bytes. It
	// is not appended; the log goes on.
	ErrTooLong = errors.New("wal: the record is too long")

	// ErrNoLog says that there is no segment of a log in the store.
	ErrNoLog = errors.New("wal: there is no journal here")

	// ErrDropped says that the log does not have a requested record any more; see
	// Log.DropBefore.
	ErrDropped = errors.New("wal: the record has been dropped")

	// ErrChanged says that records that Follow has read are not in the log any more: the
	// log was cut off, or another one has taken its place.
	ErrChanged = errors.New("wal: the journal has been changed")

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

// A DamageError says where a log differs from what was once on disk. Everything
// before that position is intact. The position is that of the record whose hash
// does not match. If the record before it was changed together with its own hash,
// this is the first record that shows it.
type DamageError struct {
	Position
	Reason string // what is wrong there
}

// Error returns the place and the reason.
func (e *DamageError) Error() string {
	return fmt.Sprintf("wal: the journal is damaged: %v: %s", e.Position, e.Reason)
}
