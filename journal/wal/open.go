package wal

import (
	"errors"
	"fmt"
	"io"
	"sync"
)

// DefaultMaxRecord is the limit of Options.MaxRecord if none is given: 64 MiB.
const DefaultMaxRecord = 64 << 20

// Options say how a log is opened. The zero value is right for most.
type Options struct {
	// MaxRecord is how long a record may be, in bytes, when it is appended: at
	// most 1 GiB. Zero stands for DefaultMaxRecord.
	MaxRecord int

	// Cut permits Open to cut off records of a damaged log: the one with this index,
	// and all that follow. If the damage is there or later, Open cuts the log off at
	// the damage, whatever follows. If the damage is earlier, or if Cut is zero, Open
	// refuses the log. An intact log stays as it is. What is cut off is moved to
	// another file: see CutOff.Aside.
	Cut uint64

	// Last, if it is not zero, is the last record to keep: Open cuts an intact log off
	// behind it. Open refuses a log without that record, or with damage before it.
	Last uint64

	// Next, if it is not empty, are records with which Open begins a new segment, behind
	// what it keeps. They are on disk when it returns. If the program crashes in Open, or
	// Open fails, the log either is as it was, or the next Open completes the cut and the
	// segment. If the segment does not follow from the log any more, because the log has been
	// damaged meanwhile, the next Open cuts nothing off for it, and moves it aside.
	Next [][]byte

	// From is the oldest record that the caller is going to read. Open does not
	// read, and so does not check, segments that have only older ones, except for their
	// headers. Verify checks them, and so does a Reader that reads them. Zero stands for
	// the first record.
	From uint64

	// Begin, if it is not nil, is called when the store is locked, and may change the other
	// options. It may read the log. If it returns an error, Open returns that.
	Begin func(*Options) error
}

// A Recovery says what was found when a log was opened.
type Recovery struct {
	First   uint64 // index of the oldest record; if there are no records, that of the next one
	Last    uint64 // index of the last record; First-1 if there are none
	Records uint64 // how many there are

	// Cut says what Open has cut off at the end: a torn write, what Options.Cut or Last
	// permitted, or what an earlier Open did not complete. It is nil if Open has cut
	// nothing.
	Cut *CutOff

	// Headers are the headers of segments that were damaged, and that Open has rebuilt:
	// the records of a segment prove what its header was.
	Headers []*DamageError
}

// A CutOff says what was cut off when a log was opened.
type CutOff struct {
	Position         // where
	Reason    string // why
	Bytes     int64  // how many bytes were cut off
	Intact    int    // how many intact records were seen behind it, in the same segment
	Permitted bool   // it was damage, and Options.Cut gave permission, or Options.Last said so

	// Aside are the files to which it was moved, in the same store: [Salvage] reads
	// them. The log does not use them, and never removes them.
	Aside []string
}

// String returns what was cut off, for people.
func (c CutOff) String() string {
	return fmt.Sprintf("%d bytes cut off, from %v: %s", c.Bytes, c.Position, c.Reason)
}

// Open opens a log for writing, or begins a new one with record 1. It reads the
// whole log, except what [Options].From leaves out. What it has found is on disk
// when it returns.
//
// Open refuses a damaged log with a [*DamageError]; see [Options].Cut. It refuses a
// log that is already open with [ErrLocked].
func Open(s Store, o Options) (*Log, Recovery, error) {
	if o.MaxRecord == 0 {
		o.MaxRecord = DefaultMaxRecord
	}
	if o.MaxRecord < 0 || o.MaxRecord > maxPayload {
		return nil, Recovery{}, fmt.Errorf("wal: Options.MaxRecord is %d, not between 0 and %d", o.MaxRecord, maxPayload)
	}
	lock, err := s.Lock()
	if err != nil {
		return nil, Recovery{}, err
	}
	l, r, err := open(s, o, lock)
	if err == nil {
		return l, r, nil
	}
	if e := lock.Close(); e != nil {
		err = errors.Join(err, e)
	}
	return nil, Recovery{}, err
}

