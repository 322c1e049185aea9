package journal_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/wal"
)

// sound checks that a journal has nothing wrong, and returns its verification.
func sound(t *testing.T, s wal.Store) journal.Verification {
	t.Helper()
	v, err := journal.VerifyStore(s, nil)
	must(t, err)
	if v.Damage != nil || len(v.BadSnapshots)+len(v.Unnoted)+len(v.Log.Headers) > 0 {
		t.Fatalf("%+v", v)
	}
	return v
}

// TestIssue14Restore: a journal that was restored to an input, whichever it is, is whole, has
// another identity and says where it comes from, is in the state after that input, and goes on
// from there; the journal that was restored stays as it is.
func TestIssue14Restore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		whole := toBeDamaged(t)
		before := copied(t, whole.Memory)
		h, err := journal.ReadStore(whole)
		must(t, err)
		rec, err := h.Record(bank(newStreet()))
		must(t, err)
		summary := sound(t, whole).Summary
		id := summary.ID()
		for n := uint64(1); n <= h.Last(); n++ {
			to := wal.NewMemory()
			v, err := journal.RestoreStore(to, whole, n)
			must(t, err)
			s := sound(t, to).Summary
			if s.Last.Seq != n || s.ID() == id || s.ID() == (journal.ID{}) || !slices.Equal(s.Origins(), []journal.Origin{{Of: id, Last: n}}) {
				t.Errorf("to %d: inputs to %d, %v of %v", n, s.Last.Seq, s.ID(), s.Origins())
			}
			if v.Log.Hash != sound(t, to).Log.Hash || v.Summary.ID() != s.ID() {
				t.Errorf("to %d: %+v", n, v)
			}
			if len(s.Snapshots) > 0 && s.Snapshots[len(s.Snapshots)-1] > n {
				t.Errorf("to %d: snapshots %v", n, s.Snapshots)
			}
			again := driveOn(t, journal.Config{}, to)
			must(t, again.err)
			if got, want := outline(again.m), outline(moment(t, rec, n).State().Machine(nil)); got != want {
				t.Errorf("to %d the machine is\n%s\nand not\n%s", n, got, want)
			}
			if n%10 == 0 {
				must(t, drive(t, journal.Config{SnapshotEvery: 5}, to, manySlips(12), synctest.Wait).err)
				if s := sound(t, to).Summary; s.Last.Seq != n+13 || len(s.Origins()) != 1 {
					t.Errorf("the branch has the inputs to %d", s.Last.Seq)
				}
			}
		}
		names, err := before.List()
		must(t, err)
		for _, name := range names {
			if string(before.ReadFile(name)) != string(whole.ReadFile(name)) {
				t.Errorf("%s has changed", name)
			}
		}
	})
}

// TestIssue14RestoreOtherSnapshots: a snapshot that a journal has taken behind a restored input is
// not taken for one of the branch, nor the other way round.
func TestIssue14RestoreOtherSnapshots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		whole, branch := toBeDamaged(t).Memory, wal.NewMemory()
		_, err := journal.RestoreStore(branch, whole, 70)
		must(t, err)
		must(t, drive(t, journal.Config{SnapshotEvery: 19}, branch, manySlips(19), synctest.Wait).err) // the snapshot is after input 90
		for _, tt := range []struct{ to, from *wal.Memory }{{branch, whole}, {whole, branch}} {
			const file = "00000000000000000090.snapshot"
			to := copied(t, tt.to)
			if !slices.Contains(snapshotsOf(t, tt.from), file) {
				t.Fatal(snapshotsOf(t, tt.from))
			}
			to.WriteFile(file, tt.from.ReadFile(file))
			v, err := journal.VerifyStore(to, nil)
			must(t, err)
			if len(v.BadSnapshots) != 1 || v.BadSnapshots[0].File != file {
				t.Errorf("%+v, %+v", v.BadSnapshots, v.Unnoted)
			}
			if got, want := outline(driveOn(t, journal.Config{}, to).m), outline(driveOn(t, journal.Config{}, copied(t, tt.to)).m); got != want {
				t.Errorf("the machine is\n%s\nand not\n%s", got, want)
			}
		}
	})
}

