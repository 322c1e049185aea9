package journal_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/vm"
)

// A drawer is the state of a process that holds a counter, and counts what is paid in.
type drawer struct{ Sum int }

// A safe is the state of a drawer of a later build. It counts cents.
type safe struct{ Cents int }

// A build is a build of a program with a till.
type build struct {
	name  string
	fee   int  // is taken from each slip
	cents bool // the state is a safe
	knows bool // the way from a drawer to a safe
	typed bool // the till is of a process type
	fails bool // the till fails when its counter ends, as it does in a stop
}

func (b build) program(s *street) journal.Program {
	d := counter{"till", s}
	holds := func(handler endpoint.DeviceHandler) actions.Action {
		if b.fails {
			return endpoint.Device(d, handler, endpoint.OnEnded(func(error) actions.Action { return actions.Fail(errors.New("no counter")) }))
		}
		return endpoint.Device(d, handler)
	}
	p := journal.Program{Fingerprint: b.name}
	var process actions.Process
	if b.cents {
		safes := actions.Define("upgradetest.till", func(safe) actions.Action {
			return holds(endpoint.OnValueState(func(t safe, slip Slip) actions.Transition[safe] {
				t.Cents += 100 * (slip.Amount - b.fee)
				return actions.Next(t, actions.Tell(d, Receipt{slip.Account, t.Cents / 100}))
			}))
		})
		if b.knows {
			safes = actions.Versions(safes, 1, actions.From(0, func(t drawer) (safe, error) { return safe{100 * t.Sum}, nil }))
		}
		p.Types, process = []actions.Type{safes.Type}, safes.Process(safe{})
	} else {
		tills := actions.Define("upgradetest.till", func(drawer) actions.Action {
			return holds(endpoint.OnValueState(func(t drawer, slip Slip) actions.Transition[drawer] {
				t.Sum += slip.Amount - b.fee
				return actions.Next(t, actions.Tell(d, Receipt{slip.Account, t.Sum}))
			}))
		})
		p.Types, process = []actions.Type{tills.Type}, tills.Process(drawer{})
	}
	if !b.typed {
		p.Types = nil
	}
	p.Boot = func(actions.PID) actions.Process { return actions.Stateless(actions.Spawn(process).Named("till")) }
	return p
}

var (
	noFee  = build{name: "no fee", typed: true}
	fee    = build{name: "fee", fee: 10, typed: true}
	renews = build{name: "no fee, built anew", typed: true}
)

// A shop is a store with the journal of a till, in a bubble of testing/synctest.
type shop struct {
	*testing.T
	wal.Store
	log bytes.Buffer // of the journal
}

// runs runs a build for some slips, and returns the receipts. At the end, the run is stopped,
// or the program is killed.
func (s *shop) runs(b build, c journal.Config, kill bool, slips ...int) (receipts []int, err error) {
	s.Helper()
	street := newStreet()
	p := b.program(street)
	s.log.Reset()
	c.Types, c.Program, c.Logger = p.Types, b.name, slog.New(slog.NewTextHandler(&s.log, nil))
	j, err := c.OpenStore(s.Store)
	must(s.T, err)
	ctx, cancel := context.WithCancel(s.Context())
	done := make(chan error, 1)
	go func() { done <- (&ground.Ground{Journal: j}).RunFunc(ctx, p.Boot) }()
	synctest.Wait()
	for _, slip := range slips {
		select {
		case street.slips <- Slip{"ann", slip}:
		case err := <-done:
			cancel()
			return nil, err
		}
		synctest.Wait()
	}
	dead := copied(s.T, s.Store.(*wal.Memory))
	cancel()
	err = <-done
	if kill {
		s.Store = dead
	}
	for _, r := range street.seen() {
		receipts = append(receipts, r.(Receipt).Balance)
	}
	return receipts, err
}

// pays runs a build for some slips, and checks the receipts. Then it stops the build.
func (s *shop) pays(b build, slip, want int) {
	s.Helper()
	if got, err := s.runs(b, journal.Config{}, false, slip); err != nil || len(got) != 1 || got[0] != want {
		s.Errorf("%s: %d gives %v, %v, and not %d", b.name, slip, got, err, want)
	}
}

