package journal_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/journal"
)

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
