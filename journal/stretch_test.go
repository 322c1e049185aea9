package journal_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/vm"
)

// journalHeads returns all heads of a journal.
func journalHeads(t *testing.T, s wal.Store) []journal.Head {
	t.Helper()
	v, err := journal.VerifyStore(s, nil)
	must(t, err)
	return v.Summary.Heads
}

// TestIssue14SettingsBeginStretch: a build with other settings goes on from the snapshot, and
// begins a stretch, so that what it has written since is replayed with them.
func TestIssue14SettingsBeginStretch(t *testing.T) {
	inShop(t, func(s *shop) {
		sum := 0
		for _, fee := range []int{0, 10, 10, 20, 20} {
			b := build{name: "with a flag", fee: fee, typed: true}
			sum += 100 - fee
			got, err := s.runs(b, journal.Config{Settings: []journal.Setting{{Name: "fee", Value: fmt.Sprint(fee)}}}, false, 100)
			if err != nil || fmt.Sprint(got) != fmt.Sprintf("[%d]", sum) {
				s.Fatal(fee, got, err)
			}
			h, err := journal.ReadStore(s.Store)
			must(s.T, err)
			if got := fmt.Sprint(h.Settings(b.program(nil))); got != fmt.Sprintf("[{fee %d}]", fee) {
				s.Errorf("fee %d: settings %s", fee, got)
			}
			s.replays(b, map[int]string{10: "with a flag", 20: "with a flag; with a flag"}[fee])
		}
		h, err := journal.ReadStore(s.Store)
		must(s.T, err)
		if all := h.Stretches(); len(all) != 3 {
			s.Errorf("stretches %+v", all)
		}
	})
}

// TestIssue14DropKeepsBases: with DropOld as well, a base stays as long as what follows it.
func TestIssue14DropKeepsBases(t *testing.T) {
	inShop(t, func(s *shop) {
		for range 3 {
			for _, b := range []build{noFee, fee, renews} {
				if _, err := s.runs(b, journal.Config{DropOld: true}, false, 10, 10); err != nil {
					s.Fatal(err)
				}
			}
		}
		h, err := journal.ReadStore(s.Store)
		must(s.T, err)
		for _, b := range []build{noFee, fee, renews} {
			report, err := h.Replay(s.Context(), b.program(newStreet()), journal.ReplayConfig{})
			if err != nil || len(report.Others) != 6 {
				s.Errorf("%s: %v, %+v", b.name, err, report.Others)
			}
		}
	})
}

// TestIssue14AdoptedBaseIsLost: a build does not adopt again, without a word, what is before
// the snapshot with which it has adopted a journal, if that is lost.
func TestIssue14AdoptedBaseIsLost(t *testing.T) {
	inShop(t, func(s *shop) {
		s.pays(noFee, 200, 200)
		if _, err := s.runs(noFee, journal.Config{}, true, 100); err != nil {
			s.Fatal(err)
		}
		if _, err := s.runs(fee, journal.Config{Adopt: true, SnapshotEvery: -1}, true); err != nil {
			s.Fatal(err)
		}
		for _, name := range snapshotsOf(s.T, s.Store) {
			must(s.T, s.Store.Remove(name))
		}
		got, err := s.runs(fee, journal.Config{}, false, 10)
		if err == nil || !strings.Contains(err.Error(), "no snapshot can be used: there is none") {
			s.Errorf("receipts %v, %v", got, err)
		}
	})
	inShop(t, func(s *shop) { // it has taken over
		s.pays(noFee, 200, 200)
		if _, err := s.runs(fee, journal.Config{SnapshotEvery: -1}, true, 100); err != nil {
			s.Fatal(err)
		}
		for _, name := range snapshotsOf(s.T, s.Store) {
			must(s.T, s.Store.Remove(name))
		}
		_, err := s.runs(fee, journal.Config{}, false, 10)
		if err == nil || !strings.Contains(err.Error(), "no snapshot can be used: there is none") || !errors.As(err, new(*journal.DivergenceError)) {
			s.Errorf("got %v", err)
		}
	})
}

// TestIssue14NoSnapshotInStop: no snapshot has a machine whose stop has begun, however many
// there are, because the next run goes on from before the stop.
func TestIssue14NoSnapshotInStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := wal.NewMemory()
		d := tillByHand(t, journal.Config{SnapshotEvery: 1}, s, noFee, 2, true)
		must(t, d.err)
		if at := newestIn(t, s); at != d.seq-2 {
			t.Errorf("the newest snapshot has the inputs up to %d, and the stop begins with %d", at, d.seq-1)
		}
		d = tillByHand(t, journal.Config{}, s, fee, 1, false)
		if d.err != nil || tillOf(d.m) != "{290}" {
			t.Errorf("%v", d.err)
		}
	})
}

