package wal_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/journal/wal"
)

const (
	firstSegment = "00000000000000000001.journal"
	header       = 48 // bytes, of a segment
)

// span is where a record is.
type span struct {
	index      uint64
	segment    string
	start, end int64
}

// copyOf returns a store with the same files.
func copyOf(t testing.TB, m *wal.Memory) *wal.Memory {
	t.Helper()
	c := wal.NewMemory()
	for _, name := range must[[]string](t)(m.List()) {
		c.WriteFile(name, m.ReadFile(name))
	}
	return c
}

// write makes a log: each element is a record, or "sync", "flush", "rotate".
func write(t testing.TB, steps ...string) *wal.Memory {
	t.Helper()
	s := wal.NewMemory()
	l := mustOpen(t, s)
	for _, step := range steps {
		switch step {
		case "sync":
			ok(t, l.Sync())
		case "flush":
			ok(t, l.Flush())
		case "rotate":
			ok(t, l.Rotate())
		default:
			appendAll(t, l, step)
		}
	}
	l.Abandon()
	return s
}

// spans returns where the records of an intact log are.
func spans(t *testing.T, s *wal.Memory) []span {
	t.Helper()
	var all []span
	for rec, err := range must[*wal.Reader](t)(wal.Read(s)).Records(0) {
		ok(t, err)
		b := s.ReadFile(rec.Segment)
		length := int64(binary.LittleEndian.Uint32(b[rec.Offset:]))
		all = append(all, span{rec.Index, rec.Segment, rec.Offset, rec.Offset + 4 + length + 16})
	}
	return all
}

// synced is a log with two segments, of which records 1 to 5 are proven to have
// been on disk by record 6, and nothing proves that of 6 and 7.
var synced = []string{"one", "sync", "two", "three", "rotate", "four", "sync", "five", "sync", "six", "seven", "flush"}

// TestPrefix: of a log that is cut off anywhere, the records that are whole are
// there.
func TestPrefix(t *testing.T) {
	for name, steps := range map[string][]string{
		"synced":     synced,
		"not synced": {"one", "two", "three", "flush"},
	} {
		t.Run(name, func(t *testing.T) {
			s := write(t, steps...)
			all := spans(t, s)
			last := all[len(all)-1].segment
			whole := s.ReadFile(last)
			for n := range len(whole) {
				cut := copyOf(t, s)
				cut.WriteFile(last, whole[:n])
				want, lost := uint64(0), int64(n)
				for _, sp := range all {
					if sp.segment != last || sp.end <= int64(n) {
						want = sp.index
					}
					if sp.segment == last && sp.end <= int64(n) {
						lost = int64(n) - sp.end
					}
				}
				if n >= header && lost == int64(n) {
					lost = int64(n) - header
				}
				intact, _ := contents(t, cut)
				rep := must[wal.Report](t)(wal.Verify(cut, nil))
				if rep.Last != want || rep.Damage != nil && !rep.Ambiguous {
					t.Errorf("cut at %d: report %+v, want %d records", n, rep, want)
				}
				r := mustOpen2(t, cut)
				if r.Last != want {
					t.Errorf("cut at %d: %d records, want %d", n, r.Last, want)
				}
				if lost > 0 && (r.Cut == nil || r.Cut.Bytes != lost || r.Cut.Index != want+1) ||
					lost == 0 && n > 0 && r.Cut != nil {
					t.Errorf("cut at %d: %d bytes lost, but the recovery says %+v", n, lost, r.Cut)
				}
				if got, err := contents(t, cut); err != nil || got != intact {
					t.Errorf("cut at %d: %q after the recovery, %q before: %v", n, got, intact, err)
				}
			}
		})
	}
}

// TestPrefixOfOlder: an older segment that is cut off anywhere is damaged, at
// the record where it ends.
func TestPrefixOfOlder(t *testing.T) {
	s := write(t, synced...)
	all := spans(t, s)
	whole := s.ReadFile(firstSegment)
	for n := range len(whole) {
		cut := copyOf(t, s)
		cut.WriteFile(firstSegment, whole[:n])
		want := wal.Position{Segment: firstSegment, Index: 1}
		if n >= header {
			want.Offset = header
		}
		for _, sp := range all {
			if sp.segment == firstSegment && sp.end <= int64(n) {
				want.Index, want.Offset = sp.index+1, sp.end
			}
		}
		wantDamage(t, fmt.Sprint("cut at ", n), cut, want)
	}
}

