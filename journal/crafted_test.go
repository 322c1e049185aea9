package journal_test

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/wal"
)

// crafted returns a journal with these entries behind a head, all of them in one segment.
func crafted(t testing.TB, entries ...[]byte) (s *wal.Memory, size int64) {
	t.Helper()
	s = wal.NewMemory()
	log, _, err := wal.Open(s, wal.Options{})
	must(t, err)
	for _, e := range append([][]byte{craftedHead}, entries...) {
		_, err := log.Append(e)
		must(t, err)
	}
	size = log.SegmentSize()
	must(t, log.Close())
	return s, size
}

// craftedHead is a head of format 2, without a program.
var craftedHead = append([]byte{1, 2}, make([]byte, 7)...)

// craftedInput is a value, or a start, with an address of its own if it is not a start.
func craftedInput(seq uint64, start bool) []byte {
	e := binary.AppendUvarint([]byte{2}, seq)
	e = append(e, 0)
	if start {
		return append(binary.AppendUvarint(append(e, 1, 0), seq), 0, 0, 0, 0)
	}
	e = append(e, 2, 1)
	e = binary.AppendUvarint(e, seq)
	return append(e, 0, 0)
}

// TestIssue14B8Presence: presence takes time and memory in proportion to the journal, also
// where a path is absurdly long.
func TestIssue14B8Presence(t *testing.T) {
	const depth, endpoints = 8000, 8
	var entries [][]byte
	entries = append(entries, craftedInput(1, true))
	for i := range endpoints {
		e := []byte{5, 1, 1}
		e = binary.AppendUvarint(e, depth)
		for range depth {
			e = append(e, 2)
		}
		e = append(e, 0, 0, 1, byte('a'+i), 0, 0)
		entries = append(entries, append(e, make([]byte, 8)...))
	}
	s, size := crafted(t, entries...)
	h, err := journal.ReadStore(s)
	must(t, err)
	begun := time.Now()
	used := allocated(func() {
		p, err := h.Presence()
		must(t, err)
		if len(p.Intervals) != endpoints {
			t.Errorf("%d intervals", len(p.Intervals))
		}
	})
	if per := used / uint64(size); per > 300 || time.Since(begun) > 5*time.Second {
		t.Errorf("%d bytes of memory for each byte, in %v", per, time.Since(begun))
	}
}

func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestIssue14B8Verify: Verify takes little memory, whatever a journal consists of.
func TestIssue14B8Verify(t *testing.T) {
	const n = 40_000
	for name, entry := range map[string]func(i uint64) []byte{
		"heads": func(uint64) []byte { return craftedHead },
		"settings": func(uint64) []byte {
			return slices.Concat([]byte{1, 4}, make([]byte, 25), []byte{100}, make([]byte, 200))
		},
		"starts":    func(i uint64) []byte { return craftedInput(i+1, true) },
		"addresses": func(i uint64) []byte { return craftedInput(i+1, false) },
		"digests":   func(uint64) []byte { return append([]byte{3, 0}, make([]byte, 8)...) },
		"snapshots": func(i uint64) []byte { return append([]byte{6, 0, 5}, fmt.Sprintf("%05d", i)...) },
	} {
		var entries [][]byte
		for i := range uint64(n) {
			entries = append(entries, entry(i))
		}
		s, size := crafted(t, entries...)
		used := allocated(func() {
			v, err := journal.VerifyStore(s, nil)
			must(t, err)
			if v.Damage != nil {
				t.Fatal(v.Damage)
			}
		})
		t.Logf("%s: %d bytes of memory for each of %d bytes", name, used/uint64(size), size)
		if per := used / uint64(size); per > 32 {
			t.Errorf("%s: %d bytes of memory for each byte", name, per)
		}
	}
}

// TestIssue14EmptyRecord: a journal with an empty record, before a snapshot that it does
// not have, is reported as invalid, and does not end the program.
func TestIssue14EmptyRecord(t *testing.T) {
	s, _ := crafted(t, craftedInput(1, true), nil)
	index := binary.LittleEndian.AppendUint64(nil, 99)
	s.WriteFile("00000000000000000001.snapshot", snapshotOf(index, nil))
	v, err := journal.VerifyStore(s, nil)
	must(t, err)
	if len(v.BadSnapshots) != 1 || !strings.Contains(v.BadSnapshots[0].Reason, "record 3 is empty") || v.Damage == nil || v.Damage.Index != 3 {
		t.Errorf("%+v", v)
	}
	if err := driveOn(t, journal.Config{}, s).err; err == nil || !strings.Contains(err.Error(), "record 3") {
		t.Errorf("a program gets %v", err)
	}
}

// TestIssue14TraceEntries: a trace that has many entries takes memory in proportion.
func TestIssue14TraceEntries(t *testing.T) {
	const n = 4000
	entries := [][]byte{craftedInput(1, true)}
	for range n {
		entries = append(entries, append([]byte{4, 1, 1, 0, 0}, make([]byte, 9)...))
	}
	s, size := crafted(t, entries...)
	h, err := journal.ReadStore(s)
	must(t, err)
	used := allocated(func() {
		for d, err := range h.Details(1) {
			must(t, err)
			if len(d.Steps) != n {
				t.Errorf("%d steps", len(d.Steps))
			}
		}
	})
	if per := used / uint64(size); per > 100 {
		t.Errorf("%d bytes of memory for each byte", per)
	}
}