// replays replays the journal with a build, and checks which stretches it has replayed.
func (s *shop) replays(b build, others string) {
	s.Helper()
	h, err := journal.ReadStore(s.Store)
	must(s.T, err)
	report, err := h.Replay(s.Context(), b.program(newStreet()), journal.ReplayConfig{})
	var not []string
	for _, o := range report.Others {
		not = append(not, strings.Join(o.Programs, ", "))
	}
	if got := strings.Join(not, "; "); err != nil || got != others {
		s.Errorf("%s: a replay leaves out %q, and not %q: %v", b.name, got, others, err)
	}
	r, err := h.Record(b.program(newStreet()))
	must(s.T, err)
	for seq := r.First(); seq <= r.Last(); seq++ {
		if _, err := r.At(s.Context(), seq); err != nil {
			s.Errorf("%s, after input %d: %v", b.name, seq, err)
		}
	}
}

func inShop(t *testing.T, f func(s *shop)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(&shop{T: t, Store: wal.NewMemory()}) })
}

// TestIssue14UpgradeIsProspective: after a stop, another build goes on from the state that the
// build before has left, and lives through nothing again; so does the build before when it
// comes back. Each stretch is replayed by the build that has written it.
func TestIssue14UpgradeIsProspective(t *testing.T) {
	inShop(t, func(s *shop) {
		s.pays(noFee, 200, 200)
		s.pays(fee, 100, 290)
		if log := s.log.String(); !strings.Contains(log, "another build of the program goes on") || !strings.Contains(log, `was="no fee" is=fee`) {
			s.Errorf("the log says %s", log)
		}
		s.pays(fee, 10, 290)
		if log := s.log.String(); strings.Contains(log, "another build") {
			s.Errorf("the log says %s", log)
		}
		s.pays(noFee, 1, 291)
		s.replays(noFee, "fee")
		s.replays(fee, "no fee; no fee")
		s.replays(renews, "no fee; fee")
		h, err := journal.ReadStore(s.Store)
		must(s.T, err)
		all := h.Stretches()
		if len(all) != 3 || all[0].Base != 0 || all[0].First != 1 || all[2].Last != h.Last() {
			s.Fatalf("stretches %+v", all)
		}
		for i, next := range all[1:] {
			if before := all[i]; next.First != before.Last+1 || next.Base < before.First || next.Base > before.Last || next.Adopts {
				s.Errorf("stretches %+v", all)
			}
		}
	})
}

// TestIssue14UpgradeAfterCrash: after a crash, another build lives through the inputs behind
// the newest snapshot. If it does the same, it goes on. If not, nothing happens, and the error
// says what the choices are; both of them work.
func TestIssue14UpgradeAfterCrash(t *testing.T) {
	crashed := func(s *shop) {
		s.pays(noFee, 100, 100)
		if got, err := s.runs(noFee, journal.Config{}, true, 60, 40); err != nil || fmt.Sprint(got) != "[160 200]" {
			s.Fatal(got, err)
		}
	}
	inShop(t, func(s *shop) { // the same
		crashed(s)
		s.pays(renews, 1, 201)
		s.replays(renews, "no fee")
	})
	inShop(t, func(s *shop) {
		crashed(s)
		before := fmt.Sprint(seqs(s.T, s.Store))
		for range 2 {
			_, err := s.runs(fee, journal.Config{}, false, 1)
			change, ok := errors.AsType[*journal.ChangeError](err)
			if !ok || change.Was != "no fee" || change.Is != "fee" || change.Snapshot != 3 || change.Last != 9 || change.Unsaved != nil || !errors.As(err, new(*journal.DivergenceError)) ||
				!strings.Contains(err.Error(), "-settle") || !strings.Contains(err.Error(), "-adopt") {
				s.Fatalf("got %v", err)
			}
			if after := fmt.Sprint(seqs(s.T, s.Store)); after != before {
				s.Errorf("the inputs are %s, and were %s", after, before)
			}
		}
		for range 2 { // the second time, there is a snapshot already
			seq, err := journal.Config{Logger: quiet, Program: "no fee"}.SettleStore(s.Context(), s.Store, noFee.program(newStreet()))
			if seq != 9 || err != nil {
				s.Fatal(seq, err)
			}
		}
		s.pays(fee, 100, 290)
		s.replays(noFee, "fee")
		s.replays(fee, "no fee")
	})
	inShop(t, func(s *shop) {
		crashed(s)
		// It takes the fee from the two slips behind the snapshot, too.
		if got, err := s.runs(fee, journal.Config{Adopt: true}, true, 100); err != nil || fmt.Sprint(got) != "[270]" {
			s.Fatal(got, err)
		}
		if got, err := s.runs(fee, journal.Config{}, false, 30); err != nil || fmt.Sprint(got) != "[290]" {
			s.Fatal(got, err)
		}
		s.replays(fee, "no fee")
		s.replays(noFee, "fee")
	})
}

