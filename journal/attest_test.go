package journal_test

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/wal"
)

// snapshotsOf returns the names of the snapshots in a store, the oldest first.
func snapshotsOf(t *testing.T, s wal.Store) (all []string) {
	t.Helper()
	names, err := s.List()
	must(t, err)
	for _, name := range names {
		if strings.HasSuffix(name, ".snapshot") {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}

// copied returns a store with the same files.
func copied(t *testing.T, s *wal.Memory) *wal.Memory {
	t.Helper()
	c := wal.NewMemory()
	names, err := s.List()
	must(t, err)
	for _, name := range names {
		c.WriteFile(name, s.ReadFile(name))
	}
	return c
}

// passedOver checks that a snapshot is named by Verify, if it is bad, and in the log of the
// next run, for a reason, and that this run is in the right state.
func passedOver(t *testing.T, s *wal.Memory, name, reason string, bad bool, want string) {
	t.Helper()
	v, err := journal.VerifyStore(s, nil)
	must(t, err)
	found := v.Unnoted
	if bad {
		found = v.BadSnapshots
	}
	if len(v.BadSnapshots)+len(v.Unnoted) != 1 || len(found) != 1 || found[0].File != name || !strings.Contains(found[0].Reason, reason) || v.Damage != nil {
		t.Errorf("%+v, and it should have %s: %s", v, name, reason)
	}
	var log bytes.Buffer
	again := driveOn(t, journal.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))}, s)
	must(t, again.err)
	if got := outline(again.m); got != want {
		t.Errorf("the machine is\n%s\nand not\n%s", got, want)
	}
	if !strings.Contains(log.String(), name) || !strings.Contains(log.String(), reason) {
		t.Errorf("the log is %s", &log)
	}
	if slices.Contains(snapshotsOf(t, s), name) || s.ReadFile(name+".cut") == nil {
		t.Errorf("%s was not moved aside", name)
	}
}

// TestIssue14B2ChangedSnapshot: a balance that was changed in a snapshot, with all its
// checksums, is noticed, and not used.
func TestIssue14B2ChangedSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := toBeDamaged(t)
		want := outline(driveOn(t, journal.Config{}, copied(t, d.Memory)).m)
		name := d.snapshots[1]
		parts := sections(d.ReadFile(name))
		for _, old := range []bool{false, true} {
			s := copied(t, d.Memory)
			changed := bytes.Clone(parts[1])
			at := bytes.Index(changed, []byte("journaltest.account"))
			at += bytes.Index(changed[at:], []byte("Balance")) + len("Balance")
			changed[at]++
			file := snapshotOf(parts[0], changed)
			if old { // as before format 3
				file = append([]byte("marketplace snapshot\n"), file[len(snapshotMagic):]...)
				for i, n := 0, len("marketplace snapshot\n"); i < 2; i++ {
					slices.Reverse(file[n : n+8])
					n += 8 + 32 + len([][]byte{parts[0], changed}[i])
				}
				index := len("marketplace snapshot\n") + 8 + 32
				slices.Reverse(file[index : index+8])
			}
			s.WriteFile(name, file)
			if old {
				v, err := journal.VerifyStore(s, nil)
				must(t, err)
				if len(v.BadSnapshots) != 1 {
					t.Errorf("%+v", v)
				}
				if got := outline(driveOn(t, journal.Config{}, s).m); got != want {
					t.Errorf("the machine is\n%s\nand not\n%s", got, want)
				}
				continue
			}
			passedOver(t, s, name, "it has changed", true, want)
		}
	})
}

// TestIssue14B2ForeignSnapshot: a snapshot of another journal, and one of another history of
// the same journal, are named and not used.
func TestIssue14B2ForeignSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := toBeDamaged(t)
		want := outline(driveOn(t, journal.Config{}, copied(t, d.Memory)).m)
		name := d.snapshots[1]
		other := toBeDamaged(t)
		s := copied(t, d.Memory)
		s.WriteFile(name, other.ReadFile(name))
		passedOver(t, s, name, "it is of another journal", true, want)

		// Two histories of one journal, which differ after input 106.
		forks := []*wal.Memory{copied(t, d.Memory), copied(t, d.Memory)}
		for i, fork := range forks {
			slips := manySlips(40 + i)[i:]
			must(t, drive(t, journal.Config{SnapshotEvery: 30, SegmentSize: 400}, fork, slips, synctest.Wait).err)
		}
		want = outline(driveOn(t, journal.Config{}, copied(t, forks[0])).m)
		names := snapshotsOf(t, forks[0])
		name = names[len(names)-1]
		if name == d.snapshots[1] || forks[1].ReadFile(name) == nil {
			t.Fatal(names)
		}
		forks[0].WriteFile(name, forks[1].ReadFile(name))
		passedOver(t, forks[0], name, "it is of another history", true, want)
	})
}

// TestIssue14B2UnnotedSnapshot: a snapshot that the log does not have, because the program
// crashed before it noted it, is not used, and Verify does not call that damage.
func TestIssue14B2UnnotedSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := toBeDamaged(t)
		name := d.snapshots[1]
		s := wal.NewMemory()
		last := uint64(0)
		for r, err := range func() *wal.Reader { r, err := wal.Read(d); must(t, err); return r }().Records(0) {
			must(t, err)
			if bytes.Contains(r.Payload, []byte(name)) {
				last = r.Index - 1
				s = copied(t, d.Memory)
				must(t, s.Truncate(r.Segment, r.Offset))
				for _, segment := range d.segments {
					if segment > r.Segment {
						must(t, s.Remove(segment))
					}
				}
			}
		}
		if last == 0 {
			t.Fatal("the log does not have the newest snapshot")
		}
		passed := copied(t, s)
		must(t, passed.Remove(name))
		want := outline(driveOn(t, journal.Config{}, passed).m)
		passedOver(t, s, name, "the log does not have it", false, want)
	})
}

// TestIssue14B2Identity: a journal keeps its identity, and another one has another.
func TestIssue14B2Identity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		id := func(d damaged) journal.ID {
			h, err := journal.ReadStore(d)
			must(t, err)
			s, err := h.Summary()
			must(t, err)
			for _, head := range s.Heads {
				if head.ID != s.Heads[0].ID || head.ID == (journal.ID{}) {
					t.Errorf("identities %v and %v", s.Heads[0].ID, head.ID)
				}
			}
			return s.Heads[0].ID
		}
		d := toBeDamaged(t)
		was := id(d)
		must(t, drive(t, journal.Config{SnapshotEvery: 30, SegmentSize: 400}, d.Memory, manySlips(40), synctest.Wait).err)
		if id(d) != was || id(toBeDamaged(t)) == was {
			t.Errorf("it is %v, and was %v", id(d), was)
		}
	})
}
