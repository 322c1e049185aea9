package journal_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// The texts of a journal are those of the machine: for inputs, in a program that has
// only their encoded values, and for steps, of which the journal keeps the beginning.
func TestWordsOfJournal(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "words.journal")
	long := strings.Repeat("é\n", 20000)
	record(t, dir, journal.Config{Trace: true}, Slip{"ann", 0}, Slip{"ann", 3}, Slip{long, 5}, Slip{"ann", -1})
	h := read(t, dir)
	inputs := map[uint64]string{}
	steps := map[uint64][]string{}
	if _, err := h.Replay(context.Background(), bank(nil), journal.ReplayConfig{Watch: func(n uint64, r *vm.Record) {
		if r.Kind == vm.Entered {
			inputs[n] = r.Input.String()
			return
		}
		s := r.String()
		if cut := 200; len(s) > cut {
			for !utf8.RuneStart(s[cut]) {
				cut--
			}
			s = s[:cut] + "…"
		}
		steps[n] = append(steps[n], s)
	}}); err != nil {
		t.Fatal(err)
	}
	failed := journal.Input{Kind: vm.End, Path: vm.Path{2, 1}, Device: "a\nlamp", Generation: 3, Err: &world.Error{Text: "no\nmore"}}
	if got, want := failed.String(), `end of a\nlamp for 2/1: no\nmore`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	n := 0
	for d, err := range h.Details(1) {
		if err != nil {
			t.Fatal(err)
		}
		if got, want := strings.Join(d.Steps, "\n"), strings.Join(steps[d.Input.Seq], "\n"); got != want {
			t.Errorf("input %d: got\n%s\nwant\n%s", d.Input.Seq, got, want)
		}
		// The fields are in another order.
		got, _, _ := strings.Cut(strings.ReplaceAll(strings.TrimSuffix(d.Input.String(), ", incarnation 1"), "journaltest.", "journal_test."), "{")
		if want, _, _ := strings.Cut(inputs[d.Input.Seq], "{"); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		n += len(d.Steps)
	}
	if n < 20 || len(inputs) < 6 {
		t.Errorf("%d steps of %d inputs", n, len(inputs))
	}
}
