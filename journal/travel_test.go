package journal_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
)

// TestTravel: a moment of a run is the same, whether it is reached from before, from
// after or from the beginning. U-03, B-M31.
func TestTravel(t *testing.T) {
	r := recorded(t, journal.Config{Durability: journal.Memory}, manySlips(700)...)
	last := r.Last()
	want := map[uint64]string{}
	digests := map[uint64]vm.Digest{}
	for seq := range last + 1 {
		m := moment(t, r, seq)
		want[seq], digests[seq] = inFull(m), m.Digest
		if m.Seq != seq {
			t.Fatalf("moment %d has number %d", seq, m.Seq)
		}
	}
	check := func(how string, r *journal.Recording, seq uint64) {
		t.Helper()
		m := moment(t, r, seq)
		if got := inFull(m); got != want[seq] || m.Digest != digests[seq] {
			t.Fatalf("%s: moment %d is\n%s\nand not\n%s", how, seq, got, want[seq])
		}
	}
	for seq := last; seq > last-300; seq-- {
		check("backward", r, seq)
	}
	random := rand.New(rand.NewPCG(3, 4))
	for range 50 {
		check("at random", r, random.Uint64N(last+1))
	}
	if _, err := r.At(t.Context(), last+1); err == nil || !strings.Contains(err.Error(), fmt.Sprint(last)) {
		t.Errorf("a moment that never came: %v", err)
	}
}

// TestTravelCosts: a moment costs no more than applying the inputs since the last
// cached state, and states are cached at regular intervals. U-03.
func TestTravelCosts(t *testing.T) {
	dir := t.TempDir()
	record(t, dir, journal.Config{Durability: journal.Memory}, manySlips(2000)...)
	applied := 0
	program := bank(newStreet())
	counting := journal.Program{Boot: func(self actions.PID) actions.Process {
		return actions.Stateless(
			endpoint.Subscriber(topic.All[Slip](), endpoint.OnMessage(func(Slip) actions.Action { applied++; return nil })),
			actions.SpawnFunc(program.Boot),
		)
	}}
	r, err := read(t, dir).Record(counting)
	if err != nil {
		t.Fatal(err)
	}
	// It is not the same program, so its run is a branch of that one's.
	r, err = r.Branch(t.Context(), journal.Branch{Program: &counting})
	if err != nil {
		t.Fatal(err)
	}
	const gap = 256
	random := rand.New(rand.NewPCG(5, 6))
	for range 30 {
		seq := 1 + random.Uint64N(r.Last())
		applied = 0
		moment(t, r, seq)
		if applied > gap {
			t.Errorf("%d inputs were applied to look at moment %d", applied, seq)
		}
	}
}

// TestManyAtOnce: concurrent readers of a run get the same as one alone, also while
// they edit a branch.
func TestManyAtOnce(t *testing.T) {
	dir := t.TempDir()
	record(t, dir, journal.Config{Durability: journal.Memory}, manySlips(600)...)
	open := func() *journal.Recording {
		r, err := read(t, dir).Record(bank(newStreet()))
		must(t, err)
		return r
	}
	ctx := t.Context()
	at := func(r *journal.Recording, seq uint64) (string, error) {
		m, err := r.At(ctx, seq)
		if err != nil {
			return "", err
		}
		return fmt.Sprint(m.Digest, inFull(m), m.Steps, m.Commands), nil
	}
	uses := []struct {
		name string
		do   func(*journal.Recording) (string, error)
	}{
		{"ends", func(r *journal.Recording) (string, error) { return fmt.Sprint(r.First(), r.Last()), nil }},
		{"first", func(r *journal.Recording) (string, error) { return at(r, r.First()) }},
		{"early", func(r *journal.Recording) (string, error) { return at(r, 270) }},
		{"late", func(r *journal.Recording) (string, error) { return at(r, r.Last()) }},
		{"commands", func(r *journal.Recording) (string, error) {
			c, err := r.Commands(ctx, 200, 400)
			return fmt.Sprint(c), err
		}},
		{"branch", func(r *journal.Recording) (string, error) {
			var inside string
			b, err := r.Branch(ctx, journal.Branch{From: 500, Edit: func(seq uint64, in vm.Input) []vm.Input {
				if seq != 510 {
					return []vm.Input{in}
				}
				var err error
				if inside, err = at(r, seq); err != nil {
					t.Error(err)
				}
				return nil
			}})
			if err != nil {
				return "", err
			}
			c, err := journal.Compare(ctx, r, b, 500)
			return inside + fmt.Sprint(c), err
		}},
		{"shrink", func(r *journal.Recording) (string, error) {
			b, err := r.Shrink(ctx, func(context.Context, *journal.Recording) (bool, error) { return true, nil })
			if err != nil {
				return "", err
			}
			return at(b, b.Last())
		}},
	}
	want := map[string]string{}
	for _, use := range uses {
		var err error
		if want[use.name], err = use.do(open()); err != nil {
			t.Fatalf("%s: %v", use.name, err)
		}
	}
	r := open()
	var users sync.WaitGroup
	for _, use := range uses {
		for range 2 {
			users.Go(func() {
				for range 3 {
					if got, err := use.do(r); err != nil || got != want[use.name] {
						t.Errorf("%s: %v; it is\n%s\nand not\n%s", use.name, err, got, want[use.name])
					}
				}
			})
		}
	}
	users.Wait()
}

