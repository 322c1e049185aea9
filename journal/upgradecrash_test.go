package journal_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/journal/wal/waltest"
	"github.com/go-marketplace/marketplace/vm"
)

// tillByHand drives a build by hand, for some slips of 100 and a stop.
func tillByHand(t testing.TB, c journal.Config, store wal.Store, b build, slips int, stop bool) (d driven) {
	t.Helper()
	p := b.program(newStreet())
	c.Types, c.Program = p.Types, b.name
	if c.Logger == nil {
		c.Logger = quiet
	}
	ins := make([]any, 0, slips+2)
	for range slips {
		ins = append(ins, Slip{"ann", 100})
	}
	if stop {
		ins = append(ins, vm.Input{Kind: vm.StopAsked}, vm.Input{Kind: vm.StopDone})
	}
	return driveProgram(t, c, store, p, ins, synctest.Wait)
}

// tillOf returns the state of the till.
func tillOf(m *vm.Machine) string {
	for p := range m.Processes() {
		if p.Name == "till" {
			return fmt.Sprint(p.State)
		}
	}
	return "none"
}

// slipsIn returns how many values a journal has, and its last input.
func slipsIn(t *testing.T, s wal.Store) (n int, last uint64) {
	t.Helper()
	h, err := journal.ReadStore(s)
	if errors.Is(err, wal.ErrNoLog) {
		return 0, 0
	}
	must(t, err)
	for in, err := range h.Inputs(h.First()) {
		must(t, err)
		if in.Kind == vm.Value {
			n++
		}
		last = in.Seq
	}
	return n, last
}

// TestIssue14UpgradeCrashes: wherever the system crashes, or the disk fails or is full, while
// another build takes over, adopts, or settles, no safe input is lost, the build goes on, and
// each build replays its stretches.
func TestIssue14UpgradeCrashes(t *testing.T) {
	if testing.Short() {
		t.Skip("it crashes often")
	}
	base := func(kill bool) func(t *testing.T) *wal.Memory {
		return func(t *testing.T) *wal.Memory {
			s := wal.NewMemory()
			d := tillByHand(t, journal.Config{}, s, noFee, 1, true)
			must(t, d.err)
			if !kill {
				d = tillByHand(t, journal.Config{}, s, noFee, 1, true)
				must(t, d.err)
				return s
			}
			d = tillByHand(t, journal.Config{SnapshotEvery: -1}, s, noFee, 1, false)
			must(t, d.err)
			return s
		}
	}
	small := journal.Config{SnapshotEvery: 2, SegmentSize: 300}
	drop := small
	drop.DropOld = true
	adopt := small
	adopt.Adopt = true
	type scenario struct {
		name   string
		store  func(t *testing.T) *wal.Memory
		c      journal.Config
		b      build
		per    int // what a value of b counts
		settle bool
	}
	for _, sc := range []scenario{
		{"takeover after stop", base(false), small, fee, 90, false},
		{"takeover after stop, dropping", base(false), drop, fee, 90, false},
		{"takeover of a tail", base(true), small, renews, 100, false},
		{"adoption of a tail", base(true), adopt, fee, 90, false},
		{"settle", base(true), small, noFee, 100, true},
	} {
		t.Run(sc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				act := func(d *waltest.Disk) driven {
					if sc.settle {
						c := sc.c
						c.Logger, c.Program = quiet, sc.b.name
						_, err := c.SettleStore(t.Context(), d, sc.b.program(newStreet()))
						return driven{err: err}
					}
					return tillByHand(t, sc.c, d, sc.b, 5, true)
				}
				start := sc.store(t)
				before, last0 := slipsIn(t, start)
				whole := onDisk(t, start)
				begun := whole.Ops()
				must(t, act(whole).err)
				check := func(what string, d driven, found wal.Store) {
					t.Helper()
					n, last := slipsIn(t, found)
					if !sc.c.DropOld && (last < last0+d.synced || last > last0+d.seq) {
						t.Errorf("%s: last %d, was %d + %d/%d", what, last, last0, d.synced, d.seq)
					}
					if last < last0+d.synced {
						t.Errorf("%s: lost", what)
					}
					if v, err := journal.VerifyStore(found, nil); err != nil || v.Damage != nil && !v.Ambiguous {
						t.Errorf("%s: verify %v %v", what, err, v.Damage)
					}
					c := sc.c
					c.Adopt = false
					if sc.settle {
						again := tillByHand(t, c, found, noFee, 0, false)
						if again.err != nil || tillOf(again.m) != "{200}" {
							t.Errorf("%s: %v", what, again.err)
						}
						return
					}
					again := tillByHand(t, c, found, sc.b, 0, false)
					if sc.c.Adopt && errors.As(again.err, new(*journal.ChangeError)) {
						c.Adopt = true
						again = tillByHand(t, c, found, sc.b, 0, false)
					}
					if again.err != nil {
						t.Errorf("%s: again: %v", what, again.err)
						return
					}
					if !sc.c.DropOld {
						want := 100*before + sc.per*(n-before)
						if sc.c.Adopt {
							want = 100 + sc.per*(n-1)
						}
						if got := tillOf(again.m); got != fmt.Sprintf("{%d}", want) {
							t.Errorf("%s: till %s, want %d", what, got, want)
						}
					}
					h, err := journal.ReadStore(found)
					must(t, err)
					for _, b := range []build{noFee, sc.b} {
						if !slices.ContainsFunc(h.Stretches(), func(s journal.Stretch) bool { return s.By(b.name) }) {
							continue
						}
						if _, err := h.Replay(t.Context(), b.program(newStreet()), journal.ReplayConfig{}); err != nil {
							t.Errorf("%s: replay by %s: %v\n%+v %v", what, b.name, err, h.Stretches(), snapshotsOf(t, found))
						}
					}
					if _, err := h.Presence(); err != nil {
						t.Errorf("%s: presence: %v", what, err)
					}
				}
				for n := begun + 1; n <= whole.Ops(); n++ {
					for i, left := range []func(int) int{waltest.LoseAll, waltest.KeepAll} {
						d := onDisk(t, start)
						d.CrashAt(n, 13)
						r := act(d)
						check(fmt.Sprintf("op %d, crash %d", n, i), r, d.Crash(left))
					}
					d := onDisk(t, start)
					d.Plan(func(op waltest.Op) waltest.Fault {
						if op.N == n {
							return waltest.Fault{Err: waltest.ErrFault, Written: 5}
						}
						return waltest.Fault{}
					})
					r := act(d)
					d.Plan(func(waltest.Op) waltest.Fault { return waltest.Fault{} })
					check(fmt.Sprintf("op %d, fault (%v)", n, r.err), r, d)
				}
				for room := int64(0); room < 6000; room += 97 {
					d := onDisk(t, start)
					d.Limit(room)
					r := act(d)
					d.Limit(1 << 40)
					check(fmt.Sprintf("room %d (%v)", room, r.err), r, d)
					if r.err == nil && room > 3000 {
						break
					}
				}
			})
		})
	}
}
