package laws

import (
	"reflect"
	"runtime"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// The first law: the machine does what the naive machine does. Every call of a
// transition function is the same, in the same order, and so are the processes
// that are alive in the end.

// FuzzDifferential shows U-09.
func FuzzDifferential(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		if d := lawDifference(fromBytes(data).program(), naiveFaults{}); d != "" {
			t.Error(d)
		}
	})
}

// lawDifference runs a program on the machine and on a naive one with the
// given faults, and tells how they differ, if they do.
func lawDifference(p *lawProgram, f naiveFaults) string {
	real, naive := runBoth(p, f)
	return real.difference(naive)
}

// TestLawDifferential shows U-09.
func TestLawDifferential(t *testing.T) {
	eachRandom(t, func(seed uint64, data []byte) {
		if d := lawDifference(fromBytes(data).program(), naiveFaults{}); d != "" {
			t.Errorf("seed %d: %s", seed, d)
		}
	})
}

func TestLawDifferentialRapid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		if d := lawDifference(fromRapid(t).program(), naiveFaults{}); d != "" {
			t.Error(d)
		}
	})
}

// TestLawDifferentialCatches plants each fault in the naive machine.
func TestLawDifferentialCatches(t *testing.T) {
	corpus := lawCorpus(t, "FuzzDifferential")
	for name, f := range lawFaults() {
		caught := 0
		for _, data := range corpus {
			if lawDifference(fromBytes(data).program(), f) != "" {
				caught++
			}
		}
		t.Logf("%s: %d of %d programs", name, caught, len(corpus))
		if caught == 0 {
			t.Errorf("a machine with the fault %s does the same as one without", name)
		}
	}
}

// lawFaults returns each fault that a naive machine can have, by its name.
func lawFaults() map[string]naiveFaults {
	faults := map[string]naiveFaults{}
	for i := range reflect.TypeFor[naiveFaults]().NumField() {
		var f naiveFaults
		reflect.ValueOf(&f).Elem().Field(i).SetBool(true)
		faults[reflect.TypeFor[naiveFaults]().Field(i).Name] = f
	}
	return faults
}

// TestSameTraceEverywhere runs programs again and again: on one processor and
// on several, several at a time, and going on from snapshots. Each run is the
// same. HL-49, B-M11.
func TestSameTraceEverywhere(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for name, data := range lawCorpus(t, "FuzzDifferential") {
		want := traceOf(data, false)
		for _, n := range []int{1, 2, 4} {
			runtime.GOMAXPROCS(n)
			got := make([]lawRun, 4)
			var all sync.WaitGroup
			for i := range got {
				all.Go(func() { got[i] = traceOf(data, i%2 == 1) })
			}
			all.Wait()
			for _, r := range got {
				if d := want.difference(r); d != "" {
					t.Errorf("%s, on %d processors: %s", name, n, d)
				}
			}
		}
	}
}

func traceOf(data []byte, snapshots bool) lawRun {
	l := &lawLog{program: fromBytes(data).program()}
	return l.run(l.onMachine(snapshots, nil), nothing)
}

// TestSameTraceCatches runs programs on a machine whose order of events is
// random.
func TestSameTraceCatches(t *testing.T) {
	differ := 0
	for _, data := range lawCorpus(t, "FuzzDifferential") {
		var runs [2]lawRun
		for i := range runs {
			l := &lawLog{program: fromBytes(data).program()}
			runs[i] = l.run(l.onNaive(naiveFaults{NoOrder: true}, nil), nothing)
		}
		if runs[0].difference(runs[1]) != "" {
			differ++
		}
	}
	if differ == 0 {
		t.Error("a machine without an order of events has the same trace on every run")
	}
}