// TestIssue14UpgradeWithoutSnapshots: without a snapshot, another build lives through the
// whole history, and goes on if it does the same. If not, and there can be no snapshot, the
// error says why.
func TestIssue14UpgradeWithoutSnapshots(t *testing.T) {
	untyped := func(b build) build { b.typed = false; return b }
	inShop(t, func(s *shop) {
		s.pays(untyped(noFee), 200, 200)
		s.pays(untyped(renews), 1, 201)
		h, err := journal.ReadStore(s.Store)
		must(s.T, err)
		if all := h.Stretches(); len(all) != 1 || fmt.Sprint(all[0].Programs) != "[no fee no fee, built anew]" {
			s.Errorf("stretches %+v", all)
		}
		s.replays(untyped(noFee), "")
		_, err = s.runs(untyped(fee), journal.Config{}, false, 100)
		change, ok := errors.AsType[*journal.ChangeError](err)
		if !ok || change.Snapshot != 0 || change.Unsaved == nil || strings.Contains(err.Error(), "-settle") || !strings.Contains(err.Error(), "no process types") {
			s.Errorf("got %v", err)
		}
	})
	inShop(t, func(s *shop) { // killed before its first snapshot
		if _, err := s.runs(noFee, journal.Config{}, true, 200); err != nil {
			s.Fatal(err)
		}
		if _, err := s.runs(fee, journal.Config{}, false, 100); !errors.As(err, new(*journal.ChangeError)) || !strings.Contains(err.Error(), "-settle") {
			s.Errorf("got %v", err)
		}
		_, err := journal.Config{Logger: quiet, Program: "no fee"}.SettleStore(s.Context(), s.Store, noFee.program(newStreet()))
		must(s.T, err)
		s.pays(fee, 100, 290)
	})
}

// TestIssue14UpgradeOfStates: a build whose states differ goes on from a snapshot if it says
// how to bring them up to date. Otherwise nothing happens, and the error names the process and
// its type; so does the build before when it comes back.
func TestIssue14UpgradeOfStates(t *testing.T) {
	cents := build{name: "cents", cents: true, typed: true}
	knows := cents
	knows.name, knows.knows = "cents, and knows", true
	inShop(t, func(s *shop) {
		s.pays(noFee, 200, 200)
		_, err := s.runs(cents, journal.Config{}, false, 1)
		if !errors.As(err, new(*journal.ChangeError)) || !strings.Contains(err.Error(), `process 2 till: its state, of type "upgradetest.till", cannot be decoded`) || !strings.Contains(err.Error(), "Sum") || !strings.Contains(err.Error(), "actions.Versions") {
			s.Fatalf("got %v", err)
		}
		s.pays(knows, 50, 250)
		s.pays(knows, 50, 300)
		s.replays(knows, "no fee")
		s.replays(noFee, "cents, and knows")
		_, err = s.runs(noFee, journal.Config{}, false, 1)
		if !errors.As(err, new(*journal.ChangeError)) || !strings.Contains(err.Error(), "it is of version 1, and this program knows versions up to 0") {
			s.Fatalf("got %v", err)
		}
	})
}

// TestIssue14AdopterWithoutInputs: a build that has adopted a journal, and has crashed before
// its first input, has left nothing to any other build.
func TestIssue14AdopterWithoutInputs(t *testing.T) {
	inShop(t, func(s *shop) {
		if _, err := s.runs(noFee, journal.Config{}, true, 100); err != nil {
			s.Fatal(err)
		}
		adopts := func() {
			j, err := journal.Config{Program: "fee", Adopt: true, Logger: quiet}.OpenStore(s.Store)
			must(s.T, err)
			_, _, err = j.Begin(s.Context(), vm.Limits{}, fee.program(newStreet()).Boot)
			must(s.T, errors.Join(err, j.Sync(), j.End(errors.New("crash"))))
		}
		adopts()
		_, err := s.runs(build{name: "high fee", fee: 30, typed: true}, journal.Config{}, false, 1)
		if change, ok := errors.AsType[*journal.ChangeError](err); !ok || change.Was != "no fee" {
			s.Errorf("got %v", err)
		}
		s.pays(noFee, 1, 101)
		adopts()
		s.pays(renews, 1, 102)
		s.replays(noFee, "no fee, built anew")
		s.replays(renews, "no fee")
	})
}