// open opens a log whose store is locked.
func open(s Store, o Options, lock io.Closer) (*Log, Recovery, error) {
	lost, err := finish(s)
	if err != nil {
		return nil, Recovery{}, err
	}
	if o.Begin != nil {
		if err := o.Begin(&o); err != nil {
			return nil, Recovery{}, err
		}
	}
	v, err := surveySince(s, o.From)
	if o.Last > 0 {
		v, err = surveyUpTo(s, o.Last)
	}
	if err != nil {
		return nil, Recovery{}, err
	}
	if v.flaw != nil {
		if !v.torn && o.Last == 0 && (o.Cut == 0 || v.flaw.Index < o.Cut) {
			return nil, Recovery{}, v.flaw
		}
		if v.at < 0 && v.first > 1 {
			return nil, Recovery{}, fmt.Errorf("wal: cut the journal off: nothing would be left: %w", v.flaw)
		}
	}
	if len(o.Next) > 0 {
		if err := v.writeNext(s, o); err != nil {
			return nil, Recovery{}, fmt.Errorf("wal: write the next segment: %w", err)
		}
	}
	if v.flaw != nil {
		if lost, err = v.cut(s); err != nil {
			return nil, Recovery{}, fmt.Errorf("wal: cut the journal off: %w", err)
		}
	}
	var rebuilt []*DamageError
	for _, h := range v.headers {
		if err := replaceHeader(s, h.segment, h.before); err != nil {
			return nil, Recovery{}, fmt.Errorf("wal: rebuild the header of %s: %w", h.name, err)
		}
		rebuilt = append(rebuilt, h.damage())
	}
	if len(o.Next) > 0 {
		if err = v.addNext(s); err == nil {
			v, err = surveySince(s, v.last+1)
		}
		if err != nil {
			return nil, Recovery{}, fmt.Errorf("wal: begin the next segment: %w", err)
		}
	}
	l := &Log{store: s, lock: lock, max: o.MaxRecord, syncs: v.syncs}
	l.free = sync.NewCond(&l.mu)
	if v.at < 0 {
		v.first = 1
		v.place = place{}
		v.end = int64(headerSize)
		l.firsts = []uint64{1}
		l.file, err = createSegment(s, 1, Hash{})
	} else {
		for _, seg := range v.segs[:v.at+1] {
			l.firsts = append(l.firsts, seg.first)
		}
		l.file, err = reopenSegment(s, v.segs[v.at].name)
	}
	if err != nil {
		return nil, Recovery{}, err
	}
	l.last, l.written, l.synced = v.last, v.last, v.last
	l.size = v.end
	l.buf = append(l.buf, v.hash[:]...)
	return l, Recovery{First: v.first, Last: v.last, Records: v.last + 1 - v.first, Cut: lost, Headers: rebuilt}, nil
}

// cut moves everything behind the intact part of a log aside. It begins at the end, so
// that a crash leaves the log as it was, or a shorter one.
func (v *survey) cut(s Store) (*CutOff, error) {
	lost := &CutOff{Position: v.flaw.Position, Reason: v.flaw.Reason, Intact: v.intact, Permitted: !v.torn}
	for i := len(v.segs) - 1; i > v.at; i-- {
		// moveAside syncs after each one, or a crash might bring back only the wrong one.
		name, err := moveAside(s, v.segs[i])
		if err != nil {
			return nil, err
		}
		lost.add(name, v.segs[i].size)
	}
	if v.at >= 0 && v.segs[v.at].size > v.end {
		name, err := copyAside(s, v.segs[v.at], v.place, v.end)
		if err != nil {
			return nil, err
		}
		if err := s.Truncate(v.segs[v.at].name, v.end); err != nil {
			return nil, err
		}
		lost.add(name, v.segs[v.at].size-v.end)
	}
	return lost, nil
}

func (c *CutOff) add(aside string, bytes int64) {
	if aside != "" {
		c.Aside = append(c.Aside, aside)
	}
	c.Bytes += bytes
}

// reopenSegment opens a segment for more records, and waits until what it has is on
// disk, and its name: the process before may have ended between the two.
func reopenSegment(s Store, name string) (File, error) {
	f, err := s.OpenAppend(name)
	if err != nil {
		return nil, err
	}
	err = f.Sync()
	if err == nil {
		err = s.SyncDir()
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// createSegment makes a new segment, and waits until it is on disk.
func createSegment(s Store, first uint64, before Hash) (File, error) {
	f, err := s.Create(segmentName(first))
	if err != nil {
		return nil, err
	}
	err = writeAll(f, appendHeader(nil, first, before))
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = s.SyncDir()
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// writeAll writes b. A short write is an error.
func writeAll(f File, b []byte) error {
	n, err := f.Write(b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	return err
}
