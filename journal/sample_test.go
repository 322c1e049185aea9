package journal_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/topic"
)

// tallies counts slips, and says how many there were to a reader that does nothing with it.
type tallies struct{ Slips, Twice int }

type reader struct{}

type counted struct{ Slips int }

// books is a bank with tallies. A difference of an impure one shows outside nowhere: not in
// commands, and not in the kinds of events and actions.
func books(impureState, impureMessage bool) func(chan any) journal.Program {
	open := func(tallies) actions.Action {
		return endpoint.Subscriber(topic.All[Slip](), endpoint.OnMessageState(func(l tallies, _ Slip) actions.Transition[tallies] {
			l.Slips++
			l.Twice += 2
			said := counted{l.Slips}
			if impureState && l.Slips == 3 {
				l.Twice++
			}
			if impureMessage && l.Slips > 3 {
				said.Slips++
			}
			return actions.Next(l, actions.Send(said))
		}))
	}
	listen := func(reader) actions.Action {
		return endpoint.Subscriber(topic.All[counted](), endpoint.OnMessage(func(counted) actions.Action { return nil }))
	}
	keeper, listener := actions.Define("journaltest.tallies", open), actions.Define("journaltest.reader", listen)
	return func(in chan any) journal.Program {
		s := &street{slips: in, got: make(chan struct{}, 1<<16)}
		counters := actions.Define("journaltest.clerk", func(c clerk) actions.Action {
			return endpoint.Device(counter{c.At, s}, endpoint.OnValue(func(s Slip) actions.Action { return actions.Send(s) }))
		})
		p := journal.Booting(counters.Spawn(clerk{"north"}).Named("clerk"), keeper.Spawn(tallies{}).Named("tallies"), listener.Spawn(reader{}))
		p.Types = []actions.Type{counters.Type, keeper.Type, listener.Type}
		p.Fingerprint = "books@v1"
		return p
	}
}

// keepBooks writes a journal with ten slips, a second apart.
func keepBooks(t *testing.T, c journal.Config) *wal.Memory {
	t.Helper()
	store := wal.NewMemory()
	synctest.Test(t, func(t *testing.T) { keepOn(t, c, store, books(false, false), Slip{"ann", 1}) })
	return store
}

// keepOn lets the books go on, with ten times the same slip, a second apart, in a bubble.
func keepOn(t *testing.T, c journal.Config, store wal.Store, program func(chan any) journal.Program, slip Slip) {
	c.Logger, c.Program, c.Types = quiet, "books@v1", program(nil).Types
	g := beginByHand(t, c, store, program)
	for range 10 {
		g.pass(time.Second)
		g.hand(slip)
	}
	g.stop()
}

// TestIssue14Samples: a replay finds what differs only in messages and states, at the next
// sample. It says in which process, and does not claim to know the input.
func TestIssue14Samples(t *testing.T) {
	store := keepBooks(t, journal.Config{CheckEvery: 5, SnapshotEvery: -1})
	h, err := journal.ReadStore(store)
	must(t, err)
	r, err := h.Replay(t.Context(), books(false, false)(nil), journal.ReplayConfig{})
	if err != nil || r.Samples != 2 || r.SampleStates != 2 || r.Machines != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	for _, test := range []struct {
		state, message bool
		want           string
	}{
		{true, false, "state of journaltest.tallies: journal_test.tallies{Slips: 3, Twice: 7}"},
		{false, true, "journal_test.counted{Slips: 9}"},
	} {
		_, err := h.Replay(t.Context(), books(test.state, test.message)(nil), journal.ReplayConfig{})
		d, _ := errors.AsType[*journal.DivergenceError](err)
		if d == nil || d.Seq%5 != 0 || d.Since != 0 || d.Name != "tallies" || !strings.Contains(d.Recorded, "the journal has only the digest") || !strings.Contains(d.Replayed, test.want) {
			t.Errorf("%+v: want %q in %v", test, test.want, err)
		}
	}
	// Another build may have other types.
	other := books(true, true)(nil)
	other.Fingerprint = "books@v2"
	if r, err = h.Replay(t.Context(), other, journal.ReplayConfig{}); err != nil || r.Samples != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	// A program without types has no states to compare.
	untyped := books(false, true)(nil)
	untyped.Types = nil
	if r, err = h.Replay(t.Context(), untyped, journal.ReplayConfig{}); err != nil || r.Samples != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	for d, err := range h.Details(1) {
		must(t, err)
		if len(d.Steps) > 0 {
			t.Errorf("input %d has steps: %q", d.Input.Seq, d.Steps)
		}
	}
}

