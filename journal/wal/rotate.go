package wal

import (
	"errors"
	"fmt"
)

// Rotate syncs the log, and begins a new segment for the next records. Everything
// appended so far is on disk when it returns. If the current segment has no
// records, Rotate keeps it.
//
// While the new segment is created, Append waits. Rotate fails with [ErrFailed]
// or [ErrClosed].
func (l *Log) Rotate() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.take(); err != nil {
		return err
	}
	defer l.release()
	if err := l.write(); err != nil {
		return err
	}
	if err := l.sync(); err != nil {
		return err
	}
	if l.last < l.current() {
		return nil
	}
	// Records that were appended meanwhile belong to the old segment as well. From
	// here on nobody may append: keep mu.
	if l.written < l.last {
		if err := writeAll(l.file, l.buf[hashSize:]); err != nil {
			return l.fail("write", err)
		}
		l.buf = append(l.buf[:0], l.buf[len(l.buf)-hashSize:]...)
		l.written = l.last
		if err := l.file.Sync(); err != nil {
			return l.fail("sync", err)
		}
		l.synced = l.last
	}
	f, err := createSegment(l.store, l.last+1, Hash(l.buf))
	if err != nil {
		return l.fail("begin a segment after", err)
	}
	old := l.file
	l.file = f
	l.firsts = append(l.firsts, l.last+1)
	l.size = int64(headerSize)
	if err := old.Close(); err != nil {
		return l.fail("close the segment before", err)
	}
	return nil
}

// DropBefore removes segments that have only records before index, which may be
// greater than Last. It never removes the current segment, so that the log knows its
// last index; call Rotate before DropBefore. The removal of a segment is on disk
// before DropBefore removes the next one.
//
// It fails with [ErrFailed] or [ErrClosed]. If a file cannot be removed, it returns
// the reason, and the log goes on.
func (l *Log) DropBefore(index uint64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.take(); err != nil {
		return err
	}
	defer l.release()
	for len(l.firsts) > 1 && l.firsts[1] <= index {
		name := segmentName(l.firsts[0])
		l.mu.Unlock()
		removed := l.store.Remove(name)
		var synced error
		if removed == nil {
			synced = l.store.SyncDir()
		}
		l.mu.Lock()
		if removed != nil {
			return fmt.Errorf("wal: drop %s: %w", name, removed)
		}
		l.firsts = l.firsts[1:]
		if synced != nil {
			return l.fail("sync the folder of", synced)
		}
	}
	return nil
}

// Close syncs the log, closes it and releases the lock. It does the latter also
// if the log has failed, or fails now, and then returns why. Every call after
// that fails with [ErrClosed].
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.taken() {
		l.free.Wait()
	}
	if errors.Is(l.err, ErrClosed) {
		return l.err
	}
	l.busy = true
	defer l.release()
	err := l.err
	if err == nil {
		err = l.write()
	}
	if err == nil {
		err = l.sync()
	}
	return errors.Join(err, l.close())
}

// Abandon closes the log and releases the lock, without writing what has been
// appended since the last Flush. It is for when the process has failed, and
// what it was going to write is better not written. If the log is closed
// already, it does nothing.
func (l *Log) Abandon() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.taken() {
		l.free.Wait()
	}
	if !errors.Is(l.err, ErrClosed) {
		// What cannot be closed is not needed any more.
		_ = l.close()
	}
}

// close closes the file and the lock. The caller has the file.
func (l *Log) close() error {
	l.err = ErrClosed
	l.buf, l.spare = nil, nil
	return errors.Join(l.file.Close(), l.lock.Close())
}
