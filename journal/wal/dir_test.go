package wal_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/go-marketplace/marketplace/journal/wal"
)

// TestIssue14B9Modes: what a log creates is for its owner alone.
func TestIssue14B9Modes(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no modes")
	}
	path := filepath.Join(t.TempDir(), "parent", "log")
	l := mustOpen(t, wal.Dir(path))
	appendAll(t, l, "a")
	ok(t, l.Rotate())
	ok(t, l.Close())
	f := must[*os.File](t)(os.OpenFile(filepath.Join(path, segmentFile(2)), os.O_WRONLY|os.O_APPEND, 0))
	must[int](t)(f.WriteString("torn"))
	ok(t, f.Close())
	_, r, err := open(t, wal.Dir(path))
	ok(t, err)
	if r.Cut == nil || len(r.Cut.Aside) != 1 {
		t.Fatalf("recovery %+v", r)
	}
	files := 0
	ok(t, filepath.Walk(filepath.Dir(path), func(name string, info os.FileInfo, err error) error {
		want := os.FileMode(0o600)
		if info.IsDir() {
			want = 0o700
		} else {
			files++
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
		return err
	}))
	if files != 4 { // two segments, what was cut off, and the lock
		t.Errorf("%d files", files)
	}
}

// TestIssue14B9RemovedLock: a log is locked also when somebody has removed its lock file.
func TestIssue14B9RemovedLock(t *testing.T) {
	path := t.TempDir()
	mustOpen(t, wal.Dir(path))
	if os.Remove(filepath.Join(path, "lock")) != nil {
		t.Skip("the system does not let anybody remove it")
	}
	if _, _, err := wal.Open(wal.Dir(path), wal.Options{}); !errors.Is(err, wal.ErrLocked) {
		t.Errorf("opened twice: %v", err)
	}
}