// TestIssue14DigestBeforeStop: the input before a stop, from where the next run goes on, has a
// digest.
func TestIssue14DigestBeforeStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := wal.NewMemory()
		d := tillByHand(t, journal.Config{Durability: journal.Memory, CheckEvery: 1000}, s, noFee, 3, true)
		must(t, d.err)
		h, err := journal.ReadStore(s)
		must(t, err)
		report, err := h.Replay(t.Context(), noFee.program(newStreet()), journal.ReplayConfig{Until: d.seq - 2})
		if err != nil || report.LastCheck != d.seq-2 {
			t.Errorf("the last digest is after input %d, and not %d: %v", report.LastCheck, d.seq-2, err)
		}
	})
}

// TestIssue14SettleBeginsNone: Settle does not begin a journal.
func TestIssue14SettleBeginsNone(t *testing.T) {
	s := wal.NewMemory()
	_, err := journal.Config{Logger: quiet}.SettleStore(t.Context(), s, noFee.program(newStreet()))
	if names, e := s.List(); !errors.Is(err, wal.ErrNoLog) || e != nil || len(names) > 0 {
		t.Errorf("got %v, files %v, %v", err, names, e)
	}
}

// TestIssue14NotByTime: if SnapshotAfter is negative, only the number of inputs counts.
func TestIssue14NotByTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := wal.NewMemory()
		r := open(t, s, journal.Config{SnapshotAfter: -1})
		r.gives(Slip{"ann", 0})
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		if names := snapshotsOf(t, s); len(names) > 0 {
			t.Errorf("snapshots %v", names)
		}
		must(t, r.stop())
	})
}

// TestIssue14OtherStop: a build that would do something else during the stop of the build before
// goes on from before that stop, and its replay does not live through it either.
func TestIssue14OtherStop(t *testing.T) {
	inShop(t, func(s *shop) {
		s.pays(noFee, 200, 200)
		fails := build{name: "fails", typed: true, fails: true}
		s.pays(fails, 10, 210)
		s.replays(fails, "no fee")
		s.pays(noFee, 10, 220)
		s.replays(noFee, "fails")
	})
}

// TestIssue14SettleInStop: if a program has crashed during its stop, the snapshot that Settle
// takes has the machine before the stop.
func TestIssue14SettleInStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := wal.NewMemory()
		d := tillByHand(t, journal.Config{SnapshotEvery: -1}, s, noFee, 2, true)
		must(t, d.err)
		heads := 0
		for try := range 2 { // the second time, there is a snapshot already
			seq, err := journal.Config{Logger: quiet, Program: noFee.name}.SettleStore(t.Context(), s, noFee.program(newStreet()))
			if at := newestIn(t, s); err != nil || seq != d.seq-2 || at != seq {
				t.Errorf("input %d, snapshot %d, %v", seq, at, err)
			}
			now := len(journalHeads(t, s))
			if try == 1 && now != heads {
				t.Errorf("there were %d heads, and are %d", heads, now)
			}
			heads = now
		}
		d = tillByHand(t, journal.Config{}, s, fee, 1, false)
		if d.err != nil || tillOf(d.m) != "{290}" {
			t.Errorf("%v", d.err)
		}
	})
}

// TestIssue14SnapshotAtEnd: a run that ends by itself leaves a snapshot, too.
func TestIssue14SnapshotAtEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := wal.NewMemory()
		r := open(t, s, journal.Config{})
		r.gives(Slip{"ann", 0})
		close(r.slips)
		synctest.Wait()
		must(t, r.stop())
		h, err := journal.ReadStore(s)
		must(t, err)
		if at := newestIn(t, s); at != h.Last() {
			t.Errorf("the newest snapshot has the inputs up to %d of %d", at, h.Last())
		}
		must(t, open(t, s, journal.Config{Program: "another"}).stop())
	})
}

// TestIssue14SnapshotOfClosed: a caller of Snapshot gets an answer when the journal is closed
// without a run.
func TestIssue14SnapshotOfClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, err := journal.Config{Types: types(newStreet()), Logger: quiet}.OpenStore(wal.NewMemory())
		must(t, err)
		asked := make(chan error, 1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		go func() { _, err := j.Snapshot(ctx); asked <- err }()
		synctest.Wait()
		must(t, j.Close())
		if err := <-asked; !errors.Is(err, journal.ErrOver) {
			t.Errorf("got %v", err)
		}
	})
}

