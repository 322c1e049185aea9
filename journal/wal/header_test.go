package wal_test

import (
	"errors"
	"testing"

	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/journal/wal/waltest"
)

// TestHeaderOfAny: whatever byte of the header of a segment changes, also of the oldest one
// behind dropped ones, and also of one that Open need not read, nothing is lost, and Open
// rebuilds it.
func TestHeaderOfAny(t *testing.T) {
	whole := wal.NewMemory()
	l := mustOpen(t, whole)
	for _, r := range []string{"a", "b", "c", "d"} {
		appendAll(t, l, r, r+r, r+r+r)
		ok(t, l.Rotate())
	}
	ok(t, l.DropBefore(4))
	ok(t, l.Close())
	names := must[[]string](t)(whole.List())
	want, err := contents(t, whole)
	ok(t, err)
	for _, name := range names[:3] {
		for at := range header {
			for _, flip := range []byte{1, 0x80, 0xff} {
				for _, from := range []uint64{0, 12} {
					s := wal.NewMemory()
					for _, n := range names {
						s.WriteFile(n, whole.ReadFile(n))
					}
					b := s.ReadFile(name)
					b[at] ^= flip
					s.WriteFile(name, b)
					if got, err := contents(t, s); err != nil || got != want {
						t.Fatalf("byte %d of %s: %q, %v", at, name, got, err)
					}
					l, r, err := wal.Open(s, wal.Options{From: from})
					if err != nil || r.Cut != nil || len(r.Headers) != 1 || r.Headers[0].Segment != name {
						t.Fatalf("byte %d of %s, from %d: %+v, %v", at, name, from, r, err)
					}
					ok(t, l.Close())
					if got := s.ReadFile(name); string(got) != string(whole.ReadFile(name)) {
						t.Errorf("byte %d of %s, from %d: it is not as it was", at, name, from)
					}
				}
			}
		}
	}
}

// TestRebuildCrashes: wherever the system crashes while headers are rebuilt, nothing is
// lost, and the next Open rebuilds what is left.
func TestRebuildCrashes(t *testing.T) {
	damaged := func() *waltest.Disk {
		d := waltest.NewDisk()
		l := mustOpen(t, d)
		for _, r := range []string{"a", "b", "c"} {
			appendAll(t, l, r, r+r, r+r+r)
			ok(t, l.Rotate())
		}
		ok(t, l.Close())
		for _, n := range must[[]string](t)(d.List())[:2] {
			b := d.Synced(n)
			b[20] ^= 1
			ok(t, d.Remove(n))
			f := must[wal.File](t)(d.Create(n))
			must[int](t)(f.Write(b))
			ok(t, f.Sync())
			ok(t, f.Close())
			ok(t, d.SyncDir())
		}
		return d
	}
	whole := damaged()
	begun := whole.Ops()
	want := must[string](t)(contents(t, whole))
	ok(t, mustOpen(t, whole).Close())
	for n := begun + 1; n <= whole.Ops(); n++ {
		for c, choose := range []func(int) int{waltest.LoseAll, waltest.KeepAll} {
			d := damaged()
			d.CrashAt(n, 7)
			l, _, err := wal.Open(d, wal.Options{})
			if err == nil {
				err = l.Close()
			}
			if !errors.Is(err, waltest.ErrCrashed) {
				t.Fatalf("operation %d: %v", n, err)
			}
			d = d.Crash(choose)
			if got, err := contents(t, d); got != want || err != nil {
				t.Errorf("operation %d, choice %d: %q, %v", n, c, got, err)
			}
			ok(t, mustOpen(t, d).Close())
			rep := must[wal.Report](t)(wal.Verify(d, nil))
			if rep.Damage != nil || len(rep.Headers) > 0 {
				t.Errorf("operation %d, choice %d: %+v", n, c, rep)
			}
		}
	}
}
