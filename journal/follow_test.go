package journal_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/wal"
)

// A following is what a goroutine in a bubble of testing/synctest has got from FollowStore.
type following struct {
	*testing.T
	stop context.CancelFunc
	end  chan struct{}

	mu     sync.Mutex
	inputs []string
	last   uint64
	at     []journal.Position // behind each page
	err    error              // at its end
}

// lag is how far a follower is behind at most, in a bubble, where nothing else takes time.
const lag = 5 * time.Millisecond

// inputText is all that there is to say about an input.
func inputText(in *journal.Input) string { return fmt.Sprint(in.Seq, in, in.Time, in.Skipped) }

// follow begins to follow a journal, or goes on behind inputs that were followed before.
func follow(t *testing.T, s wal.Store, after journal.Position, before ...string) *following {
	ctx, stop := context.WithCancel(t.Context())
	f := &following{T: t, stop: stop, end: make(chan struct{}), last: after.Seq, inputs: before}
	go func() {
		defer close(f.end)
		for b, err := range journal.FollowStore(ctx, s, after) {
			f.add(b, err)
		}
	}()
	return f
}

func (f *following) add(b journal.Page, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err = err; err != nil {
		return
	}
	for _, in := range b.Inputs {
		if f.last++; in.Seq != f.last {
			f.Errorf("input %d comes, and not %d", in.Seq, f.last)
		}
		f.inputs = append(f.inputs, inputText(&in))
	}
	if b.Position.Seq != f.last || len(b.Inputs) == 0 {
		f.Errorf("the position after %d inputs up to %d is %d", len(b.Inputs), f.last, b.Position.Seq)
	}
	f.at = append(f.at, b.Position)
}

// wants says up to which input it has come.
func (f *following) wants(last uint64) {
	f.Helper()
	time.Sleep(lag)
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.last != last {
		f.Errorf("it has come to input %d, and not %d", f.last, last)
	}
}

// fails returns why it ends.
func (f *following) fails() error {
	<-f.end
	return f.err
}

// ended reports whether it has ended.
func (f *following) ended() bool {
	select {
	case <-f.end:
		return true
	default:
		return false
	}
}

// ends stops it.
func (f *following) ends() {
	f.Helper()
	f.stop()
	if err := f.fails(); !errors.Is(err, context.Canceled) {
		f.Errorf("it ends with %v", err)
	}
}

// inputsIn returns the inputs of a journal.
func inputsIn(t *testing.T, s wal.Store, from uint64) (all []string) {
	t.Helper()
	h, err := journal.ReadStore(s)
	must(t, err)
	for in, err := range h.Inputs(from) {
		must(t, err)
		all = append(all, inputText(&in))
	}
	return all
}

// TestIssue14Follow: a follower has each input, with its number, at most 5 ms after it was
// written, through segments and drops, and goes on from any position.
func TestIssue14Follow(t *testing.T) {
	for _, durability := range []journal.Durability{journal.Sync, journal.Batch} {
		synctest.Test(t, func(t *testing.T) {
			s := wal.NewMemory()
			f := follow(t, s, journal.Position{}) // there is no journal yet
			seq := uint64(0)
			c := journal.Config{Durability: durability, SnapshotEvery: 30, SegmentSize: 400, DropOld: true}
			must(t, drive(t, c, s, manySlips(200), func() {
				seq++
				f.wants(seq)
			}).err)
			f.ends()
			h, err := journal.ReadStore(s)
			must(t, err)
			if h.First() < 50 || f.last != h.Last() {
				t.Errorf("inputs %d to %d are left", h.First(), h.Last())
			}
			if want := inputsIn(t, s, 0); !slices.Equal(f.inputs[h.First()-1:], want) {
				t.Errorf("followed %v, want %v", f.inputs[h.First()-1:], want)
			}
			for _, at := range f.at {
				g := follow(t, s, at)
				if at.Seq+1 < h.First() {
					want := fmt.Sprintf("inputs %d to %d", at.Seq+1, h.First()-1)
					if err := g.fails(); !errors.Is(err, wal.ErrDropped) || !strings.Contains(err.Error(), want) {
						t.Errorf("after input %d: %v", at.Seq, err)
					}
					continue
				}
				g.wants(h.Last())
				g.ends()
				if !slices.Equal(g.inputs, f.inputs[at.Seq:]) {
					t.Errorf("after input %d: %v", at.Seq, g.inputs)
				}
			}
		})
	}
}

