package wal_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/journal/wal"
)

// TestRecords: reading begins where it is asked to, and ends when nobody wants
// more.
func TestRecords(t *testing.T) {
	s := write(t, "one", "two", "rotate", "three", "rotate", "four", "five", "sync")
	r := must[*wal.Reader](t)(wal.Read(s))
	if r.First() != 1 || r.Last() != 5 {
		t.Errorf("from %d to %d", r.First(), r.Last())
	}
	for from := uint64(0); from <= 7; from++ {
		want := max(from, 1)
		for rec, err := range r.Records(from) {
			ok(t, err)
			if rec.Index != want {
				t.Errorf("from %d: got record %d, want %d", from, rec.Index, want)
			}
			want++
		}
		if want != max(6, from) {
			t.Errorf("from %d: ends before %d", from, want)
		}
	}
	for rec, err := range r.Records(2) {
		ok(t, err)
		if rec.Index != 2 || string(rec.Payload) != "two" || rec.Segment != firstSegment || rec.Offset == 0 {
			t.Errorf("got %+v", rec)
		}
		break
	}
}

// TestReadNothing: where there is no log, there is nothing to read; in an empty
// one, there are no records.
func TestReadNothing(t *testing.T) {
	for name, s := range map[string]wal.Store{
		"no folder": wal.Dir(filepath.Join(t.TempDir(), "none")),
		"no file":   wal.NewMemory(),
	} {
		if _, err := wal.Read(s); !errors.Is(err, wal.ErrNoLog) {
			t.Errorf("read, %s: %v", name, err)
		}
		if _, err := wal.Verify(s, nil); !errors.Is(err, wal.ErrNoLog) {
			t.Errorf("verify, %s: %v", name, err)
		}
	}
	empty := write(t)
	half := wal.NewMemory()
	half.WriteFile(firstSegment, empty.ReadFile(firstSegment)[:20])
	for name, s := range map[string]wal.Store{"empty": empty, "half created": half} {
		r := must[*wal.Reader](t)(wal.Read(s))
		for rec, err := range r.Records(0) {
			t.Errorf("%s: got %v, %v", name, rec, err)
		}
		if r.First() != 1 || r.Last() != 0 {
			t.Errorf("%s: from %d to %d", name, r.First(), r.Last())
		}
	}
}

// TestReadDropped: reading a record that is gone is an error.
func TestReadDropped(t *testing.T) {
	s := wal.NewMemory()
	l := mustOpen(t, s)
	appendAll(t, l, "one")
	ok(t, l.Rotate())
	appendAll(t, l, "two")
	ok(t, l.Rotate())
	old := must[*wal.Reader](t)(wal.Read(s))
	ok(t, l.DropBefore(3))
	for name, r := range map[string]*wal.Reader{"before": old, "after": must[*wal.Reader](t)(wal.Read(s))} {
		n := 0
		for _, err := range r.Records(1) {
			if !errors.Is(err, wal.ErrDropped) {
				t.Errorf("reader made %s: %v", name, err)
			}
			n++
		}
		if n != 1 {
			t.Errorf("reader made %s: %d results", name, n)
		}
	}
}

