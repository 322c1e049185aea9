package journal_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/vm"
)

// TestVerify: Verify reports an intact journal as such; of a damaged one it reports
// the first damage, and the good part before it.
func TestVerify(t *testing.T) {
	for _, tt := range []struct {
		name      string
		harm      func(t *testing.T, file string, size int64)
		ambiguous bool
		damage    string // empty for none
	}{
		{"nothing", nil, false, ""},
		{"the end is torn off", func(t *testing.T, file string, size int64) { must(t, os.Truncate(file, size-5)) }, true, "torn"},
		{"a byte in the middle", func(t *testing.T, file string, size int64) { flip(t, file, size/2) }, false, "prove"},
		{"a byte of the last record", func(t *testing.T, file string, size int64) { flip(t, file, size-20) }, true, "torn"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			record(t, dir, journal.Config{CheckEvery: 2}, someSlips...)
			files, err := filepath.Glob(filepath.Join(dir, "*.journal"))
			if err != nil || len(files) != 1 {
				t.Fatal(files, err)
			}
			info, err := os.Stat(files[0])
			must(t, err)
			if tt.harm != nil {
				tt.harm(t, files[0], info.Size())
			}
			calls := 0
			v, err := journal.Verify(dir, func(done, total int64) {
				if calls++; done > total {
					t.Errorf("%d of %d is done", done, total)
				}
			})
			must(t, err)
			if tt.damage == "" {
				if v.Damage != nil || v.Summary.Last.Seq != 10 || v.Summary.Checks < 5 || len(v.Summary.Starts) != 1 || v.Summary.Stopped() {
					t.Errorf("%+v", v)
				}
				return
			}
			if v.Damage == nil || v.Ambiguous != tt.ambiguous || !strings.Contains(v.Damage.Error(), tt.damage) || v.Damage.Segment != filepath.Base(files[0]) {
				t.Errorf("damage %v, ambiguous: %v", v.Damage, v.Ambiguous)
			}
			if v.Damage.Index != v.Log.Last+1 || v.Synced == 0 {
				t.Errorf("%+v", v)
			}
		})
	}
}

// TestVerifySnapshots: any changed byte of a snapshot, and any cut, is found; and the
// journal is intact without it.
func TestVerifySnapshots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := wal.NewMemory()
		if d := drive(t, journal.Config{SnapshotEvery: 10}, store, manySlips(25), synctest.Wait); d.err != nil {
			t.Fatal(d.err)
		}
		look := func(what string, want ...journal.BadSnapshot) {
			v, err := journal.VerifyStore(store, nil)
			must(t, err)
			if v.Damage != nil || len(v.BadSnapshots) != len(want) {
				t.Fatalf("%s: damage %v, bad snapshots %v", what, v.Damage, v.BadSnapshots)
			}
			for i, b := range v.BadSnapshots {
				if b.Seq != want[i].Seq || b.File != want[i].File || b.Reason == "" {
					t.Errorf("%s: %+v, and not %+v", what, b, want[i])
				}
			}
		}
		look("nothing")
		bad := journal.BadSnapshot{Seq: 10, File: "00000000000000000010.snapshot"}
		good := store.ReadFile(bad.File)
		sound := outline(driveOn(t, journal.Config{}, store).m)
		for i := range good {
			harmed := slices.Clone(good)
			harmed[i] ^= 1 << (i % 8)
			store.WriteFile(bad.File, harmed)
			look(fmt.Sprint("byte ", i), bad)
			if i%10 == 0 { // the machine comes back all the same
				if d := driveOn(t, journal.Config{}, store); d.err != nil || outline(d.m) != sound {
					t.Fatalf("byte %d: %v", i, d.err)
				}
			}
			store.WriteFile(bad.File, good[:i])
			look(fmt.Sprint("cut off at ", i), bad)
		}
		store.WriteFile(bad.File, append(good, 0))
		look("a byte more", bad)
	})
}

// droppingStore drops old segments and snapshots when it opens a file for the nth time.
type droppingStore struct {
	*wal.Memory
	n       int
	dropped []string
}

func (s *droppingStore) Open(name string) (wal.Content, error) {
	if s.n--; s.n == 0 {
		for _, name := range s.dropped {
			if err := s.Remove(name); err != nil {
				return nil, err
			}
		}
	}
	return s.Memory.Open(name)
}

// toBeDropped is a journal, and the names of the files that a program with DropOld would have
// removed.
func toBeDropped(t *testing.T) (whole *wal.Memory, dropped []string) {
	t.Helper()
	d := toBeDamaged(t)
	must(t, drive(t, journal.Config{SnapshotEvery: 30, SegmentSize: 400, DropOld: true}, d.Memory, manySlips(100), synctest.Wait).err)
	kept, err := d.List()
	must(t, err)
	d = toBeDamaged(t)
	whole = copied(t, d.Memory)
	must(t, drive(t, journal.Config{SnapshotEvery: 30, SegmentSize: 400}, whole, manySlips(100), synctest.Wait).err)
	all, err := whole.List()
	must(t, err)
	for _, name := range all {
		if !slices.Contains(kept, name) {
			dropped = append(dropped, name)
		}
	}
	if len(dropped) < 5 {
		t.Fatal(dropped)
	}
	return whole, dropped
}

// TestIssue14B9VerifyWhileDropping: Verify finds no fault with a journal whose beginning is
// dropped meanwhile, whenever that happens.
func TestIssue14B9VerifyWhileDropping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		whole, dropped := toBeDropped(t)
		for n := 1; ; n++ {
			s := &droppingStore{copied(t, whole), n, dropped}
			v, err := journal.VerifyStore(s, nil)
			if err != nil || v.Damage != nil || len(v.BadSnapshots) > 0 || v.Summary.Last.Seq < 100 {
				t.Fatalf("dropped at %d: %+v, %v", n, v, err)
			}
			if s.n > 0 {
				return
			}
		}
	})
}

// TestDetails: any program can read the results of the inputs in a journal.
func TestDetails(t *testing.T) {
	dir := t.TempDir()
	record(t, dir, journal.Config{Trace: true}, someSlips...)
	n := 0
	for d, err := range read(t, dir).Details(0) {
		must(t, err)
		n++
		if !d.Checked || len(d.Steps) == 0 {
			t.Errorf("input %d: %+v", d.Input.Seq, d)
		}
		if d.Input.Seq == 8 && (len(d.PresenceChanges) != 1 || d.PresenceChanges[0] != "4 bob is gone: bob was closed with 7") {
			t.Errorf("presence changes %q", d.PresenceChanges)
		}
	}
	s, err := read(t, dir).Summary()
	must(t, err)
	if n != 10 || s.Traces != 10 || s.First.Kind != vm.Start || s.Last.Kind != vm.End || !s.Heads[0].Trace {
		t.Errorf("%d details; %+v", n, s)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// flip changes a byte of a file.
func flip(t *testing.T, file string, at int64) {
	t.Helper()
	b, err := os.ReadFile(file)
	must(t, err)
	b[at] ^= 0xff
	must(t, os.WriteFile(file, b, 0o600))
}