// TestIssue14Images: a replay compares the whole machine with each snapshot that was taken. If
// the snapshot is still there, it says what differs.
func TestIssue14Images(t *testing.T) {
	store := keepBooks(t, journal.Config{CheckEvery: 1000, SnapshotEvery: 4})
	h, err := journal.ReadStore(store)
	must(t, err)
	r, err := h.Replay(t.Context(), books(false, false)(nil), journal.ReplayConfig{})
	if err != nil || r.Machines != 3 { // after 4 and 8 inputs, and at the stop
		t.Fatalf("%+v, %v", r, err)
	}
	_, err = h.Replay(t.Context(), books(true, false)(nil), journal.ReplayConfig{})
	d, _ := errors.AsType[*journal.DivergenceError](err)
	if d == nil || d.Since != 4 || d.Seq != 8 || d.Name != "tallies" || d.Recorded != "state journal_test.tallies{Slips: 6, Twice: 12}" || d.Replayed != "state journal_test.tallies{Slips: 6, Twice: 13}" {
		t.Errorf("%+v", d)
	}
	names, err := store.List()
	must(t, err)
	for _, name := range names {
		if strings.HasSuffix(name, ".snapshot") {
			must(t, store.Remove(name))
		}
	}
	_, err = h.Replay(t.Context(), books(true, false)(nil), journal.ReplayConfig{})
	if d, _ := errors.AsType[*journal.DivergenceError](err); d == nil || d.Seq != 8 || !strings.Contains(d.Recorded, "a machine with the digest") {
		t.Errorf("%v", err)
	}
	if r, err := h.Replay(t.Context(), books(false, true)(nil), journal.ReplayConfig{}); err != nil || r.Machines != 3 {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestIssue14SnapshotsBySize: a snapshot that is large waits until the log has grown as much, also
// in the next run.
func TestIssue14SnapshotsBySize(t *testing.T) {
	const mib = 1 << 20
	for _, test := range []struct {
		clerk, slip int    // bytes
		want        uint64 // snapshots in two runs of 12 inputs
	}{
		{100, 10, 6 + 6 + 1},         // after each second input; one more at a stop
		{2 * mib, 10, 1 + 2},         // the first one, whose size nobody knew; and at the stops
		{2 * mib, mib + 1000, 6 + 5}, // after each second slip
	} {
		store := wal.NewMemory()
		s := &street{got: make(chan struct{}, 1<<16)}
		program := func(in chan any) journal.Program {
			if in != nil {
				s.slips = in
			}
			counters := actions.Define("journaltest.clerk", func(c clerk) actions.Action {
				return endpoint.Device(counter{"north", s}, endpoint.OnValue(func(Slip) actions.Action { return nil }))
			})
			p := journal.Booting(counters.Spawn(clerk{strings.Repeat("x", test.clerk)}))
			p.Types, p.Fingerprint = []actions.Type{counters.Type}, "books@v1"
			return p
		}
		synctest.Test(t, func(t *testing.T) {
			for range 2 {
				keepOn(t, journal.Config{SnapshotEvery: 2, CheckEvery: 1000}, store, program, Slip{strings.Repeat("y", test.slip), 1})
			}
		})
		h, err := journal.ReadStore(store)
		must(t, err)
		r, err := h.Replay(t.Context(), program(nil), journal.ReplayConfig{})
		if must(t, err); r.Machines != test.want {
			t.Errorf("%d and %d bytes: %d snapshots, want %d", test.clerk, test.slip, r.Machines, test.want)
		}
	}
}
