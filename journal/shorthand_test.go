package journal_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/vm"
)

// journalOfSlips writes a journal with so many slips, the first of which is input 2. Before every
// hundredth, it tries to write a value that cannot be written.
func journalOfSlips(t *testing.T, n int) (s *wal.Memory, slips []any) {
	t.Helper()
	s = wal.NewMemory()
	j, err := journal.Config{Logger: quiet, Durability: journal.Memory}.OpenStore(s)
	must(t, err)
	m, start, err := j.Begin(t.Context(), vm.Limits{}, bank(newStreet()).Boot)
	must(t, err)
	must(t, j.Append(start))
	m.Apply(start)
	for i := range n {
		in := vm.Input{Kind: vm.Value, Address: m.Held(1), Value: any(Slip{fmt.Sprint("account ", i), i})}
		if i%7 == 3 {
			in.Value = Receipt{fmt.Sprint("account ", i), -i}
		}
		if i%100 == 99 {
			bad := in
			bad.Value = []any{Open{}, func() {}}
			if j.Append(bad) == nil {
				t.Fatal("a function was written")
			}
		}
		must(t, j.Append(in))
		m.Apply(in)
		slips = append(slips, in.Value)
	}
	must(t, j.End(nil))
	return s, slips
}

const firstSegment = "00000000000000000001.journal"

// TestIssue14Shorthand: inputs leave out names and times that inputs before them have, and
// reading can begin at each of them. A value that was refused leaves nothing behind.
func TestIssue14Shorthand(t *testing.T) {
	s, slips := journalOfSlips(t, 1500)
	if each := float64(len(s.ReadFile(firstSegment))) / 1500; each > 54 { // 83 in format 4
		t.Errorf("an input takes %.1f bytes", each)
	}
	h, err := journal.ReadStore(s)
	must(t, err)
	var all []journal.Input
	for in, err := range h.Inputs(1) {
		must(t, err)
		all = append(all, in)
	}
	if len(all) != 1501 || !slices.IsSortedFunc(all, func(a, b journal.Input) int { return a.Time.Compare(b.Time) }) {
		t.Fatalf("%d inputs, from %v to %v", len(all), all[0].Time, all[len(all)-1].Time)
	}
	for i := range slips {
		if v, err := all[i+1].Value(); err != nil || v != slips[i] {
			t.Fatalf("input %d is %v, error %v; want %v", i+2, v, err, slips[i])
		}
	}
	for from := uint64(1501); from > 0; from -= min(from, 37) {
		for in, err := range h.Inputs(from) {
			must(t, err)
			if want := all[from-1]; !reflect.DeepEqual(in, want) {
				t.Fatalf("from %d: %+v; want %+v", from, in, want)
			}
			break
		}
	}
}

// TestIssue14ShorthandSalvage: damage hides the time and the names of the inputs behind it, but
// only up to the next that has everything in full, here that behind a value that was refused.
func TestIssue14ShorthandSalvage(t *testing.T) {
	s, slips := journalOfSlips(t, 1500)
	const damaged, next = 730, 801
	b := s.ReadFile(firstSegment)
	b[strings.Index(string(b), fmt.Sprint("account ", damaged-2))] ^= 1
	s.WriteFile(firstSegment, b)
	var found []uint64
	for x, err := range journal.SalvageStore(s) {
		must(t, err)
		in := x.Input
		if in.Seq < 2 {
			continue
		}
		found = append(found, in.Seq)
		hidden := in.Seq > damaged && in.Seq < next
		if in.Time.IsZero() != hidden {
			t.Errorf("input %d is of %v", in.Seq, in.Time)
		}
		if v, err := in.Value(); (err != nil) != hidden || !hidden && v != slips[in.Seq-2] {
			t.Errorf("input %d is %v, error %v", in.Seq, v, err)
		}
		if want := fmt.Sprintf("account %d", in.Seq-2); !strings.Contains(in.Text(), want) {
			t.Errorf("input %d is %q; want %q in it", in.Seq, in.Text(), want)
		}
	}
	if len(found) != len(slips)-1 || slices.Contains(found, damaged) {
		t.Errorf("%d inputs of %d were found", len(found), len(slips))
	}
}
