package journal_test

import (
	"errors"
	"io"
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

// lateSnapshots is a store that names no snapshot before it gets a value from ready.
type lateSnapshots struct {
	wal.Store
	ready chan bool
}

func (s lateSnapshots) Rename(from, to string) error {
	if strings.HasSuffix(to, ".snapshot") {
		<-s.ready
	}
	return s.Store.Rename(from, to)
}

// lateNotes is a journal without its beginning, whose log notes snapshots many inputs after
// they were taken.
func lateNotes(t *testing.T) *wal.Memory {
	t.Helper()
	s := wal.NewMemory()
	late := lateSnapshots{s, make(chan bool)}
	n := 0
	const slips = 147
	must(t, drive(t, journal.Config{SnapshotEvery: 30, SegmentSize: 400, DropOld: true}, late, manySlips(slips), func() {
		synctest.Wait()
		switch n++; {
		case n == 1+slips:
			close(late.ready)
		case n%7 == 0:
			select {
			case late.ready <- true:
			default:
			}
			synctest.Wait()
		}
	}).err)
	return s
}

// TestIssue14TruncateBeforeNote: a journal without its beginning that is cut off behind a
// snapshot goes on from it, also where the log has noted the snapshot later.
func TestIssue14TruncateBeforeNote(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		whole := lateNotes(t)
		h, err := journal.ReadStore(whole)
		must(t, err)
		if h.First() == 1 {
			t.Fatal("nothing was dropped")
		}
		rec, err := h.Record(journal.Program{Boot: bank(newStreet()).Boot, Types: types(newStreet())})
		must(t, err)
		for after := h.First(); after < h.Last(); after++ {
			s := copied(t, whole)
			_, err := journal.TruncateStore(s, after)
			must(t, err)
			v, err := journal.VerifyStore(s, nil)
			must(t, err)
			if v.Damage != nil || len(v.BadSnapshots)+len(v.Unnoted) > 0 {
				t.Errorf("after %d: %+v", after, v)
			}
			again := driveOn(t, journal.Config{}, s)
			if again.err != nil {
				t.Errorf("after %d: %v", after, again.err)
				continue
			}
			if got, want := outline(again.m), outline(moment(t, rec, after).State().Machine(nil)); got != want {
				t.Errorf("after %d the machine is\n%s\nand not\n%s", after, got, want)
			}
		}
	})
}

// TestIssue14AsideSnapshots: a snapshot that is moved aside replaces none that was moved
// aside before.
func TestIssue14AsideSnapshots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := wal.NewMemory()
		c := journal.Config{SnapshotEvery: 30, SegmentSize: 400}
		var aside []string
		for i := range 3 {
			must(t, drive(t, c, s, manySlips(80 + i)[i:], synctest.Wait).err)
			_, err := journal.TruncateStore(s, 20)
			must(t, err)
			names, err := s.List()
			must(t, err)
			aside = slices.DeleteFunc(names, func(name string) bool {
				return !strings.HasSuffix(name, ".cut") || !strings.Contains(name, ".snapshot")
			})
			if len(aside) != 2*(i+1) {
				t.Fatalf("after %d times: %v", i+1, aside)
			}
		}
	})
}

// TestIssue14RepairForgetsAdvice: after a repair, a recovery does not advise to remove what
// is removed already.
func TestIssue14RepairForgetsAdvice(t *testing.T) {
	for name, repair := range map[string]func(s wal.Store) (journal.Repair, error){
		"skip":     func(s wal.Store) (journal.Repair, error) { return journal.SkipStore(s, poison) },
		"truncate": func(s wal.Store) (journal.Repair, error) { return journal.TruncateStore(s, poison-1) },
	} {
		s := poisoned(t)
		s.WriteFile("recovery", []byte{poison, 0, 0, 0, 0, 0, 0, 0})
		_, err := repair(s)
		must(t, err)
		if s.ReadFile("recovery") != nil {
			t.Errorf("%s leaves the trail of the last recovery", name)
		}
	}
}

// TestIssue14RepairNamesFolder: an error of a repair names the folder, and the repair does
// not make it.
func TestIssue14RepairNamesFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mistyped")
	_, truncated := journal.Truncate(dir, 1)
	_, skipped := journal.Skip(dir, 1)
	for _, err := range []error{truncated, skipped} {
		if !errors.Is(err, wal.ErrNoLog) || !strings.Contains(err.Error(), dir) {
			t.Errorf("got %v", err)
		}
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder is there: %v", err)
	}
}

// busyStore is a store for which another program is faster: do runs before the first lock.
type busyStore struct {
	*wal.Memory
	do func()
}

func (s *busyStore) Lock() (io.Closer, error) {
	if do := s.do; do != nil {
		s.do = nil
		do()
	}
	return s.Memory.Lock()
}

// TestIssue14RepairsAtOnce: a repair takes into account what another program has done to
// the journal before it could lock it.
func TestIssue14RepairsAtOnce(t *testing.T) {
	s := poisoned(t)
	busy := &busyStore{s, func() {
		must(t, driveProgram(t, journal.Config{Logger: quiet}, s, tasting(func(Slip) {}), []any{Slip{"ann", 5}}, func() {}).err)
		_, err := journal.SkipStore(s, poison-1)
		must(t, err)
	}}
	_, err := journal.SkipStore(busy, poison)
	must(t, err)
	v, err := journal.VerifyStore(s, nil)
	must(t, err)
	heads := v.Summary.Heads
	if v.Damage != nil || len(heads[len(heads)-1].Repairs) != 2 {
		t.Errorf("%v, and repairs %v", v.Damage, heads[len(heads)-1].Repairs)
	}
}

// TestIssue14RepairsOfRepairs: a journal that is truncated keeps the notes of what was cut
// off before, and forgets which of the inputs that are cut off are skipped.
func TestIssue14RepairsOfRepairs(t *testing.T) {
	s := poisoned(t)
	skipped, err := journal.SkipStore(s, 2)
	must(t, err)
	_, err = journal.SkipStore(s, 4)
	must(t, err)
	first, err := journal.TruncateStore(s, 4)
	must(t, err)
	second, err := journal.TruncateStore(s, 3)
	must(t, err)
	h, err := journal.ReadStore(s)
	must(t, err)
	summary, err := h.Summary()
	must(t, err)
	want := []journal.Repair{skipped, first, second}
	if got := summary.Heads[len(summary.Heads)-1].Repairs; !slices.Equal(got, want) {
		t.Errorf("repairs %v, and not %v", got, want)
	}
}