// eager is a bank that hands out each receipt twice.
func eager(s *street) journal.Program {
	process := func(c clerk) actions.Process {
		d := counter{c.At, s}
		return actions.Next(c,
			endpoint.Device(d,
				endpoint.OnValue(func(s Slip) actions.Action {
					if s.Amount == 0 {
						return actions.Spawn(account{Name: s.Account}.process()).Named(s.Account)
					}
					return actions.Send(s)
				}),
				endpoint.OnEnded(func(error) actions.Action { return actions.Quit() }),
			),
			endpoint.Subscriber(topic.All[Receipt](), endpoint.OnMessage(func(r Receipt) actions.Action {
				return actions.Group(actions.Tell(d, r), actions.Tell(d, r))
			})),
		)
	}
	p := journal.Booting(actions.Spawn(process(clerk{"north"})).Named("clerk"))
	p.Types = types(s)
	p.Types[0] = actions.Define("journaltest.clerk", func(c clerk) actions.Action {
		_, opened := process(c).Erase()
		return opened
	}).Type
	return p
}

// TestTravelAfterAdoption: a run that another program has adopted shows that program, from
// the snapshot on from which it went on.
func TestTravelAfterAdoption(t *testing.T) {
	for _, drop := range []bool{false, true} {
		t.Run(fmt.Sprintf("drop=%v", drop), func(t *testing.T) {
			dir := t.TempDir()
			c := journal.Config{SnapshotEvery: 20, SegmentSize: 1000, CheckEvery: 1, DropOld: drop}
			stretch(t, dir, c, append([]any{Slip{"last", 0}}, manySlips(200)...)...)
			s := newStreet()
			adopter := eager(s)
			adopting := journal.Config{Types: adopter.Types, Adopt: true, SnapshotEvery: -1, CheckEvery: 1}
			must(t, run(t.Context(), dir, adopting, adopter, func() {
				s.slips <- Slip{"last", 1}
				<-s.got
				<-s.got
				close(s.slips)
			}))
			h := read(t, dir)
			if drop != (h.First() > 1) {
				t.Fatalf("the history begins with %d", h.First())
			}
			open := func() *journal.Recording {
				r, err := h.Record(eager(newStreet()))
				must(t, err)
				return r
			}
			all := h.Stretches()
			if len(all) != 2 || !all[1].Adopts || all[1].Base == 0 || open().First() != all[1].Base {
				t.Fatalf("stretches %+v, and states from %d on", all, open().First())
			}
			first, last := all[1].First, h.Last()
			want := map[uint64]vm.Digest{}
			if !drop {
				_, err := h.Replay(t.Context(), eager(newStreet()), journal.ReplayConfig{
					Digests: func(seq uint64, d vm.Digest) { want[seq] = d },
				})
				must(t, err)
			}
			forward := open()
			for seq := first + 1; seq <= last; seq++ {
				m := moment(t, forward, seq)
				if drop {
					want[seq] = m.Digest
				}
			}
			backward := open()
			for seq := last; seq > first; seq-- {
				if m := moment(t, backward, seq); m.Digest != want[seq] {
					t.Fatalf("moment %d has digest %v, and not %v", seq, m.Digest, want[seq])
				}
			}
			if _, err := open().Commands(t.Context(), first+1, last); err != nil {
				t.Error(err)
			}
			b, err := open().Branch(t.Context(), journal.Branch{From: last - 1})
			must(t, err)
			if m := moment(t, b, last-1); m.Digest != want[last-1] {
				t.Errorf("a branch has digest %v before the end, and not %v", m.Digest, want[last-1])
			}
		})
	}
}