// TestIssue14SettleAgain: a snapshot that is taken once more, because an earlier one of the
// same input is gone, can be used, although the log has the hash of the earlier one as well.
func TestIssue14SettleAgain(t *testing.T) {
	inShop(t, func(s *shop) {
		run := func(c journal.Config, kill bool, slips ...int) {
			c.SegmentSize = 1 // so that a head is between the input and the stop
			if _, err := s.runs(noFee, c, kill, slips...); err != nil {
				s.Fatal(err)
			}
		}
		run(journal.Config{}, true)
		_, err := journal.TruncateStore(s.Store, 1)
		must(s.T, err)
		run(journal.Config{}, false, 200) // leaves a snapshot, of input 4
		run(journal.Config{SnapshotEvery: 1}, true, 1, 1, 1)
		_, err = journal.TruncateStore(s.Store, 6)
		must(s.T, err)
		if left := snapshotsOf(s.T, s.Store); len(left) > 0 {
			s.Fatal(left)
		}
		seq, err := journal.Config{Logger: quiet, Program: noFee.name}.SettleStore(s.Context(), s.Store, noFee.program(newStreet()))
		if seq != 4 || err != nil {
			s.Fatal(seq, err)
		}
		s.pays(fee, 100, 290)
	})
}

// TestIssue14TruncatedAdoption: a journal that is cut off where a build has adopted it is not
// adopted by the build that comes next.
func TestIssue14TruncatedAdoption(t *testing.T) {
	inShop(t, func(s *shop) {
		run := func(b build, c journal.Config, slips ...int) {
			c.SegmentSize = 500
			if _, err := s.runs(b, c, false, slips...); err != nil {
				s.Fatal(err)
			}
		}
		truncate := func() {
			_, err := journal.TruncateStore(s.Store, 3)
			must(s.T, err)
		}
		run(renews, journal.Config{SnapshotEvery: 1000}, 1, 1)
		truncate()
		run(noFee, journal.Config{SnapshotEvery: 3, Adopt: true}, 1)
		run(fee, journal.Config{SnapshotEvery: 3}, 1, 1, 1)
		truncate()
		_, err := journal.Config{Logger: quiet, Program: noFee.name}.SettleStore(s.Context(), s.Store, noFee.program(newStreet()))
		if err == nil || !strings.Contains(err.Error(), "has had no inputs") {
			s.Errorf("settle: %v", err)
		}
		run(renews, journal.Config{SnapshotEvery: 3, DropOld: true}, 1, 1)
		s.replays(renews, "")
	})
}

