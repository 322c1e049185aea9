package journal_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/journal/wal/waltest"
	"github.com/go-marketplace/marketplace/vm"
)

// outline describes a machine: its processes, and their states.
func outline(m *vm.Machine) string {
	var b strings.Builder
	for p := range m.Processes() {
		fmt.Fprintln(&b, p.Path, p.Name, p.State)
	}
	return b.String()
}

// driven is a bank with a journal, driven by hand until the disk fails or there are
// no more slips.
type driven struct {
	m      *vm.Machine
	seq    uint64 // inputs appended
	synced uint64 // of these, those that are safe
	err    error
}

// drive drives a bank. Between inputs it calls pause, in which a snapshot can be
// written.
func drive(t testing.TB, c journal.Config, store wal.Store, slips []any, pause func()) (d driven) {
	t.Helper()
	s := newStreet()
	c.Types, c.Logger = types(s), quiet
	return driveProgram(t, c, store, bank(s), slips, pause)
}

// driveProgram drives a program as drive drives a bank. A slip may also be an input of another
// kind.
func driveProgram(t testing.TB, c journal.Config, store wal.Store, p journal.Program, slips []any, pause func()) (d driven) {
	t.Helper()
	j, err := c.OpenStore(store)
	if err != nil {
		return driven{err: err}
	}
	var start vm.Input
	if d.m, start, d.err = j.Begin(t.Context(), vm.Limits{}, p.Boot); d.err != nil {
		return d
	}
	apply := func(in vm.Input) bool {
		if d.err = j.Append(in); d.err != nil {
			return false
		}
		d.seq++
		d.m.Apply(in)
		var wait bool
		if wait, d.err = j.Commit(d.m); d.err == nil && wait {
			d.err = j.Sync()
		}
		if d.err == nil {
			d.synced = d.seq
		}
		pause()
		return d.err == nil
	}
	if apply(start) {
		for _, slip := range slips {
			// Whatever has been opened again is open under the last number.
			var at *vm.Address
			for p := range d.m.Processes() {
				for _, a := range p.Devices {
					at = a
				}
			}
			in, whole := slip.(vm.Input)
			if !whole {
				in = vm.Input{Kind: vm.Value, Address: at, Value: slip}
			}
			if !apply(in) {
				break
			}
		}
	}
	if err := j.End(d.err); d.err == nil {
		d.err = err
	}
	return d
}

// TestSnapshotCrashes: wherever the system crashes while snapshots are taken and old
// segments dropped, and whatever part of the unsynced data survives, the machine is
// recovered to its state after an input, and no safe input is lost.
func TestSnapshotCrashes(t *testing.T) {
	slips := manySlips(60)
	c := journal.Config{SnapshotEvery: 7, SegmentSize: 600, DropOld: true, CheckEvery: 5}
	// What the machine is after each input, if nothing happens.
	var want []string
	{
		m := vm.Config{}.NewFunc(bank(newStreet()).Boot)
		want = append(want, outline(m))
		m.Apply(vm.Input{Kind: vm.Start, Incarnation: 1})
		want = append(want, outline(m))
		for _, slip := range slips {
			m.Apply(vm.Input{Kind: vm.Value, Address: m.Held(1), Value: slip})
			want = append(want, outline(m))
		}
	}
	synctest.Test(t, func(t *testing.T) {
		whole := waltest.NewDisk()
		if d := drive(t, c, whole, slips, synctest.Wait); d.err != nil {
			t.Fatal(d.err)
		}
		if h, err := journal.ReadStore(whole); err != nil || h.First() == 1 {
			t.Fatalf("nothing was dropped: %v", err)
		}
		step := 1
		if testing.Short() {
			step = 7
		}
		for n := 1; n <= whole.Ops(); n += step {
			for _, left := range []func(int) int{waltest.LoseAll, waltest.KeepAll} {
				// The snapshots are written between inputs: the n-th operation is that of
				// the whole run.
				disk := waltest.NewDisk()
				disk.CrashAt(n, 13)
				d := drive(t, c, disk, slips, synctest.Wait)
				if disk.Ops() < n {
					t.Fatalf("operation %d: the disk has not crashed", n)
				}
				inspect(t, c, n, d, disk.Crash(left), want)
				// They are written whenever it happens, while inputs come.
				disk = waltest.NewDisk()
				disk.CrashAt(n, 13)
				d = drive(t, c, disk, slips, func() {})
				inspect(t, c, n, d, disk.Crash(left), want)
			}
		}
	})
}

