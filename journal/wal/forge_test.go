package wal_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"

	"github.com/go-marketplace/marketplace/journal/wal"
)

// TestForged: a record that was changed together with its hash is found,
// because the next one does not follow from it; and if the segment ends there,
// the next segment does not.
func TestForged(t *testing.T) {
	s := write(t, synced...)
	all := spans(t, s)
	for i, sp := range all[:4] {
		b := s.ReadFile(sp.segment)
		b[sp.start+6] ^= 1
		sum := sha256.Sum256(b[sp.start-16 : sp.end-16])
		copy(b[sp.end-16:], sum[:16])
		c := copyOf(t, s)
		c.WriteFile(sp.segment, b)
		next := all[i+1]
		want := wal.Position{Segment: next.segment, Offset: next.start, Index: next.index}
		if next.segment != sp.segment {
			want.Offset = 0
		}
		wantDamage(t, fmt.Sprintf("record %d forged", sp.index), c, want)
	}
}

// TestHash: a log that is written anew from some record on is intact, but has
// another hash.
func TestHash(t *testing.T) {
	verify := func(steps ...string) wal.Report {
		return must[wal.Report](t)(wal.Verify(write(t, steps...), nil))
	}
	a, b, c := verify("one", "two", "sync"), verify("one", "two", "sync"), verify("ONE", "two", "sync")
	if a.Hash != b.Hash || a.Hash == c.Hash || len(a.Hash.String()) != 32 {
		t.Errorf("hashes are %v, %v and %v", a.Hash, b.Hash, c.Hash)
	}
}

// forge appends a record to what ends with a hash.
func forge(b []byte, synced byte, payload string) []byte {
	start := len(b)
	b = binary.LittleEndian.AppendUint32(b, uint32(1+len(payload)))
	b = append(append(b, synced), payload...)
	sum := sha256.Sum256(b[start-16:])
	return append(b, sum[:16]...)
}

// TestForgedMark: a record that says that later ones are on disk is not one
// that a log has written, and proves nothing.
func TestForgedMark(t *testing.T) {
	s := write(t, "one", "sync", "two", "flush")
	b := s.ReadFile(firstSegment)
	sp := spans(t, s)
	for name, content := range map[string][]byte{
		"next":   forge(bytes.Clone(b), 4, "three"),
		"behind": forge(append(bytes.Clone(b), "torn, and then a hash.."...), 100, "three"),
	} {
		s.WriteFile(firstSegment, content)
		rep := must[wal.Report](t)(wal.Verify(s, nil))
		want := wal.Position{Segment: firstSegment, Offset: sp[1].end, Index: 3}
		if rep.Synced != 1 || rep.Damage == nil || rep.Damage.Position != want || !rep.Ambiguous {
			t.Errorf("%s: report %+v", name, rep)
		}
	}
}

// TestNothingBeforeFirst: record 1 follows from nothing.
func TestNothingBeforeFirst(t *testing.T) {
	s := write(t, "one", "rotate", "two")
	b := s.ReadFile(segmentFile(2))
	b[8] = 1
	sum := sha256.Sum256(append(bytes.Clone(b[:16]), b[32:48]...))
	copy(b[16:32], sum[:16])
	s.WriteFile(firstSegment, b)
	wantDamage(t, "first", s, wal.Position{Segment: firstSegment, Index: 1})
}

// TestVersion: a segment of a format to come is not taken for damage.
func TestVersion(t *testing.T) {
	s := write(t, "one")
	b := s.ReadFile(firstSegment)
	b[7] = 2
	sum := sha256.Sum256(append(bytes.Clone(b[:16]), b[32:48]...))
	copy(b[16:32], sum[:16])
	s.WriteFile(firstSegment, b)
	_, _, err := wal.Open(s, wal.Options{Cut: 1})
	if !errors.Is(err, wal.ErrVersion) {
		t.Errorf("open: %v", err)
	}
	if _, err := wal.Read(s); !errors.Is(err, wal.ErrVersion) {
		t.Errorf("read: %v", err)
	}
}
