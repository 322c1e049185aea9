package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/go-marketplace/marketplace/journal/wal"
)

// A Verification is the result of verifying a journal.
type Verification struct {
	// Log is the report on the log that the journal is in. Log.Headers are damaged headers
	// of segments, which a program that opens the journal rebuilds. Summary is about the
	// intact part; Summary.Last is the last good input.
	Log     wal.Report
	Summary Summary

	// Damage is the first position that is not as it was written, or has an invalid
	// entry; nil if there is none.
	Damage *wal.DamageError

	// Ambiguous says that the Damage is at the end, and may be a write that a crash
	// has torn, which cannot be distinguished from a change. [Open] would cut the
	// journal off there, and go on.
	Ambiguous bool

	// Synced is the last input that was certainly once on disk, as an intact part of
	// the log proves; zero if nothing proves it of any input.
	Synced uint64

	// BadSnapshots are the snapshots that are damaged, changed, or of another journal, the
	// oldest first. A recovery takes an older one, or replays the journal, unless that part
	// of it has been dropped.
	BadSnapshots []BadSnapshot

	// Unnoted are the snapshots that the log does not have, although they are of this
	// journal. A recovery does not use them either. The program had no time to note them,
	// or will do so soon.
	Unnoted []BadSnapshot
}

// A BadSnapshot is a snapshot that is not the one that the program has written.
type BadSnapshot struct {
	Seq    uint64 // the input after which it was taken
	File   string // its name, in the folder of the journal
	Reason string
}

// Verify reads the whole journal in a folder, and checks the hashes of the log, the
// entries with their values, and the hashes of snapshots. It needs no lock, and not the
// program. If progress is not nil, it is called from time to time with the amount of work
// that is done, and that there is.
//
// The error is about reading; what is wrong with the journal is in the Verification. If
// somebody computes all hashes anew, or removes the end, Verify does not notice; to notice
// it, keep a copy of [wal.Report].Hash in another place.
func Verify(dir string, progress func(done, total int64)) (Verification, error) {
	v, err := VerifyStore(wal.Dir(dir), progress)
	return v, inFolder(dir, err)
}

// VerifyStore is [Verify] for a journal that is not in a folder.
func VerifyStore(s wal.Store, progress func(done, total int64)) (Verification, error) {
	if progress == nil {
		progress = func(int64, int64) {}
	}
	return again(func() (Verification, error) { return verify(s, progress) })
}

func verify(s wal.Store, progress func(done, total int64)) (v Verification, err error) {
	// The hashes are the first half of the work, the entries the second.
	v.Log, err = wal.Verify(s, func(done, total int64) { progress(done, 2*total) })
	if err != nil {
		return v, fmt.Errorf("journal: %w", err)
	}
	v.Damage, v.Ambiguous = v.Log.Damage, v.Log.Ambiguous
	if err = v.snapshots(s); err != nil {
		return v, err
	}
	if v.Log.Records == 0 {
		return v, nil
	}
	var c counter
	damage, err := c.read(s, &v, func(records uint64) {
		progress(v.Log.Bytes+int64(float64(v.Log.Bytes)*float64(records)/float64(v.Log.Records)), 2*v.Log.Bytes)
	})
	v.Summary = c.summary(s)
	if err != nil {
		return v, err
	}
	if damage != nil && (v.Damage == nil || damage.Index < v.Damage.Index) {
		v.Damage, v.Ambiguous = damage, false
	}
	return v, nil
}

// snapshots checks the snapshots: their checksums, and, if the log can be read, that they
// are the ones that it has.
func (v *Verification) snapshots(s wal.Store) error {
	seqs, err := snapshotsIn(s)
	if err != nil || len(seqs) == 0 {
		return err
	}
	h, unreadable := ReadStore(s)
	for _, seq := range slices.Backward(seqs) {
		sealed, err := readSnapshot(s, seq)
		if err == nil {
			_, err = sealed.endpoints(seq)
		}
		if err == nil && unreadable == nil && (v.Damage == nil || v.Ambiguous) {
			_, err = h.attest(seq, &sealed)
		}
		if err == nil || errors.Is(err, fs.ErrNotExist) { // it has been removed meanwhile
			continue
		}
		if errors.Is(err, wal.ErrDropped) {
			return fmt.Errorf("journal: %w", err)
		}
		bad := BadSnapshot{seq, snapshotName(seq), err.Error()}
		if errors.Is(err, unattested) {
			v.Unnoted = append(v.Unnoted, bad)
		} else {
			v.BadSnapshots = append(v.BadSnapshots, bad)
		}
	}
	return nil
}

// progressEvery is how many entries are between two reports of progress.
const progressEvery = 1 << 14

// read reads the intact part of a journal, up to the first invalid entry.
func (c *counter) read(s wal.Store, v *Verification, seen func(records uint64)) (*wal.DamageError, error) {
	r, err := wal.Read(s)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	g := newSegment()
	segment := ""
	e := &entry{}
	for rec, err := range r.Records(v.Log.First) {
		if damage, ok := errors.AsType[*wal.DamageError](err); ok {
			return damage, nil
		}
		if err != nil {
			return nil, fmt.Errorf("journal: %w", err)
		}
		if rec.Index > v.Log.Last {
			break // it has been written meanwhile
		}
		begins := rec.Segment != segment
		if begins {
			segment = rec.Segment
			g.forget()
		}
		err := e.read(rec.Payload, g)
		if err == nil {
			err = c.check(e, begins)
		}
		if err != nil {
			return &wal.DamageError{Position: wal.Position{Segment: rec.Segment, Offset: rec.Offset, Index: rec.Index}, Reason: err.Error()}, nil
		}
		c.count(e)
		if e.kind == inputEntry && rec.Index <= v.Log.Synced {
			v.Synced = e.seq
		}
		if n := rec.Index - v.Log.First + 1; n%progressEvery == 0 {
			seen(n)
		}
	}
	return nil, nil
}

// check returns an error if an entry cannot follow what has been counted.
func (c *counter) check(e *entry, begins bool) error {
	if begins && e.kind != headEntry {
		return fmt.Errorf("the segment begins with a %v and not with a head: it is not the log of a journal", e.kind)
	}
	last := c.Last.Seq
	if last == 0 && len(c.Heads) > 0 {
		last = c.Heads[0].Seq
	}
	switch {
	case e.kind == headEntry && len(c.Heads) > 0 && e.head.Seq != last:
		return fmt.Errorf("a head says that the last input was %d, and it was %d", e.head.Seq, last)
	case e.kind != inputEntry:
		return nil
	case e.seq != last+1:
		return fmt.Errorf("input %d follows where input %d should", e.seq, last+1)
	}
	if _, _, err := e.input.Generic(); err != nil {
		return fmt.Errorf("the value of input %d is invalid: %w", e.seq, err)
	}
	return nil
}