// TestIssue14FollowAny: a follower has the same inputs as a reader, whatever the format of the
// journal, the size of its segments, and the number where it begins.
func TestIssue14FollowAny(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	stores := map[string]wal.Store{}
	for _, size := range []int64{400, 5000, 1 << 20} {
		s := wal.NewMemory()
		must(t, drive(t, journal.Config{SegmentSize: size}, s, manySlips(2000), func() {}).err)
		must(t, drive(t, journal.Config{SegmentSize: size, Durability: journal.Memory}, s, manySlips(500), func() {}).err)
		stores[fmt.Sprint("segments of ", size)] = s
	}
	stores["format 1"], _ = goldenStore(t, "trace")
	for name, s := range stores {
		t.Run(name, func(t *testing.T) {
			all := inputsIn(t, s, 0)
			for range 20 {
				after := random.Uint64N(uint64(len(all)))
				var got []string
				h, err := journal.ReadStore(s)
				must(t, err)
				for b, err := range h.Follow(t.Context(), journal.Position{Seq: after}) {
					must(t, err)
					for _, in := range b.Inputs {
						got = append(got, inputText(&in))
					}
					if b.Position.Seq == h.Last() {
						break
					}
				}
				if !slices.Equal(got, all[after:]) {
					t.Errorf("after %d: %d inputs, want %d", after, len(got), len(all)-int(after))
				}
			}
		})
	}
}

// TestIssue14FollowRepaired: a follower that has had an input that is skipped, truncated or cut
// off hears that, at once, and whenever it begins again; one that has not goes on, and has what
// the journal has.
func TestIssue14FollowRepaired(t *testing.T) {
	for name, repair := range map[string]struct {
		do    func(s wal.Store) error
		first uint64
		kind  journal.RepairKind
	}{
		"skip":     {func(s wal.Store) error { _, err := journal.SkipStore(s, 70); return err }, 70, journal.RepairSkip},
		"truncate": {func(s wal.Store) error { _, err := journal.TruncateStore(s, 69); return err }, 70, journal.RepairTruncate},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := wal.NewMemory()
				c := journal.Config{SnapshotEvery: -1, SegmentSize: 400}
				must(t, drive(t, c, s, manySlips(99), func() {}).err)
				var at []journal.Position // behind each input
				for seq := range uint64(101) {
					for b, err := range journal.FollowStore(t.Context(), upTo(t, s, seq), journal.Position{}) {
						must(t, err)
						if b.Position.Seq == seq {
							at = append(at, b.Position)
						}
						break
					}
				}
				if len(at) == 0 || at[len(at)-1].Seq != 100 {
					t.Fatalf("%d positions", len(at))
				}
				f := follow(t, s, journal.Position{})
				f.wants(100)
				must(t, repair.do(s))
				wantRewritten(t, f.fails(), 100, repair.first)
				goOn := func() {
					t.Helper()
					want := inputsIn(t, s, 0)
					for _, at := range at {
						f := follow(t, s, at)
						if at.Seq >= repair.first {
							r := wantRewritten(t, f.fails(), at.Seq, repair.first)
							if r.Repair.Kind != repair.kind || !strings.Contains(r.Error(), repair.kind.String()) {
								t.Errorf("after input %d: %v", at.Seq, r)
							}
							continue
						}
						f.wants(uint64(len(want)))
						f.ends()
						if !slices.Equal(f.inputs, want[at.Seq:]) {
							t.Errorf("after input %d: %v, want %v", at.Seq, f.inputs, want[at.Seq:])
						}
					}
				}
				goOn()
				// More inputs follow, so that there are as many again.
				c.Adopt = true // the later inputs have other results
				must(t, drive(t, c, s, manySlips(99), func() {}).err)
				goOn()
				// Who knows of the repair does not hear of it again, but of the next one.
				f = follow(t, s, journal.Position{})
				last := uint64(len(inputsIn(t, s, 0)))
				f.wants(last)
				f.ends()
				g := follow(t, s, f.at[0])
				g.wants(last)
				_, err := journal.TruncateStore(s, last-1)
				must(t, err)
				wantRewritten(t, g.fails(), last, last)
				wantRewritten(t, follow(t, s, f.at[len(f.at)-1]).fails(), last, last)
			})
		})
	}
}

// upTo returns a copy of a journal without what is behind an input.
func upTo(t *testing.T, s *wal.Memory, seq uint64) *wal.Memory {
	t.Helper()
	to := copied(t, s)
	if seq == 0 || seq == uint64(len(seqs(t, s))) {
		return to
	}
	_, err := journal.TruncateStore(to, seq)
	must(t, err)
	return to
}

func wantRewritten(t *testing.T, err error, at, seq uint64) *journal.RewrittenError {
	t.Helper()
	r, ok := errors.AsType[*journal.RewrittenError](err)
	if !ok || r.Seq != seq || r.Position.Seq != at {
		t.Fatalf("followed up to input %d, and got %v; want input %d", at, err, seq)
	}
	return r
}

