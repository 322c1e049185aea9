package wal

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"math"
	"time"
)

// Follow yields the records of a log from an index on, in order, as they are written; zero
// stands for the oldest one. Whenever it has yielded all that there are, it yields a Record with
// index 0, once, and waits for more. It needs no lock, starts no goroutine, and reads what is
// new only, whatever the size of the log. It ends when the context is done, with the error of
// the context, or when the caller stops.
//
// The writer may begin segments, drop old ones, crash, and open the log again meanwhile.
//
// A record is yielded when it is on disk, so no crash takes it back. Later records or segments
// prove that a record is on disk. If they do not come, Follow syncs the segment itself, which it
// needs to open for writing where the system does not sync other files. So it is some
// milliseconds behind the last [Log.Flush] or [Log.Sync], plus the time of a sync.
//
// Follow fails with [ErrNoLog] if there is no log, or not any more, with [ErrDropped] if the next
// record has been dropped, with [ErrChanged] if the log was cut off before the last record that
// Follow has read, and with a [*DamageError] if the log is damaged behind it.
func Follow(ctx context.Context, s Store, from uint64) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		f := follower{ctx: ctx, store: s, from: from}
		f.yield = func(r Record) error {
			if !yield(r, nil) {
				return errStopped
			}
			return ctx.Err()
		}
		err := errors.Join(f.follow(), f.close())
		if !errors.Is(err, errStopped) {
			yield(Record{}, err)
		}
	}
}

// errStopped says that the caller of Follow wants no more records.
var errStopped = errors.New("wal: enough")

const (
	busyPoll = time.Millisecond     // between two looks for more records while there are some
	idlePoll = 3 * time.Millisecond // and while there are none

	syncEvery = 3 * time.Millisecond // how often a follower syncs at most, for the sake of the writer
)

// A follower is at the end of a log that is written. Each record is read when it is seen
// first, and once more when it is known to be on disk, and yielded.
type follower struct {
	ctx   context.Context
	store Store
	from  uint64
	yield func(Record) error

	seg    segment
	w      window      // on the segment
	read   segmentScan // how far it has been read
	given  segmentScan // how far it has been yielded
	ahead  uint64      // the first record of the newest segment that is known
	safe   uint64      // the last record that is known to be on disk
	due    uint64      // the records up to it were there when the follower looked before
	told   bool        // the caller has been told that there are no more
	file   syncCloser  // the segment, if it may have records that are not on disk
	synced time.Time   // when the follower synced it last
	doubt  doubt
}

// follow yields records until there is an error.
func (f *follower) follow() error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	owed := true // it has to say that there are no more records
	for pause := time.Duration(0); ; {
		timer.Reset(pause)
		select {
		case <-f.ctx.Done():
			return f.ctx.Err()
		case <-timer.C:
		}
		pause = min(pause+busyPoll, idlePoll)
		if f.seg.name == "" {
			if begun, err := f.begin(); err != nil {
				return err
			} else if !begun {
				continue
			}
		}
		given, seg := f.given.last, f.seg.first
		news, err := f.step()
		if err != nil {
			return err
		}
		owed = owed || f.given.last > given
		switch {
		case seg < f.ahead: // there is another segment
			if news {
				pause = 0
			}
			continue
		case news:
			pause = busyPoll
		}
		if owed && (f.told || f.given.last == f.read.last) {
			owed, f.told = false, true
			if err := f.yield(Record{}); err != nil {
				return err
			}
		}
	}
}

// begin finds the segment of the first record. It reports false if the log is about to be begun.
func (f *follower) begin() (bool, error) {
	segs, err := listSegments(f.store)
	if err != nil {
		return false, err
	}
	if len(segs) == 0 {
		return false, ErrNoLog
	}
	last := len(segs) - 1
	if begun, err := f.begun(segs[last]); err != nil {
		return false, err
	} else if !begun {
		segs = segs[:last] // the writer is just creating it
	}
	if len(segs) == 0 {
		return false, nil
	}
	if f.from == 0 {
		f.from = segs[0].first
	}
	if f.from < segs[0].first {
		return false, droppedBefore(f.from, segs[0].first)
	}
	i := len(segs) - 1
	f.ahead, f.safe = segs[i].first, segs[i].first-1
	for segs[i].first > f.from {
		i--
	}
	c, err := f.store.Open(segs[i].name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // it was dropped: look again
	}
	if err != nil {
		return false, err
	}
	defer c.Close()
	f.w.reset(c)
	st, err := beginSegment(&f.w, segs[i], place{}, tailOf(f.store, segs, i))
	if err == nil && st.reason != "" {
		err = &DamageError{Position{segs[i].name, 0, segs[i].first}, st.reason}
	}
	if err != nil {
		return false, err
	}
	return true, f.enter(segs[i], st)
}

func droppedBefore(index, first uint64) error {
	return fmt.Errorf("%w: record %d, the log begins with %d", ErrDropped, index, first)
}

// enter goes to a segment of which the header has been read.
func (f *follower) enter(seg segment, st segmentScan) error {
	err := f.close()
	f.seg, f.read, f.given, f.doubt = seg, st, st, doubt{}
	if !f.told {
		f.due = math.MaxUint64
	}
	if f.ahead = max(f.ahead, seg.first); err == nil && seg.first == f.ahead {
		// An error of the disk that comes later shows when this file is synced.
		if f.file, err = openToSync(f.store, seg.name); errors.Is(err, fs.ErrNotExist) {
			err = nil // it is dropped already
		}
	}
	return err
}

