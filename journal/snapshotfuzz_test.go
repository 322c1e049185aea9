package journal_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"runtime"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/wal"
)

const snapshotMagic = "marketplace snapshot 3\n"

// sections are the two parts of a snapshot, without their headers.
func sections(file []byte) (parts [2][]byte) {
	file = file[len(snapshotMagic):]
	for i := range parts {
		n := binary.LittleEndian.Uint64(file)
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
		file = binary.LittleEndian.AppendUint64(file, uint64(len(p)))
		file = append(append(file, sum[:]...), p...)
	}
	return file
}

// sealOf is the seal of a snapshot: what the log has of it.
func sealOf(file []byte) []byte {
	const head = 8 + sha256.Size
	h := sha256.New()
	rest := file[len(snapshotMagic):]
	h.Write(file[:len(file)-len(rest)+head])
	h.Write(rest[head+binary.LittleEndian.Uint64(rest):][:head])
	return h.Sum(nil)[:16]
}

// resealed is a journal with the content of a snapshot, whose log has the seal of that,
// as only somebody can make it who computes all hashes again.
func resealed(t testing.TB, whole *wal.Memory, name string, content []byte) *wal.Memory {
	t.Helper()
	store := wal.NewMemory()
	log, _, err := wal.Open(store, wal.Options{})
	must(t, err)
	add := func(payload []byte) {
		_, err := log.Append(payload)
		must(t, err)
	}
	r, err := wal.Read(whole)
	must(t, err)
	for log.Last() < r.First()-1 { // which are dropped
		add([]byte{1})
	}
	segment := ""
	for rec, err := range r.Records(0) {
		must(t, err)
		if rec.Segment != segment {
			segment = rec.Segment
			must(t, log.Rotate())
		}
		if at := bytes.Index(rec.Payload, []byte(name)); at > 0 {
			rec.Payload = append(bytes.Clone(rec.Payload[:at+len(name)]), sealOf(content)...)
		}
		add(rec.Payload)
	}
	must(t, log.DropBefore(r.First()))
	must(t, log.Close())
	store.WriteFile(name, content)
	return store
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
		store := resealed(t, whole, name, snapshotOf(roll, machine))
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