// wantDamage checks that Open, Verify and Read find the same damage, and that
// Open has permission to cut it off, but none to cut off more.
func wantDamage(t *testing.T, what string, s *wal.Memory, want wal.Position) {
	t.Helper()
	_, _, err := wal.Open(s, wal.Options{})
	if d := damageOf(t, err); d.Position != want {
		t.Errorf("%s: open: damage at %v, want %v", what, d.Position, want)
	}
	rep := must[wal.Report](t)(wal.Verify(s, nil))
	if rep.Damage == nil || rep.Damage.Position != want || rep.Ambiguous {
		t.Errorf("%s: verify: %+v, damage %v, want %v", what, rep, rep.Damage, want)
	}
	if rep.Synced < want.Index && strings.Contains(rep.Damage.Reason, "on disk") && want.Offset > 0 {
		t.Errorf("%s: damage at %v, but only %d are proven to have been on disk", what, want, rep.Synced)
	}
	before, err := contents(t, s)
	if d := damageOf(t, err); d.Position != want {
		t.Errorf("%s: read: damage at %v, want %v", what, d.Position, want)
	}
	if _, _, err := wal.Open(s, wal.Options{Cut: want.Index + 1}); err == nil {
		t.Errorf("%s: cut off at %v with permission for the next record", what, want)
	}
	s = copyOf(t, s)
	l, r, err := wal.Open(s, wal.Options{Cut: want.Index})
	if err != nil {
		t.Errorf("%s: not cut off: %v", what, err)
		return
	}
	defer l.Abandon()
	if r.Last != want.Index-1 || r.Cut == nil || !r.Cut.Permitted || r.Cut.Position != want {
		t.Errorf("%s: recovery %+v, cut %+v", what, r, r.Cut)
	}
	if after, err := contents(t, s); after != before || err != nil {
		t.Errorf("%s: %q when cut off, %q before: %v", what, after, before, err)
	}
}

// wantRebuilt checks that Verify names a damaged header, that readers read everything
// in spite of it, and that Open makes the log what it was.
func wantRebuilt(t *testing.T, what string, sound, s *wal.Memory, want wal.Position) {
	t.Helper()
	rep := must[wal.Report](t)(wal.Verify(s, nil))
	if len(rep.Headers) != 1 || rep.Headers[0].Position != want || rep.Damage != nil {
		t.Errorf("%s: report %+v, want a header at %v", what, rep, want)
	}
	all, err := contents(t, sound)
	ok(t, err)
	if got, err := contents(t, s); got != all || err != nil {
		t.Errorf("%s: read %q, %v", what, got, err)
	}
	for _, from := range []uint64{0, want.Index} {
		s := copyOf(t, s)
		l, r, err := wal.Open(s, wal.Options{From: from})
		if err != nil || r.Cut != nil || len(r.Headers) != 1 || r.Headers[0].Position != want {
			t.Fatalf("%s: recovery %+v, %v", what, r, err)
		}
		l.Abandon()
		for _, name := range must[[]string](t)(sound.List()) {
			if !bytes.Equal(s.ReadFile(name), sound.ReadFile(name)) {
				t.Errorf("%s: %s is not what it was", what, name)
			}
		}
	}
}

// TestFlip: a byte that has changed, in any way, is found at the record it
// belongs to. A header is rebuilt (issue 14, B1). If the record was on disk for sure, or if nothing was ever synced
// and it is not the last one, the log is refused; else it is cut off there. U-13.
func TestFlip(t *testing.T) {
	for name, test := range map[string]struct {
		steps []string
		proof uint64 // the last record whose change is damage for sure
	}{
		"synced":     {synced, 5},
		"not synced": {[]string{"one", "two", "three", "flush"}, 2},
		"rotated":    {[]string{"one", "two", "rotate", "three", "four", "flush"}, 3},
		"one proof":  {[]string{"one", "sync", "two", "flush"}, 1},
		"empty":      {[]string{"one", "rotate"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := write(t, test.steps...)
			all := spans(t, s)
			for _, file := range must[[]string](t)(s.List()) {
				whole := s.ReadFile(file)
				for at := range len(whole) {
					for _, by := range []byte{1, 2, 4, 8, 16, 32, 64, 128, 255} {
						flipped := bytes.Clone(whole)
						flipped[at] ^= by
						c := copyOf(t, s)
						c.WriteFile(file, flipped)
						what := fmt.Sprintf("byte %d of %s changed by %d", at, file, by)
						want := wal.Position{Segment: file}
						for _, sp := range all {
							if sp.segment == file && want.Index == 0 && (sp.end > int64(at) || at < header) {
								want.Index = sp.index
								if at >= header {
									want.Offset = sp.start
								}
							}
						}
						if want.Index == 0 { // the header of an empty segment
							want.Index = all[len(all)-1].index + 1
						}
						if at < header && len(whole) > header {
							wantRebuilt(t, what, s, c, want)
							continue
						}
						if want.Index <= test.proof {
							wantDamage(t, what, c, want)
							continue
						}
						rep := must[wal.Report](t)(wal.Verify(c, nil))
						if rep.Damage == nil || rep.Damage.Position != want || !rep.Ambiguous ||
							!strings.Contains(rep.Damage.Reason, "cannot be distinguished") {
							t.Errorf("%s: report %+v, damage %v, want %v", what, rep, rep.Damage, want)
						}
						if r := mustOpen2(t, c); r.Cut == nil || r.Cut.Position != want || r.Cut.Permitted {
							t.Errorf("%s: cut %+v, want %v", what, r.Cut, want)
						}
					}
				}
			}
		})
	}
}

