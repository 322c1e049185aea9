package journal_test

import (
	"fmt"
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
