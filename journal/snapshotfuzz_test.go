package journal_test

import (
	"crypto/sha256"
	"encoding/binary"
	"runtime"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/wal"
)

const snapshotMagic = "marketplace snapshot\n"

// sections are the two parts of a snapshot, without their headers.
func sections(file []byte) (parts [2][]byte) {
	file = file[len(snapshotMagic):]
	for i := range parts {
		n := binary.BigEndian.Uint64(file)
		file = file[8+sha256.Size:]
		parts[i], file = file[:n], file[n:]
	}
	return parts
}

// snapshotOf is a snapshot of two parts, whose checksums fit.
func snapshotOf(parts ...[]byte) []byte {
	file := []byte(snapshotMagic)
	for _, p := range parts {
		sum := sha256.Sum256(p)
		file = binary.BigEndian.AppendUint64(file, uint64(len(p)))
		file = append(append(file, sum[:]...), p...)
	}
	return file
}

// FuzzSnapshot: with any content of a snapshot, also with right checksums, a journal
// can be read, inspected and continued, or is refused, without a panic, and without
// more memory than its size justifies.
func FuzzSnapshot(f *testing.F) {
	settle := func() { runtime.Gosched() }
	whole := wal.NewMemory()
	var name string
	for name == "" { // until it was written while there was still time
		whole = wal.NewMemory()
		if d := drive(f, journal.Config{SnapshotEvery: 8, SegmentSize: 400, DropOld: true}, whole, manySlips(40), settle); d.err != nil {
			f.Fatal(d.err)
		}
		names, err := whole.List()
		if err != nil {
			f.Fatal(err)
		}
		h, err := journal.ReadStore(whole)
		if err != nil {
			f.Fatal(err)
		}
		for _, n := range names {
			if strings.HasSuffix(n, ".snapshot") && h.First() > 1 {
				parts := sections(whole.ReadFile(n))
				f.Add(parts[0], parts[1])
				name = n
			}
		}
	}
	f.Fuzz(func(t *testing.T, roll, machine []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		store := wal.NewMemory()
		names, err := whole.List()
		must(t, err)
		for _, n := range names {
			if strings.HasSuffix(n, ".journal") {
				store.WriteFile(n, whole.ReadFile(n))
			}
		}
		store.WriteFile(name, snapshotOf(roll, machine))
		h, err := journal.ReadStore(store)
		must(t, err)
		if p, err := h.Presence(); err == nil && len(p.Intervals) > len(roll)+int(h.Last()) {
			t.Errorf("%d intervals", len(p.Intervals))
		}
		s := newStreet()
		program := bank(s)
		program.Types = types(s)
		if r, err := h.Record(program); err == nil {
			_, _ = r.At(t.Context(), r.Last())
		}
		_ = driveOn(t, journal.Config{}, store)
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > 32<<20+uint64(len(roll)+len(machine))<<12 {
			t.Errorf("%d and %d bytes of snapshot have taken %d of memory", len(roll), len(machine), used)
		}
	})
}
