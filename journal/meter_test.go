package journal_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/vm"
)

// A slowDisk takes some time to sync.
type slowDisk struct {
	*wal.Memory
	takes time.Duration
}

type slowFile struct {
	wal.File
	disk *slowDisk
}

func (s *slowDisk) Create(name string) (wal.File, error) {
	f, err := s.Memory.Create(name)
	return slowFile{f, s}, err
}

func (s *slowDisk) OpenAppend(name string) (wal.File, error) {
	f, err := s.Memory.OpenAppend(name)
	return slowFile{f, s}, err
}

func (f slowFile) Sync() error {
	time.Sleep(f.disk.takes)
	return f.File.Sync()
}

// TestIssue14Meter: a meter has how long syncs take, what waits for one, the newest snapshot, and
// what the journal takes on disk.
func TestIssue14Meter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m journal.Meter
		if s := m.Stats(); s.Syncs.Count != 0 || s.Input != 0 || !s.SnapshotTime.IsZero() {
			t.Errorf("before the journal is open: %+v", s)
		}
		disk := &slowDisk{Memory: wal.NewMemory()}
		fails := true
		r := open(t, disk, journal.Config{Meter: &m, SegmentSize: 1500, Archive: func(context.Context, journal.File) error {
			if fails {
				fails = false
				return errors.New("not now")
			}
			return nil
		}})
		r.gives(Slip{"ann", 0})
		before := m.Stats()
		disk.takes = 3 * time.Millisecond
		r.slips <- Slip{"ann", 1} // its receipt needs a sync
		time.Sleep(time.Millisecond)
		if s := m.Stats(); s.Backlog != before.Backlog+1 || s.Input != before.Input+1 || s.Bytes <= before.Bytes {
			t.Errorf("while the disk syncs: %+v, and before %+v", s, before)
		}
		time.Sleep(time.Minute)
		s := m.Stats()
		if s.Backlog != 0 || s.Syncs.Count != before.Syncs.Count+1 || s.Syncs.Sum != before.Syncs.Sum+3*time.Millisecond {
			t.Errorf("%+v, and before %+v", s, before)
		}
		for i, b := range s.Syncs.Buckets {
			if more := b.Count - before.Syncs.Buckets[i].Count; (more == 1) != (b.UpTo >= 3*time.Millisecond) {
				t.Errorf("%d syncs are not longer than %v", more, b.UpTo)
			}
		}
		if s.Snapshot != 0 || !s.SnapshotTime.IsZero() || s.Snapshots != 0 {
			t.Errorf("without a snapshot: %+v", s)
		}
		seq, err := r.journal.Snapshot(t.Context())
		must(t, err)
		if s := m.Stats(); s.Snapshot != seq || !s.SnapshotTime.Equal(time.Now().Add(-3*time.Millisecond)) && time.Since(s.SnapshotTime) > 20*time.Millisecond || s.Snapshots != 1 {
			t.Errorf("with a snapshot: %+v", s)
		}
		for range 80 {
			r.gives(Slip{"ann", 1})
			time.Sleep(time.Minute)
		}
		must(t, r.stop())
		s = m.Stats()
		v := sound(t, disk)
		if s.Segments != v.Log.Segments || s.Segments < 3 || s.DiskBytes != diskUse(t, disk.Memory) || s.Snapshots != len(v.Summary.Snapshots) || s.Input != v.Summary.Last.Seq || s.Backlog != 0 {
			t.Errorf("at the end: %+v", s)
		}
		if s.ArchiveFailures != 1 || s.Archived < 2 {
			t.Errorf("%d files are archived, and %d failures", s.Archived, s.ArchiveFailures)
		}
		var again journal.Meter
		time.Sleep(time.Hour)
		r = open(t, disk, journal.Config{Meter: &again})
		if now := again.Stats(); now.Snapshot != s.Snapshot || time.Since(now.SnapshotTime) < time.Hour || time.Since(now.SnapshotTime) > 63*time.Minute || now.Bytes >= s.Bytes {
			t.Errorf("in the next run: %+v", now)
		}
		must(t, r.stop())
		if _, err := json.Marshal(m.Stats()); err != nil { // for expvar
			t.Error(err)
		}
	})
}

// TestIssue14MeterAllocates: an input with a meter allocates no more than one without.
func TestIssue14MeterAllocates(t *testing.T) {
	allocations := func(m *journal.Meter) float64 {
		j, err := journal.Config{Meter: m, Logger: quiet, Durability: journal.Batch, SnapshotEvery: -1}.OpenStore(wal.NewMemory())
		must(t, err)
		machine, start, err := j.Begin(t.Context(), vm.Limits{}, bank(newStreet()).Boot)
		must(t, err)
		must(t, j.Append(start))
		machine.Apply(start)
		in := vm.Input{Kind: vm.Value, Address: machine.Held(1), Value: Slip{"nobody", 1}}
		n := testing.AllocsPerRun(2000, func() {
			must(t, j.Append(in))
			machine.Apply(in)
			_, err := j.Commit(machine)
			must(t, err)
			must(t, j.Sync())
		})
		must(t, j.End(nil))
		return n
	}
	if with, without := allocations(&journal.Meter{}), allocations(nil); with > without {
		t.Errorf("%v allocations with a meter, and %v without", with, without)
	}
}
