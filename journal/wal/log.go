package wal

import (
	"fmt"
	"io"
	"runtime"
	"sync"
)

// keepBuffer is how large a buffer may be, in bytes, to be kept for the next
// records when its own have been written.
const keepBuffer = 4 << 20

// maxYields is how often a sync yields to other goroutines before it begins.
const maxYields = 100

// A Log is a log that is open for writing. Its methods may be called by several
// goroutines at once; records get their order from Append.
type Log struct {
	store Store
	lock  io.Closer
	max   int

	mu       sync.Mutex
	free     *sync.Cond // signals that busy or flushing has become false, or waiting true
	busy     bool       // a goroutine owns the file, or removes files; it may unlock mu meanwhile
	flushing bool       // a goroutine writes
	waiting  bool       // the owner of the file only waits for the disk: others may write

	file    File
	firsts  []uint64 // first record of each segment
	buf     []byte   // a hash, and the unwritten records that follow from it
	spare   []byte   // the other buffer, while it is not in use
	size    int64    // of the current segment, with what is not written yet
	last    uint64   // record appended
	written uint64   // record written
	synced  uint64   // record known to be on disk
	syncs   bool     // Sync has been called, since the log was opened or before
	err     error    // why the log has failed or is closed
}

// Append adds a record to the log, and returns its index, one more than that of
// the record before. The record is kept in memory until Flush or Sync is
// called; payload is copied. Append does not wait while another goroutine waits in
// Sync.
//
// It fails with [ErrTooLong], [ErrFailed] or [ErrClosed], and then the record
// is not appended.
func (l *Log) Append(payload []byte) (index uint64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return 0, l.err
	}
	if len(payload) > l.max {
		return 0, fmt.Errorf("%w: %d bytes, of at most %d", ErrTooLong, len(payload), l.max)
	}
	var synced uint64
	if l.syncs {
		synced = l.synced + 2 - l.current()
	}
	before := len(l.buf)
	l.buf = appendFrame(l.buf, synced, payload)
	l.size += int64(len(l.buf) - before)
	l.last++
	return l.last, nil
}

// current returns the first record of the current segment.
func (l *Log) current() uint64 { return l.firsts[len(l.firsts)-1] }

// Flush hands all records appended so far to the operating system. They then
// survive the end of this process, and readers of the log see them. To survive a
// crash of the system they need Sync.
//
// It fails with [ErrFailed] or [ErrClosed].
func (l *Log) Flush() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	target := l.last
	for l.err == nil && (l.flushing || l.busy && !l.waiting) && l.written < target {
		l.free.Wait()
	}
	if l.err != nil || l.written >= target {
		return l.err
	}
	l.flushing = true
	defer func() {
		l.flushing = false
		l.free.Broadcast()
	}()
	return l.write()
}

// Sync flushes, and waits until all records appended so far are on disk. When
// several goroutines call it, one sync of the disk serves all that have appended
// before it begins.
//
// It fails with [ErrFailed] or [ErrClosed].
func (l *Log) Sync() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.syncs = true
	target := l.last
	for l.err == nil && l.taken() && l.synced < target {
		l.free.Wait()
	}
	if l.err != nil || l.synced >= target {
		return l.err
	}
	l.busy = true
	defer l.release()
	l.gather()
	if err := l.write(); err != nil {
		return err
	}
	l.waiting = true
	l.free.Broadcast()
	defer func() { l.waiting = false }()
	return l.sync()
}

// taken reports whether a goroutine owns the file.
func (l *Log) taken() bool { return l.busy || l.flushing }

// gather lets other goroutines append, for as long as they do, so that one sync
// serves them all. If there are none, to yield takes next to no time compared to a
// sync. The caller owns the file and holds mu, which gather unlocks meanwhile.
func (l *Log) gather() {
	for range maxYields {
		last := l.last
		l.mu.Unlock()
		runtime.Gosched()
		l.mu.Lock()
		if l.last == last {
			return
		}
	}
}

// release gives up the file.
func (l *Log) release() {
	l.busy = false
	l.free.Broadcast()
}

// take waits until nobody owns the file, and takes it. If there is no error, the
// caller calls release.
func (l *Log) take() error {
	for l.err == nil && l.taken() {
		l.free.Wait()
	}
	if l.err == nil {
		l.busy = true
	}
	return l.err
}

// write writes the buffer. The caller owns the file and holds mu, which write
// unlocks meanwhile.
func (l *Log) write() error {
	if l.written == l.last {
		return nil
	}
	out, last := l.buf, l.last
	l.buf = append(l.spare[:0], out[len(out)-hashSize:]...)
	l.spare = nil
	l.mu.Unlock()
	err := writeAll(l.file, out[hashSize:])
	l.mu.Lock()
	if cap(out) <= keepBuffer {
		l.spare = out
	}
	if err != nil {
		return l.fail("write", err)
	}
	l.written = last
	return nil
}

// sync syncs what has been written. The caller owns the file and holds mu, which
// sync unlocks meanwhile.
func (l *Log) sync() error {
	written := l.written
	if l.synced == written {
		return nil
	}
	l.mu.Unlock()
	err := l.file.Sync()
	l.mu.Lock()
	if err != nil {
		return l.fail("sync", err)
	}
	l.synced = written
	return nil
}

// fail makes the log fail for good, and returns the reason: the first one, if it
// has failed before.
func (l *Log) fail(what string, err error) error {
	if l.err == nil {
		l.err = fmt.Errorf("%w: %s %s: %w", ErrFailed, what, segmentName(l.current()), err)
	}
	return l.err
}

// First returns the index of the oldest record in the log. If there are no
// records, it is that of the next one.
func (l *Log) First() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.firsts[0]
}

// Last returns the index of the last record appended. If there are no records,
// it is one less than First.
func (l *Log) Last() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

// Current returns the index of the first record of the current segment, which may not be
// appended yet.
func (l *Log) Current() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.current()
}

// Hash returns the hash of the record Last, and thereby of all records up to it.
func (l *Log) Hash() Hash {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.buf == nil {
		return Hash{} // the log is closed
	}
	return Hash(l.buf[len(l.buf)-hashSize:])
}

// Synced returns the index of the last record that is known to be on disk.
func (l *Log) Synced() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.synced
}

// SegmentSize returns the size of the current segment in bytes, with all records
// appended, written or not. Use it to decide when to call Rotate.
func (l *Log) SegmentSize() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.size
}