// TestIssue14TruncateStretches: wherever a journal of several builds is cut off, the build that
// has written its end goes on, and each build replays what is left of its stretches.
func TestIssue14TruncateStretches(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		builds := []build{noFee, fee, renews}
		inShop(t, func(s *shop) {
			var trace []string
			lastOf := func() build {
				heads := journalHeads(s.T, s.Store)
				name := heads[len(heads)-1].Program
				for _, b := range builds {
					if b.name == name {
						return b
					}
				}
				s.Fatal("no build", name)
				return build{}
			}
			for i := range rapid.IntRange(2, 6).Draw(r, "runs") {
				b := rapid.SampledFrom(builds).Draw(r, "build")
				adopt := false
				if i > 0 {
					if last := lastOf(); last != b {
						if adopt = rapid.Bool().Draw(r, "adopt"); !adopt {
							_, err := (journal.Config{Logger: quiet, Program: last.name}).SettleStore(s.Context(), s.Store, last.program(newStreet()))
							if adopt = err != nil && strings.Contains(err.Error(), "has had no inputs"); err != nil && !adopt {
								s.Fatalf("%v: settle by %s: %v", trace, last.name, err)
							}
						}
					}
				}
				kill := rapid.Bool().Draw(r, "kill")
				every := rapid.SampledFrom([]int{1, 3, 1000}).Draw(r, "every")
				n := rapid.IntRange(0, 4).Draw(r, "slips")
				drop := rapid.Bool().Draw(r, "drop")
				trace = append(trace, fmt.Sprintf("%s adopt=%v kill=%v every=%d n=%d drop=%v", b.name, adopt, kill, every, n, drop))
				if _, err := s.runs(b, journal.Config{Adopt: adopt, SnapshotEvery: every, DropOld: drop, SegmentSize: 500}, kill, make([]int, n)...); err != nil {
					s.Fatalf("%v: %v", trace, err)
				}
				h, err := journal.ReadStore(s.Store)
				must(s.T, err)
				if rapid.Bool().Draw(r, "truncate") && h.Last() > h.First() {
					after := rapid.Uint64Range(h.First(), h.Last()-1).Draw(r, "after")
					_, err := journal.TruncateStore(s.Store, after)
					trace = append(trace, fmt.Sprintf("truncate %d of %d..%d: %v", after, h.First(), h.Last(), err))
				}
				h, err = journal.ReadStore(s.Store)
				must(s.T, err)
				if _, err := h.Presence(); err != nil {
					s.Fatalf("%v: presence %v", trace, err)
				}
				for _, b := range builds {
					by := false
					for _, st := range h.Stretches() {
						by = by || st.By(b.name)
					}
					if !by {
						continue
					}
					if _, err := h.Replay(s.Context(), b.program(newStreet()), journal.ReplayConfig{}); err != nil {
						s.Fatalf("%s: replay by %s: %v\n%+v\n%v", strings.Join(trace, "\n"), b.name, err, h.Stretches(), snapshotsOf(s.T, s.Store))
					}
				}
			}
		})
	})
}

// endpointCount returns how many endpoints a machine has.
func endpointCount(m *vm.Machine) (n int) {
	for p := range m.Processes() {
		n += len(p.Endpoints)
	}
	return n
}

// TestIssue14PresenceOfStretches: the presence log is right however builds follow each other.
func TestIssue14PresenceOfStretches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := wal.NewMemory()
		step := func(what string, c journal.Config, kill bool, slips ...any) {
			t.Helper()
			r := open(t, s, c)
			r.gives(slips...)
			h, err := journal.ReadStore(copied(t, s))
			must(t, err)
			dead := copied(t, s)
			p, err := h.Presence()
			must(t, err)
			rep, err := h.Replay(t.Context(), journal.Program{Boot: bank(r.street).Boot, Types: types(r.street), Fingerprint: c.Program}, journal.ReplayConfig{})
			must(t, err)
			still := 0
			for _, i := range p.Intervals {
				if i.Still() {
					still++
				}
			}
			if n := endpointCount(rep.State.Machine(nil)); n != still {
				t.Errorf("%s: %d endpoints, %d intervals", what, n, still)
			}
			must(t, r.stop())
			if kill {
				s = dead
			}
		}
		step("a", journal.Config{Program: "a"}, false, Slip{"ann", 0}, Slip{"bob", 0})
		step("b", journal.Config{Program: "b"}, false, Slip{"cid", 0}, Slip{"bob", -1})
		step("a", journal.Config{Program: "a"}, true, Slip{"bob", 0})
		step("c", journal.Config{Program: "c"}, true, Slip{"dan", 0})
		step("d", journal.Config{Program: "d", Adopt: true}, true, Slip{"eve", 0})
		step("d", journal.Config{Program: "d"}, true, Slip{"eve", 1})
		_, err := journal.Config{Logger: quiet, Program: "d"}.SettleStore(t.Context(), s, journal.Program{Boot: bank(newStreet()).Boot, Types: types(newStreet())})
		must(t, err)
		step("e", journal.Config{Program: "e"}, false, Slip{"eve", -1})
		step("f", journal.Config{Program: "f", SnapshotEvery: 1, DropOld: true, SegmentSize: 300}, false, Slip{"eve", 0}, Slip{"fay", 0}, Slip{"fay", -1})
		step("g", journal.Config{Program: "g", SnapshotEvery: 1, DropOld: true, SegmentSize: 300}, true, Slip{"guy", 0}, Slip{"guy", 1})
		step("h", journal.Config{Program: "h", Adopt: true, SnapshotEvery: 1, DropOld: true, SegmentSize: 300}, true, Slip{"hal", 0}, Slip{"guy", 1})
	})
}