// TestIssue14RestoreDamaged: damage behind the input does not matter, wherever it is; damage
// before it is an error.
func TestIssue14RestoreDamaged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const at = 20 // segment
		for offset := 60; offset < 400; offset += 17 {
			d := toBeDamaged(t)
			d.harm(d.segments[at], offset)
			last := uint64(0)
			h, err := journal.ReadStore(d)
			must(t, err)
			for in, err := range h.Inputs(1) {
				if err == nil {
					last = in.Seq
				}
			}
			if last < 20 {
				t.Fatalf("the last good input is %d", last)
			}
			for _, n := range []uint64{last - 7, last} {
				to := wal.NewMemory()
				_, err := journal.RestoreStore(to, d, n)
				must(t, err)
				if got := sound(t, to).Summary.Last.Seq; got != n {
					t.Errorf("damage at %d: restored to %d, and not to %d", offset, got, n)
				}
				must(t, driveOn(t, journal.Config{}, to).err)
			}
			if _, err := journal.RestoreStore(wal.NewMemory(), d, last+20); !errors.As(err, new(*wal.DamageError)) {
				t.Errorf("damage at %d, before input %d: %v", offset, last+20, err)
			}
		}
	})
}

// TestIssue14RestoreWhileDropping: a restored journal is whole whenever the program drops old
// segments and snapshots.
func TestIssue14RestoreWhileDropping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		whole, dropped := toBeDropped(t)
		h, err := journal.ReadStore(whole)
		must(t, err)
		n := h.Last() - 5
		for op := 1; ; op += 3 {
			s, to := &droppingStore{copied(t, whole), op, dropped}, wal.NewMemory()
			_, err := journal.RestoreStore(to, s, n)
			must(t, err)
			if got := sound(t, to).Summary.Last.Seq; got != n || driveOn(t, journal.Config{}, to).err != nil {
				t.Fatalf("dropped at %d: restored to %d", op, got)
			}
			if s.n > 0 {
				return
			}
		}
	})
}

// TestIssue14RestoreRefused: an input that a journal does not have, or from which nobody could
// go on, is an error that says so, and leaves nothing; nothing is replaced.
func TestIssue14RestoreRefused(t *testing.T) {
	dir, parent := t.TempDir(), t.TempDir()
	record(t, dir, journal.Config{}, someSlips...)
	to := filepath.Join(parent, "branch")
	for _, tt := range []struct {
		dir  string
		n    uint64
		want string
	}{
		{dir, 99, "it cannot be restored to input 99: it has the inputs 1 to 10"},
		{filepath.Join(parent, "mistyped"), 1, "mistyped"},
	} {
		if _, err := journal.Restore(tt.dir, to, tt.n); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("to %d: %v", tt.n, err)
		}
	}
	if left, err := os.ReadDir(parent); err != nil || len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
	v, err := journal.Restore(dir, to, 0)
	if err != nil || v.Summary.Last.Seq != 10 || len(v.Summary.Origins()) != 1 {
		t.Errorf("%+v, %v", v, err)
	}
	if _, err := journal.Restore(dir, to, 3); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v", err)
	}
	synctest.Test(t, func(t *testing.T) {
		whole, dropped := toBeDropped(t)
		for _, name := range dropped {
			must(t, whole.Remove(name))
		}
		h, err := journal.ReadStore(whole)
		must(t, err)
		oldest := seqOf(t, snapshotsOf(t, whole)[0])
		for _, n := range []uint64{h.First() - 1, h.First(), oldest - 1, oldest} {
			_, err := journal.RestoreStore(wal.NewMemory(), whole, n)
			if refused := n < oldest; refused != (err != nil) || refused && !strings.Contains(err.Error(), "it cannot be restored") {
				t.Errorf("to %d, where the journal begins with %d, and the oldest snapshot is after %d: %v", n, h.First(), oldest, err)
			}
		}
	})
}

// TestIssue14RestoreWhileRunning: a journal can be restored to an input while its program takes
// snapshots and drops what is old at full speed.
func TestIssue14RestoreWhileRunning(t *testing.T) {
	slips := manySlips(3000)
	want := outlines(slips)
	dir := t.TempDir()
	c := journal.Config{Durability: journal.Batch, SnapshotEvery: 300, SegmentSize: 2000, DropOld: true}
	result := make(chan error)
	begun := make(chan struct{})
	go func() {
		n := 0
		result <- drive(t, c, wal.Dir(dir), slips, func() {
			if n++; n == 1 {
				close(begun)
			}
		}).err
	}()
	<-begun
	restored := 0
	for done := false; !done; {
		select {
		case err := <-result:
			must(t, err)
			done = true
		default:
		}
		n := read(t, dir).Last() - 1
		if n == 0 {
			continue
		}
		to := filepath.Join(t.TempDir(), "branch")
		_, err := journal.Restore(dir, to, n)
		must(t, err)
		sound(t, wal.Dir(to))
		if again := driveOn(t, journal.Config{}, wal.Dir(to)); again.err != nil || outline(again.m) != want[n] {
			t.Fatalf("to %d the machine is\n%s\n%v", n, outline(again.m), again.err)
		}
		restored++
	}
	t.Logf("restored %d times", restored)
}
