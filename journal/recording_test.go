package journal_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/internal/text"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
)

// manySlips are slips of many accounts, the same on every run.
func manySlips(n int) []any {
	random := rand.New(rand.NewPCG(1, 2))
	var slips []any
	for range n {
		slips = append(slips, Slip{fmt.Sprint("account ", random.IntN(20)), random.IntN(12) - 1})
	}
	return slips
}

func recorded(t *testing.T, c journal.Config, slips ...any) *journal.Recording {
	t.Helper()
	dir := t.TempDir()
	record(t, dir, c, slips...)
	r, err := read(t, dir).Record(bank(newStreet()))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func moment(t *testing.T, r *journal.Recording, seq uint64) *journal.Moment {
	t.Helper()
	m, err := r.At(t.Context(), seq)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// portrait describes a machine in full.
func portrait(m *journal.Moment) string {
	var b strings.Builder
	for p := range m.Processes() {
		fmt.Fprintln(&b, p.Path, p.Name, strings.Join(journal.Portray(p), "\n\t"))
	}
	return b.String()
}

// TestTravel: a moment of a run is the same, whether it is reached from before, from
// after or from the beginning. U-03, B-M31.
func TestTravel(t *testing.T) {
	r := recorded(t, journal.Config{Durability: journal.Memory}, manySlips(700)...)
	last := r.Last()
	want := map[uint64]string{}
	digests := map[uint64]vm.Digest{}
	for seq := range last + 1 {
		m := moment(t, r, seq)
		want[seq], digests[seq] = portrait(m), m.Digest
		if m.Seq != seq {
			t.Fatalf("moment %d has number %d", seq, m.Seq)
		}
	}
	check := func(how string, r *journal.Recording, seq uint64) {
		t.Helper()
		m := moment(t, r, seq)
		if got := portrait(m); got != want[seq] || m.Digest != digests[seq] {
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

// TestMoment: a moment has the results of its input.
func TestMoment(t *testing.T) {
	r := recorded(t, journal.Config{}, someSlips...)
	m := moment(t, r, 4)
	want := []string{
		`2 clerk: hears value journaltest.Slip{Account: "ann", Amount: 5}`,
	}
	if len(m.Steps) == 0 || !strings.HasPrefix(m.Steps[0], "2 clerk: hears value journal_test.Slip") {
		t.Errorf("steps %q, want %q first", m.Steps, want)
	}
	if len(m.Commands) != 1 || m.Commands[0].Text != `tell counter "north" for 2: journal_test.Receipt{Account: "ann", Balance: 5}` || m.Commands[0].Seq != 4 {
		t.Errorf("commands %+v", m.Commands)
	}
}

// TestDiff: Diff of two moments lists the differences of their machines, process by
// process. U-03.
func TestDiff(t *testing.T) {
	r := recorded(t, journal.Config{}, someSlips...)
	var got []string
	for _, c := range journal.Diff(moment(t, r, 4), moment(t, r, 8)) {
		got = append(got, c.String())
	}
	want := []string{
		"3 ann changed\n\t- state journal_test.account{Name: \"ann\", Balance: 5}\n\t+ state journal_test.account{Name: \"ann\", Balance: 8}\n",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	// Against an independent look: for all pairs, the processes that are in one
	// only, or not the same.
	for a := range r.Last() + 1 {
		for b := range r.Last() + 1 {
			ma, mb := moment(t, r, a), moment(t, r, b)
			states := func(m *journal.Moment) map[string]string {
				all := map[string]string{}
				for p := range m.Processes() {
					all[p.Path.String()] = fmt.Sprint(text.Value(p.State), p.Endpoints, p.Devices)
				}
				return all
			}
			sa, sb := states(ma), states(mb)
			var want []string
			for path, s := range sa {
				if sb[path] != s {
					want = append(want, path)
				}
			}
			for path := range sb {
				if _, ok := sa[path]; !ok {
					want = append(want, path)
				}
			}
			var got []string
			for _, c := range journal.Diff(ma, mb) {
				got = append(got, c.Path.String())
			}
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(want, got) {
				t.Errorf("from %d to %d: changes at %v, and not at %v", a, b, got, want)
			}
		}
	}
}

// TestBranch: a branch does what the run would have done with other inputs, and does
// not change the run. U-04.
func TestBranch(t *testing.T) {
	r := recorded(t, journal.Config{}, someSlips...)
	last := r.Last()
	before := portrait(moment(t, r, last-1))
	outside := func(c []journal.Command) (texts []string) {
		for _, c := range c {
			texts = append(texts, fmt.Sprint(c.Seq, " ", strings.TrimPrefix(c.Text, `tell counter "north" for 2: journal_test.`)))
		}
		return texts
	}
	other := moment(t, r, 3)
	in, err := other.ValueOf(1, Slip{"bob", 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name         string
		b            journal.Branch
		onlyA, onlyB []string
	}{
		{"nothing", journal.Branch{From: 5}, nil, nil},
		{"dropped", journal.Branch{From: 3, Edit: journal.Drop(4)}, []string{`4 Receipt{Account: "ann", Balance: 5}`, `7 Receipt{Account: "ann", Balance: 8}`}, []string{`6 Receipt{Account: "ann", Balance: 3}`}},
		{"changed", journal.Branch{From: 5, Edit: journal.Alter(7, Slip{"ann", 30})}, []string{`7 Receipt{Account: "ann", Balance: 8}`}, []string{`7 Receipt{Account: "ann", Balance: 35}`}},
		{"inserted", journal.Branch{From: 5, Edit: journal.Insert(6, in)}, []string{`6 Receipt{Account: "bob", Balance: 7}`}, []string{`6 Receipt{Account: "bob", Balance: 100}`, `7 Receipt{Account: "bob", Balance: 107}`}},
		{"twice", journal.Branch{From: 2, Edit: journal.Edits(journal.Drop(5), journal.Alter(4, Slip{"ann", 6}))},
			[]string{`4 Receipt{Account: "ann", Balance: 5}`, `6 Receipt{Account: "bob", Balance: 7}`, `7 Receipt{Account: "ann", Balance: 8}`},
			[]string{`4 Receipt{Account: "ann", Balance: 6}`, `6 Receipt{Account: "ann", Balance: 9}`}},
		{"then", journal.Branch{From: 8, Then: []vm.Input{in}}, nil, nil}, // the account is closed
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, err := r.Branch(t.Context(), tt.b)
			if err != nil {
				t.Fatal(err)
			}
			c, err := journal.Compare(t.Context(), r, b, tt.b.From)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.onlyA, outside(c.OnlyA)); diff != "" {
				t.Errorf("in the run only: %s", diff)
			}
			if diff := cmp.Diff(tt.onlyB, outside(c.OnlyB)); diff != "" {
				t.Errorf("in the branch only: %s", diff)
			}
			if portrait(moment(t, r, last-1)) != before {
				t.Error("the run is not what it was")
			}
		})
	}
}

// TestBranchOfAnotherProgram: another program can replay a history.
func TestBranchOfAnotherProgram(t *testing.T) {
	r := recorded(t, journal.Config{}, someSlips...)
	mute := journal.Booting()
	b, err := r.Branch(t.Context(), journal.Branch{Program: &mute})
	if err != nil {
		t.Fatal(err)
	}
	c, err := journal.Compare(t.Context(), r, b, 0)
	if err != nil || len(c.OnlyA) != 4 || len(c.OnlyB) != 0 {
		t.Errorf("%v; only in the run: %v, only in the branch: %v", err, c.OnlyA, c.OnlyB)
	}
}

// TestShrink: of many inputs, those remain that a failure needs. U-06.
func TestShrink(t *testing.T) {
	slips := manySlips(300)
	slips[40], slips[120], slips[250] = Slip{"odd", 0}, Slip{"odd", 4}, Slip{"odd", 13}
	r := recorded(t, journal.Config{Durability: journal.Memory}, slips...)
	tries := 0
	small, err := r.Shrink(t.Context(), func(ctx context.Context, r *journal.Recording) (bool, error) {
		tries++
		end, err := r.At(ctx, r.Last())
		if err != nil {
			return false, err
		}
		for p := range end.Processes() {
			if a, ok := p.State.(account); ok && a.Name == "odd" && a.Balance == 17 {
				return true, nil
			}
		}
		return false, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	// The start, and the three of the odd account.
	if small.Last() != 4 {
		t.Errorf("%d inputs are left, after %d tries", small.Last(), tries)
	}
}

// TestShrinkWithoutBeginning: a run whose beginning has been dropped is shortened
// from its first moment on, and the state at that moment stays.
func TestShrinkWithoutBeginning(t *testing.T) {
	dir := t.TempDir()
	slips := append([]any{Slip{"last", 0}, Slip{"odd", 0}}, manySlips(300)...)
	slips = append(slips, Slip{"odd", 4}, Slip{"even", 2}, Slip{"odd", 13})
	c := journal.Config{SnapshotEvery: 40, SegmentSize: 1000, DropOld: true}
	stretch(t, dir, c, slips...)
	s := newStreet()
	program := bank(s)
	program.Types = types(s)
	r, err := read(t, dir).Record(program)
	must(t, err)
	if first := r.First(); first == 0 || first > r.Last()-10 {
		t.Fatalf("the run goes from %d to %d", first, r.Last())
	}
	small, err := r.Shrink(t.Context(), func(ctx context.Context, r *journal.Recording) (bool, error) {
		c, err := r.Commands(ctx, 0, r.Last())
		return slices.ContainsFunc(c, func(c journal.Command) bool { return strings.HasSuffix(c.Text, `{Account: "odd", Balance: 17}`) }), err
	})
	must(t, err)
	var left []string
	for seq := small.First() + 1; seq <= small.Last(); seq++ {
		in := moment(t, small, seq).Input
		v, err := in.Value()
		must(t, err)
		left = append(left, fmt.Sprint(v))
	}
	if want := []string{"{odd 4}", "{odd 13}"}; small.First() != r.First() || !slices.Equal(left, want) {
		t.Errorf("from %d on these are left: %q, and not %q from %d on", small.First(), left, want, r.First())
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
		return fmt.Sprint(m.Digest, portrait(m), m.Steps, m.Commands), nil
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

// TestTravelAfterAdoption: a run that another program has adopted shows that program:
// from the beginning, in spite of snapshots of the former program, or, if the
// beginning has been dropped, from the snapshot from which it went on.
func TestTravelAfterAdoption(t *testing.T) {
	for _, drop := range []bool{false, true} {
		t.Run(fmt.Sprintf("drop=%v", drop), func(t *testing.T) {
			dir := t.TempDir()
			c := journal.Config{SnapshotEvery: 20, SegmentSize: 1000, CheckEvery: 1, DropOld: drop}
			stretch(t, dir, c, append([]any{Slip{"last", 0}}, manySlips(200)...)...)
			if n := len(filesIn(t, dir, ".snapshot")); n != 2 {
				t.Fatalf("%d snapshots", n)
			}
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
			first, last := open().First(), h.Last()
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
