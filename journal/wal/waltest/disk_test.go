package waltest_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/journal/wal/waltest"
)

// show returns what is on a disk.
func show(t *testing.T, s wal.Store) string {
	t.Helper()
	names, err := s.List()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, name := range names {
		c, err := s.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(io.NewSectionReader(c, 0, c.Size()))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s=%s ", name, data)
	}
	return b.String()
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func create(t *testing.T, s wal.Store, name, content string) wal.File {
	t.Helper()
	f, err := s.Create(name)
	ok(t, err)
	_, err = f.Write([]byte(content))
	ok(t, err)
	return f
}

// TestCrash: what was synced is there after a crash; what was not is there or
// not, names and content.
func TestCrash(t *testing.T) {
	for name, test := range map[string]struct {
		do         func(t *testing.T, d *waltest.Disk)
		lost, kept string
	}{
		"nothing synced": {func(t *testing.T, d *waltest.Disk) {
			create(t, d, "a", "1")
		}, "", "a=1 "},
		"content synced": {func(t *testing.T, d *waltest.Disk) {
			ok(t, create(t, d, "a", "1").Sync())
		}, "", "a=1 "},
		"name synced": {func(t *testing.T, d *waltest.Disk) {
			create(t, d, "a", "1")
			ok(t, d.SyncDir())
		}, "a= ", "a=1 "},
		"both synced, and more": {func(t *testing.T, d *waltest.Disk) {
			f := create(t, d, "a", "1")
			ok(t, f.Sync())
			ok(t, d.SyncDir())
			_, err := f.Write([]byte("2"))
			ok(t, err)
		}, "a=1 ", "a=12 "},
		"removed": {func(t *testing.T, d *waltest.Disk) {
			ok(t, create(t, d, "a", "1").Sync())
			ok(t, d.SyncDir())
			ok(t, d.Remove("a"))
		}, "a=1 ", ""},
		"renamed": {func(t *testing.T, d *waltest.Disk) {
			ok(t, create(t, d, "a", "1").Sync())
			ok(t, create(t, d, "b", "2").Sync())
			ok(t, d.SyncDir())
			ok(t, d.Rename("a", "b"))
		}, "a=1 b=2 ", "b=1 "},
		"truncated": {func(t *testing.T, d *waltest.Disk) {
			ok(t, create(t, d, "a", "123").Sync())
			ok(t, d.SyncDir())
			ok(t, d.Truncate("a", 1))
		}, "a=123 ", "a=1 "},
	} {
		t.Run(name, func(t *testing.T) {
			d := waltest.NewDisk()
			test.do(t, d)
			if got := show(t, d.Crash(waltest.LoseAll)); got != test.lost {
				t.Errorf("%q is left, want %q", got, test.lost)
			}
			kept := d.Crash(waltest.KeepAll)
			if got := show(t, kept); got != test.kept {
				t.Errorf("%q is kept, want %q", got, test.kept)
			}
			if got := show(t, kept.Crash(waltest.LoseAll)); got != test.kept {
				t.Errorf("%q is left of %q after the next crash", got, test.kept)
			}
			if _, err := d.List(); !errors.Is(err, waltest.ErrCrashed) {
				t.Errorf("the disk works after the crash: %v", err)
			}
		})
	}
}

// TestHoles: of what is not synced, sectors in the middle may be missing.
func TestHoles(t *testing.T) {
	d := waltest.NewDisk()
	f := create(t, d, "a", "synced")
	ok(t, f.Sync())
	ok(t, d.SyncDir())
	_, err := f.Write([]byte(strings.Repeat("x", 10*waltest.Sector)))
	ok(t, err)
	holes := 0
	for seed := range uint64(100) {
		got := show(t, d.Crash(rand.New(rand.NewPCG(seed, 0)).IntN))
		if !strings.HasPrefix(got, "a=synced") {
			t.Fatalf("%q is left", got)
		}
		if strings.Contains(got, "\x00x") {
			holes++
		}
	}
	if holes == 0 {
		t.Error("there was never a hole")
	}
}

// TestFaults: operations fail as planned, and others do not.
func TestFaults(t *testing.T) {
	d := waltest.NewDisk()
	f := create(t, d, "a", "1")
	d.FailNth(waltest.Sync, 2)
	ok(t, f.Sync())
	if err := f.Sync(); !errors.Is(err, waltest.ErrFault) {
		t.Errorf("second sync: %v", err)
	}
	ok(t, f.Sync())
	if got := string(d.Synced("a")); got != "" {
		t.Errorf("%q is synced without a name", got)
	}
	ok(t, d.SyncDir())
	if got := string(d.Synced("a")); got != "1" {
		t.Errorf("%q is synced", got)
	}

	d.Limit(3)
	if n, err := f.Write([]byte("2345")); n != 3 || !errors.Is(err, waltest.ErrFull) {
		t.Errorf("%d bytes written to a disk with room for 3: %v", n, err)
	}
	d.Limit(-1)
	d.Plan(func(op waltest.Op) waltest.Fault {
		if op.Kind == waltest.Write && op.Name == "a" {
			return waltest.Fault{Err: waltest.ErrFault, Written: 1}
		}
		return waltest.Fault{}
	})
	if n, err := f.Write([]byte("56")); n != 1 || !errors.Is(err, waltest.ErrFault) {
		t.Errorf("%d bytes written, want 1: %v", n, err)
	}
	if got := show(t, d); got != "a=12345 " {
		t.Errorf("got %q", got)
	}
	d.CrashAt(d.Ops()+1, 2)
	if n, err := f.Write([]byte("678")); n != 2 || !errors.Is(err, waltest.ErrCrashed) {
		t.Errorf("%d bytes written, want 2: %v", n, err)
	}
	if err := f.Sync(); !errors.Is(err, waltest.ErrCrashed) {
		t.Errorf("sync after the crash: %v", err)
	}
	if got := show(t, d.Crash(waltest.KeepAll)); got != "a=1234567 " {
		t.Errorf("got %q", got)
	}
}

// TestLikeAnyStore: without faults, a disk is a store like any other.
func TestLikeAnyStore(t *testing.T) {
	for name, s := range map[string]wal.Store{
		"disk": waltest.NewDisk(), "memory": wal.NewMemory(), "folder": wal.Dir(t.TempDir()),
	} {
		t.Run(name, func(t *testing.T) {
			f := create(t, s, "a", "123")
			ok(t, f.Close())
			if _, err := s.Create("a"); !errors.Is(err, fs.ErrExist) {
				t.Errorf("created twice: %v", err)
			}
			open, err := s.Open("a")
			ok(t, err)
			ok(t, s.Truncate("a", 2))
			f, err = s.OpenAppend("a")
			ok(t, err)
			_, err = f.Write([]byte("4"))
			ok(t, err)
			ok(t, f.Close())
			if open.Size() != 3 {
				t.Errorf("the size is %d, was 3 when it was opened", open.Size())
			}
			ok(t, open.Close())
			if got := show(t, s); got != "a=124 " {
				t.Errorf("got %q", got)
			}
			ok(t, s.Rename("a", "b"))
			ok(t, s.SyncDir())
			if got := show(t, s); got != "b=124 " {
				t.Errorf("got %q", got)
			}
			ok(t, s.Remove("b"))
			_, opened := s.Open("b")
			_, appended := s.OpenAppend("b")
			for i, err := range []error{opened, appended, s.Remove("b"), s.Rename("b", "c"), s.Truncate("b", 0)} {
				if !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("operation %d on a file that is not there: %v", i, err)
				}
			}
		})
	}
}
