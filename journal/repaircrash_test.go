package journal_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/journal/wal/waltest"
)

// TestIssue14RepairCrashes: wherever the system crashes during a repair, and whatever part
// of the unsynced data survives, the program goes on, no input that should stay is lost,
// and no other is deleted.
func TestIssue14RepairCrashes(t *testing.T) {
	const after = 40
	repairs := map[string]func(s wal.Store) error{
		"truncate": func(s wal.Store) error { _, err := journal.TruncateStore(s, after); return err },
		"skip":     func(s wal.Store) error { _, err := journal.SkipStore(s, 106); return err },
	}
	for name, repair := range repairs {
		synctest.Test(t, func(t *testing.T) {
			record := func() *waltest.Disk {
				d := waltest.NewDisk()
				must(t, drive(t, journal.Config{SnapshotEvery: 30, SegmentSize: 400}, d, manySlips(105), synctest.Wait).err)
				must(t, d.Remove(fmt.Sprintf("%020d.snapshot", 106))) // of the end, or nothing could be skipped
				return d
			}
			whole := record()
			begun := whole.Ops()
			must(t, repair(whole))
			all := seqs(t, record())
			for n := begun + 1; n <= whole.Ops(); n++ {
				for choice, choose := range []func(int) int{waltest.LoseAll, waltest.KeepAll} {
					d := record()
					d.CrashAt(n, 3)
					if err := repair(d); !errors.Is(err, waltest.ErrCrashed) {
						t.Fatalf("%s, operation %d: %v", name, n, err)
					}
					d = d.Crash(choose)
					again := driveOn(t, journal.Config{}, d)
					if got := seqs(t, d); again.err != nil || len(got) < after || !slices.Equal(got[:after], all[:after]) {
						t.Errorf("%s, operation %d, choice %d: %v, inputs %v", name, n, choice, again.err, got)
					}
					saved := map[uint64]bool{}
					for x, err := range journal.SalvageStore(d) {
						must(t, err)
						saved[x.Input.Seq] = true
					}
					for _, seq := range all {
						if !saved[seq] {
							t.Errorf("%s, operation %d, choice %d: input %d is deleted", name, n, choice, seq)
						}
					}
				}
			}
		})
	}
}

// onDisk returns a disk with the files of a store.
func onDisk(t *testing.T, s wal.Store) *waltest.Disk {
	t.Helper()
	d := waltest.NewDisk()
	names, err := s.List()
	must(t, err)
	for _, name := range names {
		c, err := s.Open(name)
		must(t, err)
		must(t, errors.Join(wal.CopyFile(d, name, c), c.Close()))
	}
	must(t, d.SyncDir())
	return d
}

// repairsOf returns what people have changed in a journal.
func repairsOf(t *testing.T, s wal.Store) []journal.Repair {
	t.Helper()
	v, err := journal.VerifyStore(s, nil)
	must(t, err)
	if v.Damage != nil {
		t.Errorf("damage %v", v.Damage)
	}
	return v.Summary.Heads[len(v.Summary.Heads)-1].Repairs
}

// TestIssue14TruncateCrashes: wherever the system crashes while a journal without its
// beginning is truncated, the program goes on, and the journal is cut off and has the repair,
// or neither.
func TestIssue14TruncateCrashes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		whole := lateNotes(t)
		h, err := journal.ReadStore(whole)
		must(t, err)
		cuts := 0
		for after := h.First(); after < h.Last(); after += 20 {
			d := onDisk(t, whole)
			begun := d.Ops()
			_, err := journal.TruncateStore(d, after)
			must(t, err)
			for n := begun + 1; n <= d.Ops(); n++ {
				for choice, choose := range []func(int) int{waltest.LoseAll, waltest.KeepAll} {
					d := onDisk(t, whole)
					d.CrashAt(n, 3)
					if _, err := journal.TruncateStore(d, after); !errors.Is(err, waltest.ErrCrashed) {
						t.Fatalf("operation %d: %v", n, err)
					}
					d = d.Crash(choose)
					again := driveOn(t, journal.Config{}, d)
					if again.err != nil {
						t.Errorf("after %d, operation %d, choice %d: %v", after, n, choice, again.err)
						continue
					}
					all := seqs(t, d)
					cut := all[len(all)-1] < h.Last()
					if repairs := repairsOf(t, d); cut != (len(repairs) == 1) {
						t.Errorf("after %d, operation %d, choice %d: inputs up to %d, repairs %v", after, n, choice, all[len(all)-1], repairs)
					}
					if cut {
						cuts++
					}
				}
			}
		}
		if cuts == 0 {
			t.Error("no crash was behind the cut")
		}
	})
}

// TestIssue14CutCrashes: wherever the system crashes while a damaged journal is cut off, the
// journal is still damaged, or is cut off and has the repair.
func TestIssue14CutCrashes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		segments := len(toBeDamaged(t).segments)
		for _, segment := range []int{0, segments / 2, segments - 1} {
			damaged := toBeDamaged(t)
			for _, name := range damaged.snapshots {
				must(t, damaged.Remove(name))
			}
			damaged.ruin(damaged.segments[segment])
			cut := advised(t, driveOn(t, journal.Config{}, damaged).err)
			open := func(d *waltest.Disk, cut journal.Cut) error {
				j, err := journal.Config{Cut: cut, Logger: quiet}.OpenStore(d)
				if err != nil {
					return err
				}
				return j.Close()
			}
			before, after := 0, 0
			for n := 1; ; n++ {
				d := onDisk(t, damaged.Memory)
				d.CrashAt(d.Ops()+n, 3)
				if err := open(d, cut); err == nil {
					break
				}
				for choice, choose := range []func(int) int{waltest.LoseAll, waltest.KeepAll} {
					d := d.Crash(choose)
					if err := open(d, journal.Cut{}); err != nil {
						before++
						if advised(t, err) != cut {
							t.Errorf("segment %d, operation %d, choice %d: %v", segment, n, choice, err)
						}
						continue
					}
					after++
					if repairs := repairsOf(t, d); len(repairs) != 1 || repairs[0].Kind != journal.RepairCut || repairs[0].First != cut.Seq {
						t.Errorf("segment %d, operation %d, choice %d: repairs %v", segment, n, choice, repairs)
					}
				}
			}
			if before == 0 || after == 0 {
				t.Errorf("segment %d: %d crashes before the cut, %d behind it", segment, before, after)
			}
		}
	})
}
