package journal_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/go-marketplace/marketplace/journal"
)

// TestInspectRunning: the journal of a running bank can be read and replayed at any
// time. A reader sees all that the bank has handed out until then, and the bank goes
// on. U-18.
func TestInspectRunning(t *testing.T) {
	for _, d := range []journal.Durability{journal.Sync, journal.Batch} {
		t.Run(d.String(), func(t *testing.T) {
			dir := t.TempDir()
			s := newStreet()
			balance := func(h *journal.History) string {
				r, err := h.Record(bank(newStreet()))
				if err != nil {
					return err.Error()
				}
				m, err := r.At(t.Context(), r.Last())
				if err != nil {
					return err.Error()
				}
				for p := range m.Processes() {
					if a, ok := p.State.(account); ok {
						return fmt.Sprint(a)
					}
				}
				return "no account"
			}
			must(t, run(t.Context(), dir, journal.Config{Durability: d}, bank(s), func() {
				defer close(s.slips)
				s.slips <- Slip{"ann", 0}
				var first *journal.History
				for i := 1; i <= 5; i++ {
					s.slips <- Slip{"ann", 1}
					<-s.got
					h, err := journal.Read(dir)
					if err != nil {
						t.Error(err)
						return
					}
					if first == nil {
						first = h
					}
					if got, want := balance(h), fmt.Sprintf("{ann %d}", i); got != want {
						t.Errorf("after %d payments, a reader sees %s, and not %s", i, got, want)
					}
				}
				if got := balance(first); got != "{ann 1}" {
					t.Errorf("a History from after the first payment shows %s later", got)
				}
			}))
			if got := balance(read(t, dir)); got != "{ann 5}" {
				t.Errorf("after the run, a reader sees %s", got)
			}
		})
	}
}

// TestStandby: a copy of the journal of a running bank is enough for another bank to
// go on from that moment. Accounts are there with what they had, and nobody sees an
// absence of them. The first bank goes on as well. U-14, for a whole machine, without
// peers on other nodes.
func TestStandby(t *testing.T) {
	dir, copied := t.TempDir(), filepath.Join(t.TempDir(), "copied")
	s := newStreet()
	must(t, run(t.Context(), dir, journal.Config{}, bank(s), func() {
		defer close(s.slips)
		for _, slip := range []Slip{{"ann", 0}, {"ann", 1}, {"ann", 2}} {
			s.slips <- slip
		}
		<-s.got
		<-s.got
		if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
			t.Error(err)
		}
		s.slips <- Slip{"ann", 4}
		<-s.got
	}))
	other := newStreet()
	must(t, run(t.Context(), copied, journal.Config{}, bank(other), func() {
		defer close(other.slips)
		other.slips <- Slip{"ann", 8}
		<-other.got
	}))
	if got, want := s.seen(), []any{Receipt{"ann", 1}, Receipt{"ann", 3}, Receipt{"ann", 7}}; !slices.Equal(got, want) {
		t.Errorf("the first bank has handed out %v, and not %v", got, want)
	}
	if got, want := other.seen(), []any{Receipt{"ann", 11}}; !slices.Equal(got, want) {
		t.Errorf("the other bank has handed out %v, and not %v", got, want)
	}
	p, err := read(t, copied).Presence()
	must(t, err)
	ann := p.Where(func(i *journal.Interval) bool { return i.Name == "ann" }).Intervals
	if len(ann) != 1 || !ann[0].Still() {
		t.Errorf("the account of ann was present in %d intervals: %+v", len(ann), ann)
	}
}
