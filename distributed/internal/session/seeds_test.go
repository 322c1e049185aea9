package session

import (
	"flag"
	"regexp"
	"testing"
)

var moreSeeds = flag.Uint64("seeds", 0, "how many seeds to run of each kind")

// seeds returns how many seeds to run, where most are enough.
func seeds(most uint64) uint64 {
	switch {
	case *moreSeeds > 0:
		return *moreSeeds
	case testing.Short():
		return most / 10
	}
	return most
}

var allFaults = faults{loss: true, cut: true, kill: true, pause: true, end: true}

// TestSeeds: what one side is told is what the other has sent, in order and without gaps,
// and a session ends on both sides for the right reason, whatever happens to the link and
// the sides.
func TestSeeds(t *testing.T) {
	for name, f := range map[string]faults{
		"none": {}, "ends": {end: true}, "loss": {loss: true}, "cut": {cut: true}, "kill": {kill: true}, "pause": {pause: true}, "all": allFaults,
	} {
		t.Run(name, func(t *testing.T) {
			frames, sessions := 0, 0
			n := seeds(200)
			if f == allFaults {
				n = seeds(1000)
			}
			for seed := range n {
				w := run(seed, 120, f, "", false)
				frames += w.frames
				sessions += len(w.oracle.sessions)
				if w.oracle.found != nil {
					t.Fatalf("seed %d: %v\n%v", seed, w.oracle.found, run(seed, 120, f, "", true))
				}
			}
			t.Logf("%d seeds, %d sessions, %d frames", n, sessions, frames)
		})
	}
}

// TestMutants: the oracle finds mistakes, by what they lead to.
func TestMutants(t *testing.T) {
	for mutant, want := range map[string]string{
		"a BEAT without the last number": "bodies of",
		"no session number":              "is told body",
		"no withdrawal after a pause":    "after the other side has ended",
		"no number of a frame":           "is told body",
		"no limit":                       "bytes that were not taken",
		"a BYE without the last number":  "have arrived",
		"no lease":                       "has not noticed",
		"a HELLO that is repeated":       "nothing was lost|is told body",
	} {
		t.Run(mutant, func(t *testing.T) {
			found := 0
			for seed := range max(*moreSeeds, 1000) {
				w := run(seed, 120, allFaults, mutant, false)
				if w.oracle.found == nil || !regexp.MustCompile(want).MatchString(w.oracle.found.Error()) {
					continue
				}
				if found++; found == 1 {
					t.Logf("seed %d: %v", seed, w.oracle.found)
				}
				if *moreSeeds == 0 {
					return
				}
			}
			t.Logf("found in %d of %d seeds", found, *moreSeeds)
			if found == 0 {
				t.Error("not found")
			}
		})
	}
}

// TestSeedsRepeat: a seed always gives the same run.
func TestSeedsRepeat(t *testing.T) {
	for seed := range uint64(20) {
		if a, b := run(seed, 120, allFaults, "", true).String(), run(seed, 120, allFaults, "", true).String(); a != b {
			t.Errorf("seed %d gives two runs:\n%s\n\n%s", seed, a, b)
		}
	}
}