// inspect checks a disk after a crash at an operation, and lets a journal go on with
// it.
func inspect(t *testing.T, c journal.Config, op int, d driven, found wal.Store, want []string) {
	t.Helper()
	h, err := journal.ReadStore(found)
	last := uint64(0)
	if err == nil {
		last = h.Last()
	}
	if last < d.synced || last > d.seq {
		t.Fatalf("operation %d: %d inputs are there, of %d, of which %d were safe", op, last, d.seq, d.synced)
	}
	again := driveOn(t, c, found)
	if again.err != nil {
		t.Fatalf("operation %d: %v", op, again.err)
	}
	if got := outline(again.m); got != want[last] {
		t.Fatalf("operation %d: after input %d the machine is\n%s\nand not\n%s", op, last, got, want[last])
	}
}

// driveOn recovers the machine of a journal, and no more.
func driveOn(t testing.TB, c journal.Config, store wal.Store) (d driven) {
	t.Helper()
	s := newStreet()
	c.Types = types(s)
	if c.Logger == nil {
		c.Logger = quiet
	}
	j, err := c.OpenStore(store)
	if err != nil {
		return driven{err: err}
	}
	if d.m, _, d.err = j.Begin(t.Context(), vm.Limits{}, bank(s).Boot); d.err != nil {
		return d
	}
	d.err = j.End(nil)
	return d
}

// TestLostInputs: a snapshot of inputs that were lost is never used for the inputs
// that replaced them.
func TestLostInputs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, keep := range []int{0, 1, 2, 3} { // quarters
			store := wal.NewMemory()
			slips := manySlips(160)
			c := journal.Config{Durability: journal.Memory, SnapshotEvery: 10}
			if d := drive(t, c, store, slips[:80], synctest.Wait); d.err != nil {
				t.Fatal(d.err)
			}
			names, err := store.List()
			must(t, err)
			for _, name := range names {
				if strings.HasSuffix(name, ".journal") {
					b := store.ReadFile(name)
					store.WriteFile(name, b[:len(b)*keep/4])
				}
			}
			store.WriteFile("00000000000000000033.snapshot.part", []byte("half a snap"))
			if d := drive(t, journal.Config{SnapshotEvery: -1}, store, slips[80:], synctest.Wait); d.err != nil {
				t.Fatal(d.err)
			}
			if names, err := store.List(); err != nil || slices.ContainsFunc(names, func(n string) bool { return strings.HasSuffix(n, ".part") }) {
				t.Errorf("%v, %v", names, err)
			}
			h, err := journal.ReadStore(store)
			must(t, err)
			report, err := h.Replay(t.Context(), bank(newStreet()), journal.ReplayConfig{})
			must(t, err)
			again := driveOn(t, c, store)
			must(t, again.err)
			if got, want := outline(again.m), outline(report.State.Machine(nil)); got != want {
				t.Errorf("with %d quarters, the machine is\n%s\nand not\n%s", keep, got, want)
			}
		}
	})
}

// fullDisk is a store without room for snapshots.
type fullDisk struct{ *wal.Memory }

func (s fullDisk) Create(name string) (wal.File, error) {
	f, err := s.Memory.Create(name)
	if err == nil && strings.Contains(name, ".snapshot") {
		f = fullFile{f}
	}
	return f, err
}

type fullFile struct{ wal.File }

func (f fullFile) Write(b []byte) (int, error) {
	n, _ := f.File.Write(b[:len(b)/2])
	return n, waltest.ErrFull
}

// TestNoRoomForSnapshots: snapshots without room on disk leave nothing behind, and do
// no harm.
func TestNoRoomForSnapshots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := fullDisk{wal.NewMemory()}
		if d := drive(t, journal.Config{SnapshotEvery: 5}, store, manySlips(60), synctest.Wait); d.err != nil {
			t.Fatal(d.err)
		}
		names, err := store.List()
		if err != nil || slices.ContainsFunc(names, func(n string) bool { return strings.Contains(n, ".snapshot") }) {
			t.Errorf("%v, %v", names, err)
		}
	})
}

// TestDropLater: a segment that cannot be removed, because somebody reads it, does not end
// the run, and is removed later.
func TestDropLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := waltest.NewDisk()
		failed := 0
		disk.Plan(func(op waltest.Op) waltest.Fault {
			if op.Kind == waltest.Remove && strings.HasSuffix(op.Name, ".journal") && failed < 5 {
				failed++
				return waltest.Fault{Err: waltest.ErrFault}
			}
			return waltest.Fault{}
		})
		must(t, drive(t, journal.Config{SnapshotEvery: 10, SegmentSize: 400, DropOld: true}, disk, manySlips(150), synctest.Wait).err)
		if h, err := journal.ReadStore(disk); err != nil || h.First() < 100 || failed != 5 {
			t.Errorf("the history begins with input %d, after %d failures: %v", h.First(), failed, err)
		}
	})
}
