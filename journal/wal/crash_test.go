package wal_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/journal/wal/waltest"
)

// A story is what the owner of a log does, and what was promised to it.
type story struct {
	said   int    // records appended, whether or not it succeeded
	synced uint64 // the last record that it was told is on disk
	oldest uint64 // what it has asked to keep
}

// text is the payload of a record. They have various lengths.
func text(index uint64) string { return fmt.Sprintf("%d%*s", index, index*7%40, "") }

// live opens a log and carries out all operations on it, until one fails.
func (st *story) live(s wal.Store) error {
	l, r, err := wal.Open(s, wal.Options{})
	if err != nil {
		return err
	}
	defer l.Abandon()
	st.said = int(r.Last)
	st.synced = r.Last // Open has promised as much
	add := func(n int) error {
		for range n {
			if _, err := l.Append([]byte(text(l.Last() + 1))); err != nil {
				return err
			}
			st.said++
		}
		return nil
	}
	promised := func(f func() error) func() error {
		return func() error {
			err := f()
			st.synced = max(st.synced, l.Synced())
			if err == nil && l.Synced() != l.Last() {
				return fmt.Errorf("synced up to %d of %d", l.Synced(), l.Last())
			}
			return err
		}
	}
	sync, rotate := promised(l.Sync), promised(l.Rotate)
	for _, step := range []func() error{
		sync,
		func() error { return add(2) }, sync,
		func() error { return add(3) }, l.Flush,
		func() error { return add(1) }, sync,
		func() error { return add(2) }, rotate,
		func() error { return add(2) }, l.Flush, rotate, rotate,
		func() error { return add(5) }, l.Flush,
		func() error { return add(5) }, rotate,
		func() error { return add(1) }, sync,
		func() error { st.oldest = l.Last() - 1; return l.DropBefore(st.oldest) },
		func() error { return add(4) }, l.Flush,
		func() error { return add(4) }, l.Flush,
		func() error { return add(4) }, promised(l.Close),
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// check reads what is there after a crash: records that were appended, without
// a gap, and all that the owner was promised.
func (st *story) check(s wal.Store, r wal.Recovery) error {
	if r.Last < st.synced {
		return fmt.Errorf("up to %d, but %d was synced", r.Last, st.synced)
	}
	if r.Last > uint64(st.said) {
		return fmt.Errorf("up to %d, but only %d were appended", r.Last, st.said)
	}
	if st.oldest == 0 && r.First != 1 || st.oldest > 0 && r.First > st.oldest {
		return fmt.Errorf("the log begins with %d", r.First)
	}
	reader, err := wal.Read(s)
	if err != nil {
		return err
	}
	next := r.First
	for rec, err := range reader.Records(0) {
		if err != nil {
			return err
		}
		if rec.Index != next || string(rec.Payload) != text(next) {
			return fmt.Errorf("record %d is %q, want %d", rec.Index, rec.Payload, next)
		}
		next++
	}
	if next != r.Last+1 {
		return fmt.Errorf("read up to %d, not %d", next-1, r.Last)
	}
	return nil
}

// fates are what a crash may leave of what was not synced, with names.
func fates(seed uint64) map[string]func(int) int {
	all := map[string]func(int) int{"lost": waltest.LoseAll, "kept": waltest.KeepAll}
	for i := range uint64(4) {
		all[fmt.Sprint("random ", i)] = rand.New(rand.NewPCG(seed, i)).IntN
	}
	return all
}

// TestCrash: the machine crashes at each operation of a log's life, in each way.
// What was synced is there, and what else is there was appended; and the log
// goes on. Then it crashes at each operation of the recovery, too.
func TestCrash(t *testing.T) {
	for n := 1; ; n++ {
		d := waltest.NewDisk()
		d.CrashAt(n, n%50)
		var st story
		err := st.live(d)
		if err == nil {
			if n < 35 {
				t.Errorf("only %d operations", n)
			}
			return
		}
		if !errors.Is(err, waltest.ErrCrashed) {
			t.Fatal(n, err)
		}
		for name, fate := range fates(uint64(n)) {
			recoverFrom(t, fmt.Sprintf("crash at operation %d, the rest is %s", n, name), st, func() *waltest.Disk {
				return d.Crash(fate)
			})
		}
	}
}

// recoverFrom opens what is left after a crash. Crashing the same disk twice
// must not differ, so one is made, and copied by a crash that changes nothing.
func recoverFrom(t *testing.T, what string, st story, crashed func() *waltest.Disk) {
	t.Helper()
	left := crashed()
	for n := 1; ; n++ {
		d := left.Crash(waltest.KeepAll)
		d.CrashAt(n, n%50)
		l, r, err := wal.Open(d, wal.Options{})
		if errors.Is(err, waltest.ErrCrashed) {
			for _, fate := range fates(uint64(n)) {
				again := d.Crash(fate)
				l, r, err := wal.Open(again, wal.Options{})
				if err == nil {
					l.Abandon()
					err = st.check(again, r)
				}
				if err != nil {
					t.Errorf("%s, and at operation %d of the recovery: %v", what, n, err)
				}
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", what, err)
			return
		}
		if err := st.check(d, r); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		l.Abandon()
		next := story{}
		d.Plan(nil)
		if err := next.live(d); err != nil {
			t.Errorf("%s, and then: %v", what, err)
		}
		return
	}
}

// TestFailures: each operation fails. From then on every call fails with the
// same error, nothing is tried again, and what was synced is on disk.
func TestFailures(t *testing.T) {
	for n := 1; ; n++ {
		d := waltest.NewDisk()
		d.Plan(func(op waltest.Op) waltest.Fault {
			if op.N == n {
				return waltest.Fault{Err: waltest.ErrFault, Written: n % 30}
			}
			return waltest.Fault{}
		})
		var st story
		err := st.live(d)
		if err == nil {
			return
		}
		if !errors.Is(err, waltest.ErrFault) {
			t.Fatal(n, err)
		}
		after := d.Crash(waltest.LoseAll)
		l, r, err := wal.Open(after, wal.Options{})
		if err == nil {
			l.Abandon()
			err = st.check(after, r)
		}
		if err != nil {
			t.Errorf("operation %d fails: %v", n, err)
		}
	}
}

// TestFailureIsFinal: after a failure, every call returns the same error and
// does nothing.
func TestFailureIsFinal(t *testing.T) {
	kinds := []waltest.Kind{waltest.Write, waltest.Sync, waltest.Create, waltest.SyncDir}
	for _, kind := range kinds {
		t.Run(kind.String(), func(t *testing.T) {
			d := waltest.NewDisk()
			l := mustOpen(t, d)
			appendAll(t, l, "a")
			d.Plan(func(op waltest.Op) waltest.Fault {
				if op.Kind == kind {
					return waltest.Fault{Err: waltest.ErrFault}
				}
				return waltest.Fault{}
			})
			first := l.Rotate()
			if !errors.Is(first, wal.ErrFailed) || !errors.Is(first, waltest.ErrFault) {
				t.Fatalf("got %v", first)
			}
			d.Plan(nil)
			ops := d.Ops()
			_, err := l.Append(nil)
			for i, err := range []error{err, l.Flush(), l.Sync(), l.Rotate(), l.DropBefore(2)} {
				if err != first {
					t.Errorf("call %d: %v, want %v", i, err, first)
				}
			}
			if err := l.Close(); !errors.Is(err, wal.ErrFailed) {
				t.Errorf("closed: %v", err)
			}
			if d.Ops() != ops {
				t.Errorf("%d operations after the failure", d.Ops()-ops)
			}
			mustOpen2(t, d)
		})
	}
}

// mustOpen2 opens a log of which something may have to be cut off.
func mustOpen2(t *testing.T, s wal.Store) wal.Recovery {
	t.Helper()
	l, r, err := wal.Open(s, wal.Options{})
	ok(t, err)
	l.Abandon()
	return r
}

// TestFullDisk: a disk is full at each byte. The log fails, and what was synced
// before is there.
func TestFullDisk(t *testing.T) {
	for n := int64(0); ; n++ {
		d := waltest.NewDisk()
		d.Limit(n)
		var st story
		err := st.live(d)
		if err == nil {
			return
		}
		if !errors.Is(err, waltest.ErrFull) {
			t.Fatal(n, err)
		}
		d.Limit(1 << 20)
		l, r, err := wal.Open(d, wal.Options{})
		if err == nil {
			l.Abandon()
			err = st.check(d, r)
		}
		if err != nil {
			t.Errorf("full after %d bytes: %v", n, err)
		}
	}
}

// TestCutSurvives: a log that was cut off with permission, and gone on with,
// stays that way when the machine crashes, during that or afterwards.
func TestCutSurvives(t *testing.T) {
	s := write(t, "one", "two", "rotate", "three", "rotate", "four", "rotate", "five", "sync")
	for _, segment := range []int{1, 3, 4, 5} {
		damaged := copyOf(t, s)
		b := damaged.ReadFile(segmentFile(segment))
		b[header+5] ^= 1 // of the first record
		damaged.WriteFile(segmentFile(segment), b)
		for n := 1; ; n++ {
			d := diskOf(t, damaged)
			start := d.Ops()
			d.CrashAt(start+n, 0)
			l, r, err := wal.Open(d, wal.Options{Cut: 1})
			if err == nil {
				ok(t, err)
				d.Plan(nil)
				_, err := l.Append([]byte("more"))
				ok(t, err)
				ok(t, l.Sync())
				again := d.Crash(waltest.LoseAll)
				if next := mustOpen2(t, again); next.Last != r.Last+1 || next.Cut != nil {
					t.Errorf("segment %d: recovery %+v, after %+v", segment, next, r)
				}
				l.Abandon()
				break
			}
			for _, fate := range fates(uint64(n)) {
				l, r, err := wal.Open(d.Crash(fate), wal.Options{Cut: 1})
				if err != nil || r.Last != max(uint64(segment), 1)-1 {
					t.Errorf("segment %d, crash %d: %+v, %v", segment, n, r, err)
				}
				if err == nil {
					l.Abandon()
				}
			}
		}
	}
}

// diskOf returns a disk with those files, synced.
func diskOf(t *testing.T, m *wal.Memory) *waltest.Disk {
	t.Helper()
	d := waltest.NewDisk()
	for _, name := range must[[]string](t)(m.List()) {
		f := must[wal.File](t)(d.Create(name))
		must[int](t)(f.Write(m.ReadFile(name)))
		ok(t, f.Sync())
	}
	ok(t, d.SyncDir())
	return d
}

// TestAppendWhileRotating: what is appended while Rotate waits for the disk is
// on disk when it returns.
func TestAppendWhileRotating(t *testing.T) {
	var l *wal.Log
	late := func() {}
	d := waltest.NewDisk()
	mustOpen(t, d).Abandon()
	l = mustOpen(t, &slowStore{d, func() { late() }})
	appendAll(t, l, "one")
	late = func() {
		late = func() {}
		appendAll(t, l, "two")
	}
	ok(t, l.Rotate())
	if l.Synced() != 2 {
		t.Errorf("synced up to %d", l.Synced())
	}
	appendAll(t, l, "three")
	ok(t, l.Sync())
	wantContents(t, d.Crash(waltest.LoseAll), "1:one 2:two 3:three ")
}

// TestDropFails: a segment that cannot be removed stays, and the log goes on.
func TestDropFails(t *testing.T) {
	d := waltest.NewDisk()
	l := mustOpen(t, d)
	appendAll(t, l, "a")
	ok(t, l.Rotate())
	d.FailNth(waltest.Remove, 1)
	if err := l.DropBefore(2); !errors.Is(err, waltest.ErrFault) || errors.Is(err, wal.ErrFailed) {
		t.Errorf("got %v", err)
	}
	appendAll(t, l, "b")
	ok(t, l.Sync())
	wantContents(t, d, "1:a 2:b ")
	ok(t, l.DropBefore(2))
	wantContents(t, d, "2:b ")
}
