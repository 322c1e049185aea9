package wal_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/journal/wal/waltest"
)

// contentsOf returns the records of a log, and what ends them.
func contentsOf(t *testing.T, s wal.Store) (words string, end error) {
	t.Helper()
	r := must[*wal.Reader](t)(wal.Read(s))
	for rec, err := range r.Records(1) {
		if err != nil {
			return words, err
		}
		words += string(rec.Payload) + " "
	}
	return words, nil
}

// TestIssue14NextSurvives: wherever the machine crashes while a log is cut off and gets next
// records, and again at the next start, the log is as it was, or has them behind the cut.
func TestIssue14NextSurvives(t *testing.T) {
	s := write(t, "one", "two", "rotate", "three", "rotate", "four", "rotate", "five", "sync")
	whole := "one two three four five "
	for name, c := range map[string]struct {
		damaged int // the segment
		options wal.Options
		want    string
	}{
		"after one":      {0, wal.Options{Last: 1}, "one note more "},
		"after three":    {0, wal.Options{Last: 3}, "one two three note more "},
		"at the end":     {0, wal.Options{}, whole + "note more "},
		"damage at one":  {1, wal.Options{Cut: 1}, "note more "},
		"damage at four": {4, wal.Options{Cut: 1}, "one two three note more "},
	} {
		from := copyOf(t, s)
		if c.damaged > 0 {
			b := from.ReadFile(segmentFile(c.damaged))
			b[header+5] ^= 1 // of the first record
			from.WriteFile(segmentFile(c.damaged), b)
		}
		was, _ := contentsOf(t, from)
		c.options.Next = [][]byte{[]byte("note"), []byte("more")}
		check := func(d *waltest.Disk) (done bool) {
			_, _, err := open(t, d)
			damaged := errors.As(err, new(*wal.DamageError))
			got, end := contentsOf(t, d)
			if done = err == nil && end == nil && got == c.want; !done && (got != was || damaged != (c.damaged > 0) || err != nil && !damaged) {
				t.Fatalf("%s: the log is %q, %v, %v", name, got, end, err)
			}
			for _, word := range strings.Fields(was) {
				if all := " " + salvaged(t, d) + " "; !strings.Contains(all, " "+word+" ") {
					t.Fatalf("%s: %q is lost: %q", name, word, all)
				}
			}
			return done
		}
		before, after := 0, 0
		for n := 1; ; n++ {
			d := diskOf(t, from)
			d.CrashAt(d.Ops()+n, 0)
			l, _, err := wal.Open(d, c.options)
			if err == nil {
				l.Abandon()
				d.Plan(nil)
				if !check(d.Crash(waltest.LoseAll)) {
					t.Errorf("%s: the records are not on disk", name)
				}
				break
			}
			for _, fate := range fates(uint64(n)) {
				left := d.Crash(fate)
				if check(left.Crash(waltest.KeepAll)) {
					after++
				} else {
					before++
				}
				for n := 1; ; n++ {
					d := left.Crash(waltest.KeepAll)
					d.CrashAt(d.Ops()+n, 0)
					if _, _, err := open(t, d); !errors.Is(err, waltest.ErrCrashed) {
						break
					}
					check(d.Crash(waltest.LoseAll))
					check(d.Crash(waltest.KeepAll))
				}
			}
		}
		if before == 0 || after == 0 {
			t.Errorf("%s: %d crashes before, %d after", name, before, after)
		}
	}
}

// TestIssue14NextMisfits: a next segment that a crash has left, and that does not follow from
// the log any more, cuts nothing off, and is moved aside.
func TestIssue14NextMisfits(t *testing.T) {
	left := func() *wal.Memory {
		s := write(t, "one", "two", "rotate", "three", "sync")
		name := segmentFile(3) + ".next"
		l, _, err := wal.Open(s, wal.Options{Last: 2, Next: [][]byte{[]byte("note")}})
		ok(t, err)
		ok(t, l.Close())
		next := s.ReadFile(segmentFile(3))
		s = write(t, "one", "two", "rotate", "three", "sync")
		s.WriteFile(name, next)
		return s
	}
	if s := left(); must[*wal.CutOff](t)(wal.Finish(s)) == nil {
		t.Error("a next segment that fits is not used")
	} else {
		wantContents(t, s, "1:one 2:two 3:note ")
	}
	d := diskOf(t, left())
	must[*wal.CutOff](t)(wal.Finish(d))
	if got, err := contentsOf(t, d.Crash(waltest.LoseAll)); got != "one two note " || err != nil {
		t.Errorf("Finish does not wait for the disk: %q, %v", got, err)
	}
	for what, change := range map[string]func(s *wal.Memory){
		"a changed header": func(s *wal.Memory) { flip(s, segmentFile(3)+".next", 20) },
		"another hash": func(s *wal.Memory) {
			other := write(t, "1", "2", "rotate", "3", "sync")
			s.WriteFile(segmentFile(1), other.ReadFile(segmentFile(1)))
			s.WriteFile(segmentFile(3), other.ReadFile(segmentFile(3)))
		},
		"a damaged log":       func(s *wal.Memory) { flip(s, segmentFile(1), header+5) },
		"a shorter log":       func(s *wal.Memory) { ok(t, s.Remove(segmentFile(3))); ok(t, s.Truncate(segmentFile(1), header)) },
		"a dropped beginning": func(s *wal.Memory) { ok(t, s.Remove(segmentFile(1))) },
	} {
		s := left()
		change(s)
		was, end := contentsOf(t, s)
		next := s.ReadFile(segmentFile(3) + ".next")
		cut := must[*wal.CutOff](t)(wal.Finish(s))
		if cut == nil || cut.Reason == "" || len(cut.Aside) != 1 || string(s.ReadFile(cut.Aside[0])) != string(next) {
			t.Errorf("%s: cut %+v", what, cut)
		}
		if got, err := contentsOf(t, s); got != was || (err == nil) != (end == nil) {
			t.Errorf("%s: the log is %q, %v, and was %q, %v", what, got, err, was, end)
		}
		if again := must[*wal.CutOff](t)(wal.Finish(s)); again != nil {
			t.Errorf("%s: cut again %+v", what, again)
		}
	}
}

// flip changes a byte of a file.
func flip(s *wal.Memory, name string, at int) {
	b := s.ReadFile(name)
	b[at] ^= 1
	s.WriteFile(name, b)
}
