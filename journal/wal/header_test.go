package wal_test

import (
	"testing"

	"github.com/go-marketplace/marketplace/journal/wal"
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
