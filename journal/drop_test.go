package journal

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestIssue14Apart: whenever snapshots are taken, the history goes back some inputs, and not
// more than a few times as many.
func TestIssue14Apart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const inputs = 100
		var seqs []uint64 // the newest first
		now := uint64(0)
		for _, step := range rapid.SliceOfN(rapid.Uint64Range(1, 100), 1, 200).Draw(t, "steps") {
			now += step
			seqs = slices.Insert(seqs, 0, now)
			used, floor := Retention{Inputs: inputs}.cut(&past{seqs: seqs, every: inputs})
			seqs = slices.DeleteFunc(seqs, func(seq uint64) bool {
				return !slices.Contains(used, seq) && !slices.Contains(seqs[:min(kept, len(seqs))], seq)
			})
			oldest := seqs[len(seqs)-1]
			switch {
			case floor > 0 && (now-floor < inputs || now-floor > 3*inputs || oldest != floor):
				t.Fatalf("at %d, the floor is %d, and there are %v", now, floor, seqs)
			case floor == 0 && now-oldest >= inputs:
				t.Fatalf("at %d, there is no floor, and there are %v", now, seqs)
			}
			if len(seqs) > 5 {
				t.Fatalf("at %d, there are %v", now, seqs)
			}
		}
	})
}
