package journal

import (
	"context"
	"runtime"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/vm"
)

// recordedKnocks is a recording of knocks.
func recordedKnocks(t *testing.T, n int) *Recording {
	t.Helper()
	j, store := knocks(t, n)
	if err := j.End(nil); err != nil {
		t.Fatal(err)
	}
	h, err := ReadStore(store)
	if err != nil {
		t.Fatal(err)
	}
	r, err := h.Record(porter(0))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestIssue14StepDropMemory: a branch takes memory for what differs, and a comparison for
// what it lists.
func TestIssue14StepDropMemory(t *testing.T) {
	const n = 12_000
	r := recordedKnocks(t, n)
	b, err := r.Branch(t.Context(), Branch{From: 3, Edit: Edits(Drop(5, 100), Alter(200, knock{7}), Insert(300, vm.Input{Kind: vm.Continue}))})
	if err != nil {
		t.Fatal(err)
	}
	if got := len(b.own.pieces); got > 7 || b.Last() != r.Last()-1 {
		t.Errorf("the branch has %d pieces for %d inputs of %d", got, b.own.count, r.Last())
	}
	seqs := uint64(3)
	for e, err := range b.inputs(4, b.Last()) {
		if seqs++; err != nil || e.Seq != seqs {
			t.Fatalf("input %d where %d should be: %v", e.Seq, seqs, err)
		}
	}
	again, err := b.Branch(t.Context(), Branch{From: 250, Edit: Drop(251)})
	if err != nil || len(again.own.pieces) > 8 || again.Last() != b.Last()-1 {
		t.Errorf("a branch of the branch has %d pieces: %v", len(again.own.pieces), err)
	}
	all, err := r.Branch(t.Context(), Branch{From: 1, Edit: func(uint64, vm.Input) []vm.Input { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	c, err := Compare(t.Context(), r, all, 1)
	if err != nil || len(c.OnlyA) != maxListed || c.MoreA != 2*n-1-maxListed || len(c.OnlyB)+int(c.MoreB) != 0 {
		t.Errorf("%d and %d commands more, %d and %d commands more: %v", len(c.OnlyA), c.MoreA, len(c.OnlyB), c.MoreB, err)
	}
}

// TestIssue14StepFind: a search begins near the input after which it searches, and ends at
// the first match; and it can be interrupted.
func TestIssue14StepFind(t *testing.T) {
	const n = 8000
	r := recordedKnocks(t, n)
	if _, err := r.At(t.Context(), 2*n); err != nil { // which caches states
		t.Fatal(err)
	}
	used := allocated(func() {
		for range 20 {
			found, err := r.Search(t.Context(), 2*n-10, func(r *vm.Record) bool { return strings.Contains(r.String(), "{N: 7997}") })
			if err != nil || found != 2*7997 {
				t.Fatalf("found %d: %v", found, err)
			}
		}
	})
	if used > 20*firstGap*20_000 {
		t.Errorf("a search takes %d bytes", used/20)
	}
	if found, err := r.Search(t.Context(), 2*n-10, func(*vm.Record) bool { return false }); found != 0 || err != nil {
		t.Errorf("found %d: %v", found, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Search(ctx, 0, func(*vm.Record) bool { return false }); err == nil {
		t.Error("it was not interrupted")
	}
}

func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