// TestReadWhileWriting: a reader of a log that is meanwhile written, rotated
// and dropped from sees records without a gap, in the order in which they were
// appended. U-18.
func TestReadWhileWriting(t *testing.T) {
	onStores(t, func(t *testing.T, s wal.Store) {
		l := mustOpen(t, s)
		done := make(chan bool)
		go func() {
			defer close(done)
			for i := uint64(1); i <= 300; i++ {
				_, err := l.Append([]byte(text(i)))
				if err == nil && i%3 == 0 {
					err = l.Flush()
				}
				if err == nil && i%20 == 0 {
					err = l.Rotate()
				}
				if err == nil && i > 200 && i%20 == 10 {
					err = l.DropBefore(i - 100)
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		}()
		for last, running := uint64(0), true; running; {
			select {
			case <-done:
				running = false
			default:
			}
			r := must[*wal.Reader](t)(wal.Read(s))
			next := r.First()
			for rec, err := range r.Records(0) {
				if errors.Is(err, wal.ErrDropped) {
					next = r.Last() + 1
					break
				}
				ok(t, err)
				if rec.Index != next || string(rec.Payload) != text(next) {
					t.Fatalf("got record %d, %q, want %d", rec.Index, rec.Payload, next)
				}
				next++
			}
			if next != r.Last()+1 || r.Last() < last {
				t.Fatalf("read up to %d of %d; it was %d before", next-1, r.Last(), last)
			}
			last = r.Last()
			rep := must[wal.Report](t)(wal.Verify(s, nil))
			if rep.Damage != nil && !rep.Ambiguous {
				t.Fatal(rep.Damage)
			}
		}
	})
}

// TestProgress: Verify reports its progress.
func TestProgress(t *testing.T) {
	big := strings.Repeat("x", 300<<10)
	s := write(t, big, big, big, "rotate", big, "sync")
	var total int64
	for _, name := range must[[]string](t)(s.List()) {
		total += int64(len(s.ReadFile(name)))
	}
	var last int64
	calls := 0
	rep := must[wal.Report](t)(wal.Verify(s, func(done, of int64) {
		if done < last || done > of || of != total {
			t.Errorf("%d bytes of %d, after %d", done, of, last)
		}
		last = done
		calls++
	}))
	if last != total || calls < 4 || rep.Bytes != total {
		t.Errorf("%d calls up to %d of %d; report %+v", calls, last, total, rep)
	}
}

// TestAllocation: a length that is written in a file is not believed before it
// is known to be in the file.
func TestAllocation(t *testing.T) {
	s := write(t, "one", "flush")
	b := s.ReadFile(firstSegment)
	for _, length := range []uint32{1 << 20, 1 << 30, 1<<32 - 1} {
		s.WriteFile(firstSegment, append(binary.LittleEndian.AppendUint32(b, length), "short"...))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r := must[*wal.Reader](t)(wal.Read(s))
		for _, err := range r.Records(0) {
			ok(t, err)
		}
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 64<<10 {
			t.Errorf("length %d: %d bytes of memory for a file of %d", length, n, len(b))
		}
	}
}

// TestSearchIsBounded: a log that makes the search for intact records behind a
// bad one take for ever is refused.
func TestSearchIsBounded(t *testing.T) {
	s := write(t, "one", "sync", "two", "flush")
	b := s.ReadFile(firstSegment)
	b[len(b)-1]++
	// Wherever one looks, there is a length, and it fits.
	const size = 4 << 20
	junk := make([]byte, size)
	for i := range junk {
		junk[i] = byte((i + 1) % 3)
	}
	copy(junk[2<<20:], strings.Repeat("\x00\x00\x10\x00", 1<<10))
	s.WriteFile(firstSegment, append(b, junk...))
	_, _, err := wal.Open(s, wal.Options{})
	d := damageOf(t, err)
	if d.Index != 2 || !strings.Contains(d.Reason, "would take too long") {
		t.Errorf("got %v", d)
	}
}

// FuzzReader: whatever is in the files, reading neither panics nor takes much
// memory, and Open, Read and Verify agree.
func FuzzReader(f *testing.F) {
	whole := write(f, synced...)
	f.Add(whole.ReadFile(firstSegment), whole.ReadFile(segmentFile(4)), uint64(4))
	f.Add([]byte{}, []byte{}, uint64(1))
	f.Add(whole.ReadFile(firstSegment)[:60], whole.ReadFile(segmentFile(4))[:70], uint64(4))
	f.Fuzz(func(t *testing.T, a, b []byte, second uint64) {
		s := wal.NewMemory()
		s.WriteFile(firstSegment, a)
		s.WriteFile(fmt.Sprintf("%020d.journal", second), b)
		rep, err := wal.Verify(s, nil)
		if errors.Is(err, wal.ErrVersion) {
			return
		}
		ok(t, err)
		before, err := contents(t, s)
		var d *wal.DamageError
		if err != nil && !errors.As(err, &d) {
			t.Fatal(err)
		}
		refused := rep.Damage != nil && !rep.Ambiguous
		if (d != nil) != refused || refused && d.Position != rep.Damage.Position {
			t.Errorf("read: %v; verify: %+v", d, rep)
		}
		l, r, err := wal.Open(s, wal.Options{})
		if (err != nil) != refused {
			t.Fatalf("open: %v; verify: %+v", err, rep)
		}
		if err != nil {
			return
		}
		defer l.Abandon()
		if r.Last != rep.Last || r.First != rep.First {
			t.Errorf("open: %+v; verify: %+v", r, rep)
		}
		if after, err := contents(t, s); after != before || err != nil {
			t.Errorf("%q after it was opened, %q before: %v", after, before, err)
		}
	})
}

// TestRecordsAgain: a reader does not read a segment again from its beginning,
// but notices if it has been replaced.
func TestRecordsAgain(t *testing.T) {
	fill := func(s wal.Store, text string) {
		l := mustOpen(t, s)
		for i := range 3000 {
			appendAll(t, l, fmt.Sprintf("%s %d", text, i+1))
		}
		ok(t, l.Close())
	}
	s, other := wal.NewMemory(), wal.NewMemory()
	fill(s, "record")
	fill(other, "another one")
	r := must[*wal.Reader](t)(wal.Read(s))
	look := func(from uint64, text string) {
		t.Helper()
		n := from
		for rec, err := range r.Records(from) {
			ok(t, err)
			if want := fmt.Sprintf("%s %d", text, n); rec.Index != n || string(rec.Payload) != want {
				t.Fatalf("from %d: got record %d, %q, and not %q", from, rec.Index, rec.Payload, want)
			}
			n++
		}
		if n != 3001 {
			t.Errorf("from %d: ends before %d", from, n)
		}
	}
	look(1, "record")
	for _, from := range []uint64{511, 512, 513, 514, 1024, 1025, 2999, 3000} {
		look(from, "record")
	}
	whole := s.ReadFile(firstSegment)
	changed := slices.Clone(whole)
	changed[100] ^= 1
	s.WriteFile(firstSegment, changed)
	look(2000, "record") // what is before it has been read
	var damage *wal.DamageError
	for _, err := range r.Records(1) {
		errors.As(err, &damage)
	}
	if damage == nil {
		t.Error("a reader that begins with the first record does not see that it has changed")
	}
	s.WriteFile(firstSegment, other.ReadFile(firstSegment))
	for rec, err := range r.Records(2000) {
		if ok(t, err); string(rec.Payload) != "another one 2000" {
			t.Errorf("got %q", rec.Payload)
		}
		break
	}
}
