package journal_test

import (
	"context"
	"testing"

	"github.com/go-marketplace/marketplace/journal"
)

// TestBranchAcrossStarts: a branch goes on where the run was started again.
func TestBranchAcrossStarts(t *testing.T) {
	dir := t.TempDir()
	for incarnation := range 2 {
		s := newStreet()
		ctx, cancel := context.WithCancel(t.Context())
		if err := run(ctx, dir, journal.Config{}, bank(s), func() {
			if incarnation == 0 {
				s.slips <- Slip{"ann", 0}
			}
			s.slips <- Slip{"ann", 1 << incarnation}
			<-s.got
			cancel()
		}); err != nil {
			t.Fatal(err)
		}
	}
	r, err := read(t, dir).Record(bank(newStreet()))
	if err != nil {
		t.Fatal(err)
	}
	b, err := r.Branch(t.Context(), journal.Branch{From: 3, Edit: journal.Drop(4)})
	if err != nil {
		t.Fatal(err)
	}
	c, err := journal.Compare(t.Context(), r, b, 3)
	if err != nil {
		t.Fatal(err)
	}
	const receipt = `tell counter "north" for 2: journal_test.Receipt{Account: "ann", Balance: `
	got := func(all []journal.Command) map[string]bool {
		texts := map[string]bool{}
		for _, c := range all {
			texts[c.Text] = true
		}
		return texts
	}
	if a, b := got(c.OnlyA), got(c.OnlyB); !a[receipt+"1}"] || !a[receipt+"3}"] || !b[receipt+"2}"] {
		t.Errorf("only in the run %v, only in the branch %v", c.OnlyA, c.OnlyB)
	}
}
