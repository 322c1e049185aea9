package wal_test

import (
	"bytes"
	"testing"

	"github.com/go-marketplace/marketplace/journal/wal"
)

// BenchmarkAppend is the time to append 100 bytes to a log whose store does
// nothing.
func BenchmarkAppend(b *testing.B) {
	l, _, err := wal.Open(discard{wal.NewMemory()}, wal.Options{})
	ok(b, err)
	defer l.Abandon()
	p := bytes.Repeat([]byte("x"), 100)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		if _, err := l.Append(p); err != nil {
			b.Fatal(err)
		}
		if n++; n%1000 == 0 {
			ok(b, l.Flush())
		}
	}
}

// BenchmarkVerify is the time to check a log of 100 MB, in records of 100
// bytes.
func BenchmarkVerify(b *testing.B) {
	s := wal.NewMemory()
	l, _, err := wal.Open(s, wal.Options{})
	ok(b, err)
	p := bytes.Repeat([]byte("x"), 100)
	for range 1_000_000 {
		if _, err := l.Append(p); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(l.SegmentSize())
	ok(b, l.Close())
	for b.Loop() {
		if _, err := wal.Verify(s, nil); err != nil {
			b.Fatal(err)
		}
	}
}