// TestIssue14FollowCut: a follower of a journal that is damaged, and cut off, hears of the damage
// and then of the cut.
func TestIssue14FollowCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := wal.NewMemory()
		c := journal.Config{SnapshotEvery: -1, SegmentSize: 400}
		must(t, drive(t, c, s, manySlips(99), func() {}).err)
		f := follow(t, s, journal.Position{})
		f.wants(100)
		f.ends()
		at := f.at[len(f.at)-1]
		segments := segmentsOf(t, s)
		name := segments[len(segments)/2]
		b := s.ReadFile(name)
		b[len(b)/2] ^= 1
		s.WriteFile(name, b)
		f = follow(t, s, journal.Position{})
		<-f.end
		if !errors.As(f.err, new(*wal.DamageError)) || f.last < 30 || f.last > 70 {
			t.Fatalf("up to %d: %v", f.last, f.err)
		}
		before := f.last
		_, err := c.OpenStore(s)
		c.Cut = advised(t, err)
		must(t, drive(t, c, s, manySlips(99), func() {}).err)
		if r := wantRewritten(t, follow(t, s, at).fails(), 100, before+1); r.Repair.Kind != journal.RepairCut {
			t.Errorf("got %v", r)
		}
		g := follow(t, s, f.at[len(f.at)-1])
		g.wants(before + 100)
		g.ends()
	})
}

// TestIssue14FollowOther: a follower does not take one journal for another, or an older copy of
// it for the journal.
func TestIssue14FollowOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		record := func(slips int) *wal.Memory {
			s := wal.NewMemory()
			must(t, drive(t, journal.Config{SnapshotEvery: -1}, s, manySlips(slips), func() {}).err)
			return s
		}
		s, other := record(10), record(20)
		f := follow(t, s, journal.Position{})
		f.wants(11)
		for _, name := range segmentsOf(t, other) {
			s.WriteFile(name, other.ReadFile(name))
		}
		if err := f.fails(); !errors.Is(err, journal.ErrOtherJournal) {
			t.Errorf("got %v", err)
		}
		at := f.at[len(f.at)-1]
		if err := follow(t, s, at).fails(); !errors.Is(err, journal.ErrOtherJournal) {
			t.Errorf("got %v", err)
		}

		older := copied(t, other)
		f = follow(t, other, journal.Position{})
		f.wants(21)
		must(t, drive(t, journal.Config{SnapshotEvery: -1}, other, manySlips(10), func() {}).err)
		f.wants(32)
		for _, name := range segmentsOf(t, older) { // as if it had been restored
			other.WriteFile(name, older.ReadFile(name))
		}
		wantRewritten(t, f.fails(), 32, 22)
		must(t, drive(t, journal.Config{SnapshotEvery: -1}, other, manySlips(20)[10:], func() {}).err)
		wantRewritten(t, follow(t, other, f.at[len(f.at)-1]).fails(), 32, 32)

		for _, name := range segmentsOf(t, other) {
			must(t, other.Remove(name))
		}
		if err := follow(t, other, at).fails(); !errors.Is(err, wal.ErrNoLog) {
			t.Errorf("got %v", err)
		}
	})
}

// TestIssue14FollowSlow: a follower whose caller is slower than DropOld hears which inputs are gone.
func TestIssue14FollowSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := wal.NewMemory()
		slow := make(chan bool)
		end := make(chan error)
		var last uint64
		go func() {
			var failed error
			for p, err := range journal.FollowStore(t.Context(), s, journal.Position{}) {
				if failed = err; err == nil {
					last = p.Position.Seq
					<-slow
				}
			}
			end <- failed
		}()
		c := journal.Config{SnapshotEvery: 30, SegmentSize: 400, DropOld: true}
		must(t, drive(t, c, s, manySlips(200), func() { time.Sleep(lag) }).err)
		close(slow)
		h, err := journal.ReadStore(s)
		must(t, err)
		err = <-end
		if want := fmt.Sprintf("inputs %d to %d", last+1, h.First()-1); !errors.Is(err, wal.ErrDropped) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	})
}

// TestIssue14Position: a position is kept as text, and is the same afterwards.
func TestIssue14Position(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := poisoned(t)
		_, err := journal.SkipStore(s, poison)
		must(t, err)
		f := follow(t, s, journal.Position{})
		f.wants(poison)
		f.ends()
		at := f.at[0]
		text, err := at.MarshalText()
		must(t, err)
		var back journal.Position
		must(t, back.UnmarshalText(text))
		if back != at || len(text) > 120 || at.Journal == (journal.ID{}) {
			t.Errorf("%s is %+v, and not %+v", text, back, at)
		}
		must(t, back.UnmarshalText(nil))
		if back != (journal.Position{}) {
			t.Errorf("got %+v", back)
		}
		for _, wrong := range []string{"x", "1/2/3/4", string(text[1:]), string(text) + "/", strings.Replace(string(text), "/5/", "/-5/", 1)} {
			back = at
			if err := back.UnmarshalText([]byte(wrong)); err == nil || !strings.Contains(err.Error(), wrong) || back != (journal.Position{}) {
				t.Errorf("%s is %+v: %v", wrong, back, err)
			}
		}
	})
}
