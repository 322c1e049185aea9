package journal_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/timer"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/vm"
)

// A ledger is goldenBooks with another name.
type ledger struct{ goldenBooks }

// renamed returns actions with handlers for a ledger in the place of those for
// goldenBooks.
func renamed(a actions.Action) actions.Action {
	switch a := a.(type) {
	case actions.Tree:
		var all actions.Tree
		for leaf := range actions.Leaves(a) {
			all = append(all, renamed(leaf))
		}
		return all
	case actions.MetaLevel:
		return actions.AtMeta(renamed(a.Action))
	case actions.AddEndpoint:
		h := *a.Handler
		if run := h.Run; h.State == reflect.TypeFor[goldenBooks]() {
			h.State = reflect.TypeFor[ledger]()
			h.Run = func(state any, ev *actions.Event) (any, actions.Action) {
				next, as := run(state.(ledger).goldenBooks, ev)
				return ledger{next.(goldenBooks)}, as
			}
		}
		a.Handler = &h
		return a
	}
	return a
}

// renamedBank is goldenBank with a ledger.
func renamedBank() journal.Program {
	_, books := goldenBooks{}.process(10).Erase()
	return journal.Booting(
		timer.Driver(),
		actions.Spawn(goldenClerk(goldenCounter{})).Named("clerk"),
		actions.Spawn(vm.Nested(
			timer.Relay("vault"),
			actions.Spawn(actions.Next(ledger{}, renamed(books))).Named("books"),
		)).Named("vault"),
	)
}

// TestTracesOfFormat1: of a trace of format 1, whose sums depend on the names of
// types, a replay compares the digests and the commands. So a program with a renamed
// type passes, and one with another command does not; and the replay says what it has
// not compared.
func TestTracesOfFormat1(t *testing.T) {
	h := read(t, filepath.Join("testdata", "golden", "v1", "trace"))
	report, err := h.Replay(t.Context(), renamedBank(), journal.ReplayConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if report.Seq != h.Last() || report.Traced != 0 || report.States != 0 || report.Old < report.Seq-2 || report.Checks != report.Seq {
		t.Errorf("of %d inputs, %d digests were compared, traces of %d, and of %d only the digests", report.Seq, report.Checks, report.Traced, report.Old)
	}
	_, err = h.Replay(t.Context(), goldenBankPaying(11, nil), journal.ReplayConfig{})
	d, ok := errors.AsType[*journal.DivergenceError](err)
	if !ok || d.Seq != 6 || d.Since != 5 { // there is interest for the first time
		t.Errorf("another interest: %v", err)
	}
}

// goldenStore returns a copy of a golden journal of format 1, and the number of its
// last input.
func goldenStore(t *testing.T, name string) (*wal.Memory, uint64) {
	dir := filepath.Join("testdata", "golden", "v1", name)
	store := wal.NewMemory()
	for _, file := range filesIn(t, dir, ".journal") {
		content, err := os.ReadFile(file)
		must(t, err)
		store.WriteFile(filepath.Base(file), content)
	}
	return store, read(t, dir).Last()
}

// TestFormat1LeavesNothingBehind: the inputs that follow in the current format do not
// depend on the names of types in earlier digests of format 1.
func TestFormat1LeavesNothingBehind(t *testing.T) {
	store, before := goldenStore(t, "trace")
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Hour) // the journal goes so far, in the bubble
		g := beginByHand(t, journal.Config{Durability: journal.Memory, Trace: true, Adopt: true, Logger: quiet}, store, goldenBank)
		g.hand(Deposit{"ed", 5})
		g.stop()
	})
	h, err := journal.ReadStore(store)
	must(t, err)
	report, err := h.Replay(t.Context(), renamedBank(), journal.ReplayConfig{})
	if err != nil || report.Uncompared != before || report.Traced == 0 {
		t.Errorf("%d inputs were not compared, and traces of %d were: %v", report.Uncompared, report.Traced, err)
	}
}

// TestGoOnFromFormat1: a program goes on from a journal of format 1 in the current
// format, and the whole journal can be replayed.
func TestGoOnFromFormat1(t *testing.T) {
	for name, c := range goldenConfigs {
		t.Run(name, func(t *testing.T) {
			store, before := goldenStore(t, name)
			c.Adopt, c.CheckEvery, c.Logger = false, 1, quiet
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Hour) // the journal goes so far, in the bubble
				for range 2 {
					g := beginByHand(t, c, store, goldenBank)
					g.hand(Deposit{"ed", 5})
					g.pass(time.Minute)
					g.crash()
				}
				g := beginByHand(t, c, store, goldenBank)
				g.stop()
			})
			h, err := journal.ReadStore(store)
			must(t, err)
			s, err := h.Summary()
			must(t, err)
			if first, last := s.Heads[0].Format, s.Heads[len(s.Heads)-1].Format; first != 1 || last != 5 {
				t.Errorf("the formats are %d and %d", first, last)
			}
			report, err := h.Replay(t.Context(), goldenBank(nil), journal.ReplayConfig{})
			must(t, err)
			if report.Seq != h.Last() || report.Seq < before+8 || report.LastCheck != report.Seq {
				t.Errorf("of inputs up to %d, those up to %d were replayed, and those up to %d compared", h.Last(), report.Seq, report.LastCheck)
			}
			if (report.Traced > 0) != c.Trace || (report.Old > 0) != c.Trace {
				t.Errorf("traces of %d inputs were compared, and of %d only the digests", report.Traced, report.Old)
			}
			r, err := h.Record(goldenBank(nil))
			must(t, err)
			if m := moment(t, r, r.Last()); m.Digest != report.Digest {
				t.Errorf("the digest at the end is %v, and %v in a replay", m.Digest, report.Digest)
			}
		})
	}
}
