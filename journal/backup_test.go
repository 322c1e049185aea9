package journal_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/vm"
)

// outlines are what the machine of a bank is after each input.
func outlines(slips []any) []string {
	m := vm.Config{}.NewFunc(bank(newStreet()).Boot)
	all := []string{outline(m)}
	m.Apply(vm.Input{Kind: vm.Start, Incarnation: 1})
	all = append(all, outline(m))
	for _, slip := range slips {
		m.Apply(vm.Input{Kind: vm.Value, Address: m.Held(1), Value: slip})
		all = append(all, outline(m))
	}
	return all
}

// TestBackupWhileRunning: a backup of a journal whose program takes snapshots and drops
// what is old at full speed is whole, and the program goes on from it.
func TestBackupWhileRunning(t *testing.T) {
	slips := manySlips(5000)
	want := outlines(slips)
	dir := t.TempDir()
	c := journal.Config{Durability: journal.Batch, SnapshotEvery: 50, SegmentSize: 2000, DropOld: true}
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
	backups, dropped := 0, 0
	for done := false; !done; backups++ {
		select {
		case err := <-result:
			must(t, err)
			done = true // and one backup more
		default:
		}
		to := filepath.Join(t.TempDir(), "backup")
		v, err := journal.Backup(dir, to)
		must(t, err)
		if v, err = journal.Verify(to, nil); err != nil || v.Damage != nil || len(v.BadSnapshots)+len(v.Unnoted)+len(v.Log.Headers) > 0 {
			t.Fatalf("%+v, %v", v, err)
		}
		if v.Summary.First.Seq > 1 {
			dropped++
		}
		again := driveOn(t, journal.Config{}, wal.Dir(to))
		if again.err != nil || outline(again.m) != want[v.Summary.Last.Seq] {
			t.Fatalf("after input %d the machine is\n%s\n%v", v.Summary.Last.Seq, outline(again.m), again.err)
		}
	}
	if dropped == 0 {
		t.Error("nothing was dropped")
	}
	t.Logf("%d backups, %d of them of a journal without its beginning", backups, dropped)
}

// TestBackupWhileDropping: a backup is whole whenever the program drops old segments and
// snapshots.
func TestBackupWhileDropping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		whole, dropped := toBeDropped(t)
		step := 1
		if testing.Short() {
			step = 7
		}
		for n := 1; ; n += step {
			s, to := &droppingStore{copied(t, whole), n, dropped}, wal.NewMemory()
			v, err := journal.BackupStore(to, s)
			must(t, err)
			again := driveOn(t, journal.Config{}, to)
			if v.Damage != nil || again.err != nil || v.Summary.Last.Seq < 100 {
				t.Fatalf("dropped at %d: %+v, %v", n, v, again.err)
			}
			if s.n > 0 {
				return
			}
		}
	})
}

// TestBackupLeavesOut: a backup has no torn record, and no snapshot that the log does not
// have, and says which it has left out.
func TestBackupLeavesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := toBeDamaged(t)
		last := d.segments[len(d.segments)-1]
		must(t, d.Truncate(last, int64(len(d.ReadFile(last))-3)))
		d.WriteFile(d.snapshots[1], toBeDamaged(t).ReadFile(d.snapshots[1])) // of another journal
		d.WriteFile("recovery", nil)
		d.WriteFile(d.segments[3]+".cut", nil)
		to := wal.NewMemory()
		v, err := journal.BackupStore(to, d)
		must(t, err)
		if v.Damage != nil || len(v.BadSnapshots) != 1 || len(v.Summary.Snapshots) != 1 {
			t.Errorf("%+v", v)
		}
		names, err := to.List()
		must(t, err)
		if len(names) != len(d.segments)+1 {
			t.Errorf("the copy has %v", names)
		}
		if v, err = journal.VerifyStore(to, nil); err != nil || v.Damage != nil || len(v.BadSnapshots) > 0 {
			t.Errorf("%+v, %v", v, err)
		}
	})
}

// TestBackupDamaged: a backup of a damaged journal says so, and is there, and a backup
// replaces nothing.
func TestBackupDamaged(t *testing.T) {
	dir := t.TempDir()
	record(t, dir, journal.Config{}, someSlips...)
	names, err := filepath.Glob(filepath.Join(dir, "*.journal"))
	must(t, err)
	b, err := os.ReadFile(names[0])
	must(t, err)
	b[200] ^= 1
	must(t, os.WriteFile(names[0], b, 0o600))
	parent := t.TempDir()
	to := filepath.Join(parent, "backup")
	if _, err := journal.Backup(dir, to); !errors.As(err, new(*wal.DamageError)) {
		t.Errorf("got %v", err)
	}
	if got, err := os.ReadFile(filepath.Join(to, filepath.Base(names[0]))); err != nil || string(got) != string(b) {
		t.Errorf("the copy is not as the journal: %v", err)
	}
	if _, err := journal.Backup(dir, to); !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), to) {
		t.Errorf("got %v", err)
	}
	if _, err := journal.Backup(filepath.Join(parent, "mistyped"), to+"2"); !errors.Is(err, wal.ErrNoLog) || !strings.Contains(err.Error(), "mistyped") {
		t.Errorf("got %v", err)
	}
	if left, err := os.ReadDir(parent); err != nil || len(left) != 1 {
		t.Errorf("%v, %v", left, err)
	}
}