// TestSegmentGone: a segment that is missing, or is not the one that belongs
// there.
func TestSegmentGone(t *testing.T) {
	s := write(t, "one", "rotate", "two", "rotate", "three", "rotate", "four", "sync")
	second, third := "00000000000000000002.journal", "00000000000000000003.journal"
	other := write(t, "1", "rotate", "2", "rotate", "3", "rotate", "four", "sync")
	all := spans(t, s)
	for name, test := range map[string]struct {
		change func(c *wal.Memory)
		want   wal.Position
	}{
		"missing":       {func(c *wal.Memory) { ok(t, c.Remove(second)) }, wal.Position{Segment: firstSegment, Offset: all[0].end, Index: 2}},
		"of other log":  {func(c *wal.Memory) { c.WriteFile(second, other.ReadFile(second)) }, wal.Position{Segment: second, Index: 2}},
		"wrong name":    {func(c *wal.Memory) { c.WriteFile(third, c.ReadFile(second)) }, wal.Position{Segment: third, Index: 3}},
		"once more":     {func(c *wal.Memory) { c.WriteFile(segmentFile(5), nil); c.WriteFile(segmentFile(6), nil) }, wal.Position{Segment: segmentFile(5), Index: 5}},
		"overlapping":   {func(c *wal.Memory) { c.WriteFile(second, longer(t)) }, wal.Position{Segment: second, Index: 2}},
		"too far ahead": {func(c *wal.Memory) { c.WriteFile(segmentFile(9), nil) }, wal.Position{Segment: segmentFile(4), Offset: all[3].end, Index: 5}},
	} {
		t.Run(name, func(t *testing.T) {
			c := copyOf(t, s)
			test.change(c)
			wantDamage(t, name, c, test.want)
		})
	}
	t.Run("oldest", func(t *testing.T) { // is like dropped
		c := copyOf(t, s)
		ok(t, c.Remove(firstSegment))
		wantContents(t, c, "2:two 3:three 4:four ")
		ok(t, mustOpen(t, c).Close())
	})
	t.Run("all but an empty one", func(t *testing.T) {
		c := wal.NewMemory()
		c.WriteFile(second, nil)
		for _, o := range []wal.Options{{}, {Cut: 1}, {Cut: 2}} {
			_, _, err := wal.Open(c, o)
			if d := damageOf(t, err); d.Index != 2 {
				t.Errorf("damage at %v", d.Position)
			}
		}
		if rep := must[wal.Report](t)(wal.Verify(c, nil)); rep.Ambiguous {
			t.Errorf("report %+v", rep)
		}
	})
}

func segmentFile(first int) string { return fmt.Sprintf("%020d.journal", first) }

// longer returns a segment with two records, from 2 on.
func longer(t *testing.T) []byte {
	return write(t, "1", "rotate", "2", "3", "sync").ReadFile(segmentFile(2))
}

// TestHole: records that were not synced may be missing in the middle after a
// crash of the system, but only if somebody relies on syncs.
func TestHole(t *testing.T) {
	zero := func(s *wal.Memory, sp span) *wal.Memory {
		b := s.ReadFile(sp.segment)
		clear(b[sp.start:sp.end])
		c := copyOf(t, s)
		c.WriteFile(sp.segment, b)
		return c
	}
	s := write(t, "one", "sync", "two", "three", "four", "flush")
	hole := zero(s, spans(t, s)[1])
	wantContents(t, hole, "1:one ")
	// Record 3 cannot be told to be intact without the hash of 2.
	if r := mustOpen2(t, hole); r.Last != 1 || r.Cut == nil || r.Cut.Intact != 1 {
		t.Errorf("recovery %+v, cut %+v", r, r.Cut)
	}
	s = write(t, "one", "two", "three", "four", "flush")
	sp := spans(t, s)[1]
	wantDamage(t, "hole", zero(s, sp), wal.Position{Segment: sp.segment, Offset: sp.start, Index: 2})
}

// TestSyncedOnceIsEnough: a log that was synced in an earlier life is still one
// whose owner relies on syncs; and what Open has found is on disk.
func TestSyncedOnceIsEnough(t *testing.T) {
	s := write(t, "one", "sync", "two", "three", "flush")
	l := mustOpen(t, s)
	appendAll(t, l, "four", "five", "six")
	ok(t, l.Flush())
	l.Abandon()
	sp := spans(t, s)
	change := func(i int) *wal.Memory {
		b := s.ReadFile(firstSegment)
		b[sp[i].start+6] ^= 1
		c := copyOf(t, s)
		c.WriteFile(firstSegment, b)
		return c
	}
	wantDamage(t, "three", change(2), wal.Position{Segment: firstSegment, Offset: sp[2].start, Index: 3})
	if r := mustOpen2(t, change(4)); r.Last != 4 || r.Cut == nil || r.Cut.Intact != 1 {
		t.Errorf("recovery %+v, cut %+v", r, r.Cut)
	}
}