// step looks for new records, and yields those that are on disk. It reports whether there was
// anything new.
func (f *follower) step() (news bool, err error) {
	c, err := f.store.Open(f.seg.name)
	gone := errors.Is(err, fs.ErrNotExist)
	if err != nil && !gone {
		return false, err
	}
	before := f.read.last
	if !gone {
		defer c.Close()
		f.w.reset(c)
		if err := f.readOn(); err != nil {
			return false, err
		}
	}
	var next *segmentScan
	var seg segment
	if f.read.last == before {
		if seg, next, err = f.next(); err != nil {
			return false, err
		}
	}
	switch {
	case next != nil:
		f.safe = max(f.safe, f.read.last)
	case gone:
		return false, f.lost()
	case min(f.due, f.read.last) > f.safe && time.Since(f.synced) >= syncEvery:
		if err := f.sync(); err != nil {
			return false, err
		}
	}
	f.due = f.read.last
	last := f.given.last
	if last < min(f.read.last, f.safe) {
		if gone {
			return false, droppedBefore(last+1, seg.first)
		}
		if err := f.give(); err != nil {
			return false, err
		}
	}
	if next != nil {
		return true, f.enter(seg, *next)
	}
	if f.read.last == before {
		err = f.doubt.look(f)
	}
	return f.read.last > before || f.given.last > last, err
}

// readOn reads what is new in the segment.
func (f *follower) readOn() error {
	f.read.reason = ""
	if more, same := f.peek(); !same {
		return f.changed("it was cut off")
	} else if !more {
		return nil
	}
	st, err := f.scan(f.read, nil)
	if err != nil {
		return err
	}
	if st.maxSynced > 0 {
		f.safe = max(f.safe, f.seg.first-1+st.maxSynced-1)
	}
	f.read = st
	return nil
}

// scan continues a scan of the segment.
func (f *follower) scan(st segmentScan, each func(uint64, frame) bool) (segmentScan, error) {
	_, err := f.w.bytes(st.end-int64(hashSize), int64(hashSize)) // a record is read with the hash before it
	if err == nil {
		st, err = readOn(&f.w, f.seg, st, each)
	}
	if err != nil {
		err = fmt.Errorf("%w, in %s", err, f.seg.name)
	}
	return st, err
}

// peek reports whether the segment has the last record that was read, and whether another one
// may follow.
func (f *follower) peek() (more, same bool) {
	var b [hashSize + lengthSize]byte
	n, _ := f.w.r.ReadAt(b[:], f.read.end-int64(hashSize)) // an error is one of the reads that follow
	switch {
	case n < hashSize:
		return false, false
	case f.read.end > int64(headerSize) && Hash(b[:hashSize]) != f.read.hash:
		return false, false // the hash in a header may be damaged
	}
	return n == len(b) && binary.LittleEndian.Uint32(b[hashSize:]) > 0, true
}

// give yields the records that have been read and are on disk.
func (f *follower) give() (err error) {
	limit := min(f.read.last, f.safe)
	st, e := f.scan(f.given, func(index uint64, r frame) bool {
		if index >= f.from {
			err = f.yield(Record{index, f.seg.name, r.offset, r.hash, r.payload})
		}
		return err == nil && index < limit
	})
	f.given = st
	switch {
	case err != nil:
		return err
	case e != nil:
		return e
	case st.last < limit:
		return f.changed(st.reason)
	}
	return nil
}

// next returns the segment that follows the last record read, if the writer has begun it.
func (f *follower) next() (seg segment, _ *segmentScan, err error) {
	seg = segment{name: segmentName(f.read.last + 1), first: f.read.last + 1}
	if seg.first == f.seg.first {
		return seg, nil, nil
	}
	if begun, err := f.begun(seg); err != nil || !begun {
		return seg, nil, err
	}
	c, err := f.store.Open(seg.name)
	if errors.Is(err, fs.ErrNotExist) {
		return seg, nil, nil
	}
	if err != nil {
		return seg, nil, err
	}
	defer c.Close()
	w := window{r: c, size: c.Size()}
	tail := func() (Hash, bool) { return f.read.hash, true }
	st, err := beginSegment(&w, seg, f.read.place, tail)
	switch {
	case err != nil:
		return seg, nil, fmt.Errorf("%w, in %s", err, seg.name)
	case st.reason == notFollowing:
		if _, same := f.peek(); !same {
			return seg, nil, f.changed(st.reason)
		}
		fallthrough
	case st.reason != "":
		return seg, nil, &DamageError{Position{seg.name, 0, seg.first}, st.reason}
	}
	return seg, &st, nil
}

// begun reports whether a segment is there, and has a header.
func (f *follower) begun(seg segment) (bool, error) {
	c, err := f.store.Open(seg.name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer c.Close()
	if c.Size() < int64(headerSize) {
		return false, nil
	}
	var first [1]byte
	_, err = c.ReadAt(first[:], 0)
	return first[0] != 0, err
}

// lost says why there is neither the segment nor the next one.
func (f *follower) lost() error {
	segs, err := listSegments(f.store)
	switch next := f.given.last + 1; {
	case err != nil:
		return err
	case len(segs) == 0:
		return ErrNoLog
	case segs[0].first > next:
		return droppedBefore(next, segs[0].first)
	}
	for _, seg := range segs {
		if seg.first == f.seg.first || seg.first == f.read.last+1 {
			return nil // it has been renamed meanwhile: look again
		}
	}
	return f.changed("the segment is gone")
}

func (f *follower) changed(reason string) error {
	return fmt.Errorf("%w: %s: %s", ErrChanged, f.seg.name, reason)
}