// TestIssue14UpgradeLaw: whatever builds follow each other, with stops and kills, each input
// counts as the build took it that was there; each build replays its stretches.
func TestIssue14UpgradeLaw(t *testing.T) {
	type run struct {
		build build
		slips []int
		kill  bool
		every int // inputs between two snapshots
	}
	rapid.Check(t, func(r *rapid.T) {
		builds := []build{noFee, fee, {name: "high fee", fee: 30, typed: true}, {name: "cents", fee: 7, typed: true, cents: true, knows: true}}
		var runs []run
		for range rapid.IntRange(1, 8).Draw(r, "runs") {
			runs = append(runs, run{
				rapid.SampledFrom(builds[:3]).Draw(r, "build"), rapid.SliceOfN(rapid.IntRange(1, 100), 0, 6).Draw(r, "slips"),
				rapid.Bool().Draw(r, "kill"), rapid.SampledFrom([]int{1, 2, 3, 1000}).Draw(r, "every"),
			})
		}
		if rapid.Bool().Draw(r, "cents") { // there is no way back
			for i := rapid.IntRange(0, len(runs)-1).Draw(r, "from"); i < len(runs); i++ {
				runs[i].build = builds[3]
			}
		}
		inShop(t, func(s *shop) {
			var before build
			killed, sum := false, 0
			for i, run := range runs {
				if killed && run.build != before {
					_, err := journal.Config{Logger: quiet, Program: before.name}.SettleStore(s.Context(), s.Store, before.program(newStreet()))
					must(s.T, err)
				}
				var want []int
				for _, slip := range run.slips {
					sum += slip - run.build.fee
					want = append(want, sum)
				}
				got, err := s.runs(run.build, journal.Config{SnapshotEvery: run.every, CheckEvery: 2}, run.kill, run.slips...)
				if err != nil || !slices.Equal(got, want) {
					s.Fatalf("run %d: receipts %v, and not %v: %v", i, got, want, err)
				}
				before, killed = run.build, run.kill
			}
			h, err := journal.ReadStore(s.Store)
			must(s.T, err)
			inputs := 0
			for _, b := range builds {
				if !slices.ContainsFunc(h.Stretches(), func(o journal.Stretch) bool { return o.By(b.name) }) {
					continue
				}
				report, err := h.Replay(s.Context(), b.program(newStreet()), journal.ReplayConfig{})
				must(s.T, err)
				for _, st := range h.Stretches() {
					if st.By(b.name) {
						inputs += int(st.Last - st.First + 1)
						if report.LastCheck < st.Last-1 && !slices.ContainsFunc(h.Stretches(), func(o journal.Stretch) bool { return o.By(b.name) && o.First > st.First }) {
							s.Errorf("%s is compared up to input %d, and not %d", b.name, report.LastCheck, st.Last)
						}
					}
				}
			}
			if inputs != int(h.Last()) {
				s.Errorf("the builds have replayed %d inputs of %d", inputs, h.Last())
			}
		})
	})
}

// TestGoldenStretches: the stretches of journals of earlier releases can be read and replayed.
// The folders under testdata/stretches are never changed. When the format changes, add one.
func TestGoldenStretches(t *testing.T) {
	if f := flag.Lookup("update"); f != nil && f.Value.String() == "true" {
		inShop(t, func(s *shop) {
			for i, b := range []build{noFee, fee, noFee} {
				c := journal.Config{Settings: []journal.Setting{{Name: "run", Value: fmt.Sprint(i)}, {Name: "empty"}}}
				if _, err := s.runs(b, c, i == 2, 100); err != nil {
					s.Fatal(err)
				}
			}
			writeFiles(s.T, filepath.Join("testdata", "stretches", "v5"), s.Store.(*wal.Memory))
		})
	}
	dirs, err := filepath.Glob(filepath.Join("testdata", "stretches", "v*"))
	must(t, err)
	if len(dirs) != 2 {
		t.Fatal(dirs)
	}
	for _, dir := range dirs {
		s := &shop{T: t, Store: wal.Dir(dir)}
		s.replays(noFee, "no fee; fee")
		s.replays(fee, "no fee; no fee")
		h := read(t, dir)
		for b, want := range map[build]string{noFee: `[{"run" "2"} {"empty" ""}]`, fee: `[{"run" "1"} {"empty" ""}]`, renews: `[{"run" "2"} {"empty" ""}]`} {
			if got := fmt.Sprintf("%q", h.Settings(b.program(nil))); got != want {
				t.Errorf("the settings of %s are %s, and not %s", b.name, got, want)
			}
		}
	}
}

// TestIssue14BaseIsKept: the snapshot from which a build went on stays, however many
// follow it, as long as what follows it stays.
func TestIssue14BaseIsKept(t *testing.T) {
	inShop(t, func(s *shop) {
		s.pays(noFee, 200, 200)
		for range 3 {
			if _, err := s.runs(fee, journal.Config{SnapshotEvery: 1}, false, 10, 10, 10); err != nil {
				s.Fatal(err)
			}
		}
		s.replays(fee, "no fee")
		h, err := journal.ReadStore(s.Store)
		must(s.T, err)
		base := h.Stretches()[1].Base
		if names := snapshotsOf(s.T, s.Store); len(names) != 3 || names[0] != fmt.Sprintf("%020d.snapshot", base) {
			s.Errorf("snapshots %v, and the base is %d", names, base)
		}
		for range 30 {
			if _, err := s.runs(fee, journal.Config{SnapshotEvery: 1, SegmentSize: 500, DropOld: true}, false, 10, 10, 10); err != nil {
				s.Fatal(err)
			}
		}
		if names := snapshotsOf(s.T, s.Store); len(names) != 2 {
			s.Errorf("snapshots %v, although what followed the base is dropped", names)
		}
	})
}
