package journal_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/journal/wal/waltest"
)

// A running is a bank that runs with a journal, in a bubble of testing/synctest.
type running struct {
	*street
	journal *journal.Journal
	stop    func() error // waits for the end of the run
}

// open runs a bank.
func open(t *testing.T, s wal.Store, c journal.Config) running {
	t.Helper()
	r := running{street: newStreet()}
	if c.Types == nil {
		c.Types = types(r.street)
	}
	if c.Logger == nil {
		c.Logger = quiet
	}
	var err error
	r.journal, err = c.OpenStore(s)
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- (&ground.Ground{Journal: r.journal}).RunFunc(ctx, bank(r.street).Boot) }()
	r.stop = func() error { cancel(); return <-done }
	synctest.Wait()
	return r
}

// gives gives slips to the bank, and waits until it is at rest.
func (r running) gives(slips ...any) {
	for _, slip := range slips {
		r.slips <- slip
	}
	synctest.Wait()
}

// newestIn returns the number of the last input that the newest snapshot has.
func newestIn(t *testing.T, s wal.Store) (seq uint64) {
	t.Helper()
	v, err := journal.VerifyStore(s, nil)
	must(t, err)
	if v.Damage != nil || len(v.BadSnapshots)+len(v.Unnoted) > 0 {
		t.Errorf("damage %v, bad snapshots %v, snapshots that are not in the log %v", v.Damage, v.BadSnapshots, v.Unnoted)
	}
	if names := snapshotsOf(t, s); len(names) > 0 {
		seq = seqOf(t, names[len(names)-1])
	}
	return seq
}

// seqOf returns the number of the last input that a snapshot has.
func seqOf(t *testing.T, name string) uint64 {
	t.Helper()
	seq, err := strconv.ParseUint(strings.TrimSuffix(name, ".snapshot"), 10, 64)
	must(t, err)
	return seq
}

// TestIssue14SnapshotAtStop: a stop leaves a snapshot of the machine as it was before the
// stop, and the next run replays nothing.
func TestIssue14SnapshotAtStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := wal.NewMemory()
		r := open(t, s, journal.Config{})
		r.gives(Slip{"ann", 0}, Slip{"ann", 5})
		must(t, r.stop())
		at := newestIn(t, s)
		if at != 4 { // a start, the value that opens the counter, and two slips
			t.Fatalf("the snapshot has the inputs up to %d", at)
		}
		replayed := 0
		r = open(t, s, journal.Config{Upcast: func(_ uint64, v any) any { replayed++; return v }})
		if replayed > 0 {
			t.Errorf("%d values were replayed", replayed)
		}
		r.gives(Slip{"ann", 2})
		must(t, r.stop())
		if seen := r.seen(); len(seen) != 1 || seen[0] != (Receipt{"ann", 7}) {
			t.Errorf("receipts %v", seen)
		}
		if next := newestIn(t, s); next <= at {
			t.Errorf("the snapshot of the second run has the inputs up to %d", next)
		}
		newest := newestIn(t, s)
		must(t, open(t, s, journal.Config{SnapshotEvery: -1}).stop())
		if now := newestIn(t, s); now != newest {
			t.Errorf("there is a snapshot of input %d although there should be none", now)
		}
	})
}

// TestIssue14StopsKeepHistory: a program that is stopped often does not lose its history, and
// does not keep all of it.
func TestIssue14StopsKeepHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := wal.NewMemory()
		for range 100 {
			r := open(t, s, journal.Config{SnapshotEvery: 40, SegmentSize: 200, DropOld: true})
			r.gives(Slip{"ann", 0})
			must(t, r.stop())
			h, err := journal.ReadStore(s)
			must(t, err)
			if n := h.Last() - h.First(); n < min(39, h.Last()-1) || n > 140 {
				t.Fatalf("the history goes from %d to %d", h.First(), h.Last())
			}
		}
	})
}

// TestIssue14SnapshotOnRequest: Snapshot takes a snapshot of a machine that is at rest, and
// returns when the log has it.
func TestIssue14SnapshotOnRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := wal.NewMemory()
		r := open(t, s, journal.Config{})
		r.gives(Slip{"ann", 0})
		for range 2 { // the second time, there is one of this input already
			if seq, err := r.journal.Snapshot(t.Context()); seq != 3 || err != nil {
				t.Errorf("a snapshot of input %d, %v", seq, err)
			}
			must(t, r.journal.Sync())
			if at := newestIn(t, s); at != 3 {
				t.Errorf("the snapshot has the inputs up to %d", at)
			}
		}
		r.gives(Slip{"ann", 1})
		if seq, err := r.journal.Snapshot(t.Context()); seq != 4 || err != nil {
			t.Errorf("a snapshot of input %d, %v", seq, err)
		}
		must(t, r.stop())
		if _, err := r.journal.Snapshot(t.Context()); !errors.Is(err, journal.ErrOver) {
			t.Errorf("after the run: %v", err)
		}
		r = open(t, s, journal.Config{Types: []actions.Type{types(newStreet())[0]}, Adopt: true})
		_, err := r.journal.Snapshot(t.Context())
		if err == nil || !strings.Contains(err.Error(), "account") {
			t.Errorf("with an unknown type: %v", err)
		}
		must(t, r.stop())
		r = open(t, wal.NewMemory(), journal.Config{SnapshotEvery: -1})
		if _, err := r.journal.Snapshot(t.Context()); err == nil {
			t.Error("there is a snapshot although there should be none")
		}
		must(t, r.stop())
	})
}

