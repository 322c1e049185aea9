package journal_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/go-marketplace/marketplace/internal/text"
	"github.com/go-marketplace/marketplace/journal"
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

// inFull describes a machine in full.
func inFull(m *journal.Moment) string {
	var b strings.Builder
	for p := range m.Processes() {
		fmt.Fprintln(&b, p.Path, p.Name, strings.Join(journal.Portray(p), "\n\t"))
	}
	return b.String()
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
	before := inFull(moment(t, r, last-1))
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
			if inFull(moment(t, r, last-1)) != before {
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
