package journal_test

import (
	"bytes"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/wal"
)

// advised returns the cut that an error advises.
func advised(t *testing.T, err error) journal.Cut {
	t.Helper()
	if _, damaged := errors.AsType[*wal.DamageError](err); !damaged {
		t.Fatalf("got %v", err)
	}
	_, place, _ := strings.Cut(err.Error(), "(-cut ")
	place, _, _ = strings.Cut(place, ")")
	c, err := journal.ParseCut(place)
	must(t, err)
	return c
}

// seqs returns the numbers of the inputs in a journal.
func seqs(t *testing.T, s wal.Store) (all []uint64) {
	t.Helper()
	h, err := journal.ReadStore(s)
	must(t, err)
	for in, err := range h.Inputs(0) {
		must(t, err)
		all = append(all, in.Seq)
	}
	return all
}

// TestIssue14B1Header: a flipped bit in the header of a segment loses nothing, and Verify
// names it until the program has run.
func TestIssue14B1Header(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for segment := range toBeDamaged(t).segments {
			for _, at := range []int{2, 7, 12, 20, 40} {
				d := toBeDamaged(t)
				before := seqs(t, d)
				if len(before) < 100 {
					t.Fatal(before)
				}
				d.harm(d.segments[segment], at)
				v, err := journal.VerifyStore(d, nil)
				must(t, err)
				if v.Damage != nil || len(v.Log.Headers) != 1 || v.Log.Headers[0].Segment != d.segments[segment] || v.Summary.Last.Seq != before[len(before)-1] {
					t.Fatalf("%s: %+v", d.segments[segment], v)
				}
				if got := seqs(t, d); !slices.Equal(got, before) {
					t.Errorf("inputs %v", got)
				}
				if again := driveOn(t, journal.Config{}, d); again.err != nil {
					t.Fatal(again.err)
				}
				if got := seqs(t, d); !slices.Equal(got[:len(before)], before) {
					t.Errorf("inputs %v", got)
				}
			}
		}
	})
}

// ruin changes both the header of a segment and its first record, so that the header cannot
// be rebuilt.
func (d damaged) ruin(name string) {
	d.harm(name, 20)
	d.harm(name, 48+8)
}

// TestIssue14B1Advice: wherever a journal with snapshots is damaged, the error has the right
// number, with which the journal is cut there and nowhere else; and what was cut off can be
// salvaged.
func TestIssue14B1Advice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for segment := range toBeDamaged(t).segments {
			d := toBeDamaged(t)
			all := seqs(t, d)
			name := d.segments[segment]
			d.ruin(name)
			again := driveOn(t, journal.Config{}, d)
			if again.err == nil {
				continue // a snapshot makes the segment unnecessary
			}
			cut := advised(t, again.err)
			for _, wrong := range []journal.Cut{{Seq: 1, Hash: cut.Hash}, {Seq: cut.Seq + 1, Hash: cut.Hash}, {Seq: cut.Seq, Hash: "00000000"}} {
				if err := driveOn(t, journal.Config{Cut: wrong}, d).err; err == nil || advised(t, err) != cut {
					t.Fatalf("%s: with cut %v, not %v: %v", name, wrong, cut, err)
				}
			}
			if again = driveOn(t, journal.Config{Cut: cut}, d); again.err != nil {
				t.Fatalf("%s: %v", name, again.err)
			}
			if got := seqs(t, d); !slices.Equal(got[:cut.Seq-1], all[:cut.Seq-1]) {
				t.Errorf("%s: inputs %v", name, got)
			}
			saved := map[uint64]bool{}
			for s, err := range journal.SalvageStore(d) {
				must(t, err)
				saved[s.Input.Seq] = true
			}
			lost := 0
			for _, seq := range all {
				if !saved[seq] {
					lost++
				}
			}
			if lost > 3 {
				t.Errorf("%s: %d inputs cannot be salvaged", name, lost)
			}
		}
	})
}

// TestIssue14B1LeftInScript: a cut that was left in a start script does not cut at later
// damage, and on a whole journal there is a warning.
func TestIssue14B1LeftInScript(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := toBeDamaged(t)
		must(t, d.Remove(d.snapshots[1])) // of the end, before which damage would do no harm
		d.ruin(d.segments[len(d.segments)-2])
		cut := advised(t, driveOn(t, journal.Config{}, d).err)
		must(t, driveOn(t, journal.Config{Cut: cut}, d).err)
		var log bytes.Buffer
		must(t, driveOn(t, journal.Config{Cut: cut, Logger: slog.New(slog.NewTextHandler(&log, nil))}, d).err)
		if !strings.Contains(log.String(), "nothing was cut") {
			t.Errorf("no warning: %s", &log)
		}
		names, err := d.List()
		must(t, err)
		names = slices.DeleteFunc(names, func(name string) bool { return !strings.HasSuffix(name, ".journal") })
		slices.Sort(names)
		d.ruin(names[len(names)-2])
		if again := advised(t, driveOn(t, journal.Config{Cut: cut}, d).err); again == cut {
			t.Errorf("the same cut %v", cut)
		}
	})
}