// TestIssue14SnapshotIsSafe: when Snapshot has returned, a crash does not take the snapshot
// away, also if it was taken before, and nobody has waited for it.
func TestIssue14SnapshotIsSafe(t *testing.T) {
	for _, c := range []struct {
		durability journal.Durability
		left       func(int) int
	}{{journal.Sync, waltest.LoseAll}, {journal.Batch, waltest.LoseAll}, {journal.Memory, waltest.KeepAll}} {
		for _, every := range []int{1, 1000} {
			synctest.Test(t, func(t *testing.T) {
				d := waltest.NewDisk()
				r := open(t, d, journal.Config{Durability: c.durability, SnapshotEvery: every})
				r.gives(Slip{"ann", 0})
				seq, err := r.journal.Snapshot(t.Context())
				must(t, err)
				if at := newestIn(t, d.Crash(c.left)); at != seq {
					t.Errorf("%v, every %d: the newest snapshot has the inputs up to %d, and not %d", c.durability, every, at, seq)
				}
				_ = r.stop()
			})
		}
	}
}

// TestIssue14SnapshotAsked: callers of Snapshot that wait when a run ends, or fails to begin,
// get an answer, and so do those whose context is done.
func TestIssue14SnapshotAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := wal.NewMemory()
		j, err := journal.Config{Types: types(newStreet()), Logger: quiet}.OpenStore(s)
		must(t, err)
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errors.New("enough"))
		defer cancel()
		if _, err := j.Snapshot(ctx); err == nil || err.Error() != "enough" {
			t.Errorf("before a run: %v", err)
		}
		asked := make(chan error, 1)
		go func() { _, err := j.Snapshot(t.Context()); asked <- err }()
		synctest.Wait()
		stopped, stop := context.WithCancel(t.Context())
		stop()
		err = (&ground.Ground{Journal: j}).RunFunc(stopped, bank(newStreet()).Boot)
		if got := <-asked; err != nil || got != nil && !errors.Is(got, journal.ErrOver) {
			t.Errorf("run: %v, snapshot: %v", err, got)
		}
	})
}

// TestIssue14SnapshotAfter: there is a snapshot some time after an input, also if no other
// input comes, and none if there was no input.
func TestIssue14SnapshotAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := wal.NewMemory()
		r := open(t, s, journal.Config{SnapshotAfter: time.Minute})
		defer func() { must(t, r.stop()) }()
		at := func(d time.Duration, want uint64) {
			t.Helper()
			time.Sleep(d)
			synctest.Wait()
			must(t, r.journal.Sync())
			if got := newestIn(t, s); got != want {
				t.Errorf("the snapshot has the inputs up to %d, and not %d", got, want)
			}
		}
		at(59*time.Second, 0)
		r.gives(Slip{"ann", 0})
		at(2*time.Second, 3)
		at(time.Hour, 3)
		r.gives(Slip{"ann", 1})
		at(59*time.Second, 3)
		at(2*time.Second, 4)
	})
}

// TestIssue14SnapshotOfFailing: whatever the disk refuses, each caller of Snapshot gets an
// answer, and a snapshot that a caller was promised is there.
func TestIssue14SnapshotOfFailing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for n := 1; n < 60; n++ {
			d := waltest.NewDisk()
			d.Plan(func(op waltest.Op) waltest.Fault {
				if op.N == n {
					return waltest.Fault{Err: waltest.ErrFault, Written: 3}
				}
				return waltest.Fault{}
			})
			s := newStreet()
			j, err := journal.Config{Types: types(s), Logger: quiet}.OpenStore(d)
			if err != nil {
				continue
			}
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			over := make(chan struct{})
			go func() {
				done <- (&ground.Ground{Journal: j}).RunFunc(ctx, bank(s).Boot)
				close(over)
			}()
			var callers sync.WaitGroup
			var promised atomic.Uint64
			for i := range 3 {
				callers.Go(func() {
					for range 4 {
						select {
						case s.slips <- Slip{"ann", i}:
						case <-over:
						}
						if seq, err := j.Snapshot(t.Context()); err == nil {
							promised.Store(max(seq, promised.Load()))
						}
					}
				})
			}
			if n%2 == 0 {
				callers.Wait()
			}
			cancel()
			err = <-done
			callers.Wait()
			j.Close()
			if err != nil {
				continue
			}
			v, err := journal.VerifyStore(d, nil)
			must(t, err)
			at := uint64(0)
			for _, name := range snapshotsOf(t, d) {
				// The disk may have refused one that nobody was promised.
				if !slices.ContainsFunc(v.Unnoted, func(b journal.BadSnapshot) bool { return b.File == name }) {
					at = seqOf(t, name)
				}
			}
			if v.Damage != nil || len(v.BadSnapshots) > 0 || at < promised.Load() {
				t.Errorf("operation %d: the newest snapshot has the inputs up to %d, and not %d; damage %v, bad snapshots %v", n, at, promised.Load(), v.Damage, v.BadSnapshots)
			}
		}
	})
}
