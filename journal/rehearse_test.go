package journal_test

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/journal"
)

// effects returns what a build has done, from an input on, and that input.
func (s *shop) effects(b build, from uint64) (first uint64, all []journal.Effect) {
	s.Helper()
	h, err := journal.ReadStore(s.Store)
	must(s.T, err)
	must(s.T, h.Effects(s.Context(), b.program(newStreet()), from,
		func(f, last uint64) error { first = f; return nil },
		func(e *journal.Effect) error { all = append(all, *e); return nil }))
	return first, all
}

func (s *shop) rehearse(b build, from uint64, recorded []journal.Effect) (journal.Rehearsal, string, error) {
	s.Helper()
	h, err := journal.ReadStore(s.Store)
	must(s.T, err)
	var effects iter.Seq2[journal.Effect, error]
	if recorded != nil {
		effects = func(yield func(journal.Effect, error) bool) {
			for _, e := range recorded {
				if !yield(e, nil) {
					return
				}
			}
		}
	}
	r, err := h.Rehearse(s.Context(), b.program(newStreet()), from, effects)
	var text strings.Builder
	must(s.T, r.Write(&text))
	return r, text.String(), err
}

// TestIssue14Rehearse: a build says what it would do otherwise with the inputs that another has
// had, and leaves the journal as it is.
func TestIssue14Rehearse(t *testing.T) {
	for _, end := range []string{"stop", "kill"} {
		inShop(t, func(s *shop) {
			_, err := s.runs(noFee, journal.Config{}, false, 100, 50)
			must(s.T, err)
			_, err = s.runs(noFee, journal.Config{}, end == "kill", 7)
			must(s.T, err)
			before := files(s)
			first, did := s.effects(noFee, 0)
			if tells := slices.DeleteFunc(slices.Clone(did), func(e journal.Effect) bool { return !strings.HasPrefix(e.Text, "tell ") }); first != 1 || len(tells) != 3 ||
				tells[2].Type != "upgradetest.till" || !tells[2].Command || tells[2].Text != `tell counter "till": journal_test.Receipt{Account: "ann", Balance: 157}` {
				s.Errorf("from input %d: %+v", first, tells)
			}

			r, text, err := s.rehearse(fee, 0, did)
			if err != nil || r.Differences != 3 || r.First != 1 || len(r.Types) != 1 || r.Types[0].Other != 3 {
				s.Errorf("%+v, %v", r, err)
			}
			if want := `    - tell counter "till": journal_test.Receipt{Account: "ann", Balance: 150}
    + tell counter "till": journal_test.Receipt{Account: "ann", Balance: 130}
`; !strings.HasPrefix(text, "upgradetest.till: other commands after 3 inputs\n  input 3: ") || !strings.Contains(text, want) {
				s.Errorf("want %s in\n%s", want, text)
			}
			r, text, err = s.rehearse(renews, 0, did)
			if err != nil || r.Differences != 0 || !strings.HasPrefix(text, "upgradetest.till: no difference in ") {
				s.Errorf("%+v, %v\n%s", r, err, text)
			}

			// From the snapshot that the first stop has left, with another type of states. There the
			// balance is right, and only the last slip counts.
			at := did[len(did)-1].Seq
			first, did = s.effects(noFee, at)
			cents := build{name: "cents", cents: true, knows: true, typed: true}
			if r, _, err = s.rehearse(cents, at, did); err != nil || r.Differences != 0 || r.First != at || first != at {
				s.Errorf("%+v, %v", r, err)
			}
			cents.fee = 1
			if _, text, err = s.rehearse(cents, at, did); err != nil || !strings.Contains(text, "- tell counter \"till\": journal_test.Receipt{Account: \"ann\", Balance: 157}\n") && end == "kill" || end == "kill" && !strings.Contains(text, "Balance: 156}") {
				s.Errorf("%v\n%s", err, text)
			}
			cents.knows = false
			if _, _, err := s.rehearse(cents, at, did); err == nil || !strings.Contains(err.Error(), "upgradetest.till") {
				s.Errorf("a build that does not know the states says %v", err)
			}

			// Without what the other build has done, there are only digests.
			if _, _, err := s.rehearse(renews, 0, nil); err != nil {
				s.Error(err)
			}
			if _, _, err := s.rehearse(fee, 0, nil); !errorsAs[*journal.DivergenceError](err) {
				s.Errorf("the error is %v", err)
			}
			if after := files(s); after != before {
				s.Error("the journal has changed")
			}
			if _, _, err := s.rehearse(fee, 1000, did); err == nil || !strings.Contains(err.Error(), "there is no input 1000") {
				s.Errorf("the error is %v", err)
			}
		})
	}
}

func errorsAs[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// files returns the content of all files of a journal.
func files(s *shop) string {
	names, err := s.List()
	must(s.T, err)
	slices.Sort(names)
	var b strings.Builder
	for _, name := range names {
		c, err := s.Open(name)
		must(s.T, err)
		content := make([]byte, c.Size())
		if _, err := c.ReadAt(content, 0); len(content) > 0 && err != nil {
			s.Fatal(err)
		}
		must(s.T, c.Close())
		fmt.Fprintf(&b, "%s %x\n", name, content)
	}
	return b.String()
}