// TestParseCut: only the number of an input with enough of a hash is a cut.
func TestParseCut(t *testing.T) {
	c, err := journal.ParseCut("43@3fa9c1d2")
	if err != nil || c != (journal.Cut{Seq: 43, Hash: "3fa9c1d2"}) || c.String() != "43@3fa9c1d2" {
		t.Errorf("%v, %v", c, err)
	}
	for _, wrong := range []string{"", "1", "43@", "43@3fa9c1", "0@3fa9c1d2", "x@3fa9c1d2", "43@3fa9c1dx", "-1@3fa9c1d2"} {
		if c, err := journal.ParseCut(wrong); err == nil {
			t.Errorf("%q is %v", wrong, c)
		}
	}
}

// TestIssue14B1DroppedAdvice: wherever a journal without its beginning is damaged, the error
// advises a cut only if the program can go on from there, and then it does.
func TestIssue14B1DroppedAdvice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		whole := lateNotes(t)
		names := segmentsOf(t, whole)
		advices, refusals := 0, 0
		check := func(d damaged, what string) {
			err := driveOn(t, journal.Config{}, d).err
			switch {
			case err == nil: // a snapshot makes the segment unnecessary
			case strings.Contains(err.Error(), "-cut"):
				advices++
				if err := driveOn(t, journal.Config{Cut: advised(t, err)}, d).err; err != nil {
					t.Errorf("%s: %v", what, err)
				}
			default:
				refusals++
				if !strings.Contains(err.Error(), "cannot go on") || !strings.Contains(err.Error(), "no snapshot can be used: ") || strings.Contains(err.Error(), "%!") {
					t.Errorf("%s: %v", what, err)
				}
			}
		}
		for _, name := range names {
			d := damaged{Memory: copied(t, whole)}
			d.ruin(name)
			bare := damaged{Memory: copied(t, d.Memory)}
			check(d, name)
			for _, snapshot := range snapshotsOf(t, bare) {
				must(t, bare.Remove(snapshot))
			}
			check(bare, name+", without snapshots")
		}
		d := damaged{Memory: copied(t, whole)}
		for _, name := range names[1:] {
			must(t, d.Remove(name))
		}
		d.ruin(names[0])
		check(d, "the oldest segment alone")
		if advices == 0 || refusals < len(names) {
			t.Errorf("%d advices and %d refusals", advices, refusals)
		}
	})
}

// segmentsOf returns the names of the segments in a store, the oldest first.
func segmentsOf(t *testing.T, s wal.Store) []string {
	t.Helper()
	names, err := s.List()
	must(t, err)
	names = slices.DeleteFunc(names, func(name string) bool { return !strings.HasSuffix(name, ".journal") })
	slices.Sort(names)
	return names
}

// TestIssue14B1NotesCut: the journal has the note that it was cut off, also if the recovery
// behind the cut fails.
func TestIssue14B1NotesCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for segment := range toBeDamaged(t).segments {
			d := toBeDamaged(t)
			for _, name := range d.snapshots {
				must(t, d.Remove(name))
			}
			d.ruin(d.segments[segment])
			cut := advised(t, driveOn(t, journal.Config{}, d).err)
			j, err := journal.Config{Cut: cut, Logger: quiet}.OpenStore(d)
			must(t, err)
			must(t, j.Close())
			must(t, driveOn(t, journal.Config{}, d).err)
			v, err := journal.VerifyStore(d, nil)
			must(t, err)
			repairs := v.Summary.Heads[len(v.Summary.Heads)-1].Repairs
			if v.Damage != nil || len(repairs) != 1 || repairs[0].Kind != journal.RepairCut || repairs[0].First != cut.Seq {
				t.Errorf("%s: %v, repairs %v", d.segments[segment], v.Damage, repairs)
			}
		}
	})
}

// TestIssue14B1Torn: a journal that was only torn, and is opened with a cut, does not say
// that nothing was cut.
func TestIssue14B1Torn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := toBeDamaged(t)
		name := d.segments[len(d.segments)-1]
		must(t, d.Truncate(name, int64(len(d.ReadFile(name))-3)))
		var log bytes.Buffer
		j, err := journal.Config{Cut: journal.Cut{Seq: 3, Hash: "12345678"}, Logger: slog.New(slog.NewTextHandler(&log, nil))}.OpenStore(d)
		must(t, err)
		must(t, j.Close())
		if j.Recovery().Cut == nil || !strings.Contains(log.String(), "it was torn") || strings.Contains(log.String(), "nothing was cut") {
			t.Errorf("the log is %s", &log)
		}
	})
}
