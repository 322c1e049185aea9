package conformance

import (
	"maps"
	"os"
	"slices"
	"testing"

	"github.com/go-marketplace/marketplace/vmtest/scenario"
)

// folderVariable names a folder with further scenarios.
const folderVariable = "MARKETPLACE_CONFORMANCE"

// setAside has the quirks of the reference that this machine deliberately does
// not have. The facts of scenarios that depend on one of them do not hold
// here; the tests whose names begin with TestQuirk show what does. Such
// scenarios are run nevertheless: they must come to rest without harm.
var setAside = []string{"killer-not-told", "bare-false", "yield-now"}

// dyingEvents marks scenarios in which the reference runs handlers of
// processes that are being discarded. Here no such process runs any code, so
// these events, and only these, are left out of what is expected.
const dyingEvents = "dying-events"

// TestConformance runs a corpus of programs on the machine. It checks that
// processes are told what a reference implementation of these semantics tells
// them, and that a second run is the same in everything, also where the
// reference leaves the order open.
//
// The corpus is in testdata/conformance. Scenarios in the folder that the
// environment variable MARKETPLACE_CONFORMANCE names, if it is set, are run as
// well.
func TestConformance(t *testing.T) {
	var c conformanceCount
	corpus := readScenarios(t, "testdata/conformance")
	var more []*scenario.Scenario
	if folder, ok := os.LookupEnv(folderVariable); ok {
		more = readScenarios(t, folder)
		t.Logf("%d scenarios in testdata, %d in the folder %s", len(corpus), len(more), folder)
	}
	for _, s := range corpus {
		t.Run(s.ID, func(t *testing.T) { c.test(t, s) })
	}
	for _, s := range more {
		t.Run("more/"+s.ID, func(t *testing.T) { c.test(t, s) })
	}
	t.Logf("%d scenarios run, %d facts checked, %d events recorded", c.scenarios, c.facts, c.events)
	for _, quirk := range setAside {
		t.Logf("set aside because of %s: %d scenarios with %d facts", quirk, c.quirks[quirk].scenarios, c.quirks[quirk].items)
	}
	t.Logf("set aside because of %s: %d events in %d scenarios", dyingEvents, c.quirks[dyingEvents].items, c.quirks[dyingEvents].scenarios)
}

// readScenarios returns the scenarios in a folder.
func readScenarios(t *testing.T, folder string) []*scenario.Scenario {
	t.Helper()
	all, err := scenario.Read(folder)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// A conformanceCount counts what has been tested, and what has not.
type conformanceCount struct {
	scenarios, facts, events int
	quirks                   map[string]struct{ scenarios, items int }
}

func (c *conformanceCount) aside(quirk string, items int) {
	if c.quirks == nil {
		c.quirks = map[string]struct{ scenarios, items int }{}
	}
	n := c.quirks[quirk]
	n.scenarios++
	n.items += items
	c.quirks[quirk] = n
}

func (c *conformanceCount) test(t *testing.T, s *scenario.Scenario) {
	run, alive := scenario.Play(s)
	v := scenario.Judge(&s.Expected, run, alive)
	c.scenarios++
	c.events += len(run.Log)
	defer func() {
		if t.Failed() {
			t.Logf("scenario %s, group %s: %s", s.ID, s.Group, s.Description)
		}
	}()
	for _, f := range run.Faults {
		t.Errorf("scenario %s: %s", s.ID, f)
	}
	if again, _ := scenario.Play(s); !slices.Equal(run.Log, again.Log) {
		t.Errorf("scenario %s: a second run differs:\n%s", s.ID, scenario.Difference(again.Log, run.Log))
	}
	if i := slices.IndexFunc(setAside, func(q string) bool { return slices.Contains(s.Quirks, q) }); i >= 0 {
		c.aside(setAside[i], v.Facts)
		return
	}
	c.facts += v.Facts
	if n := s.Expected.Dying(); n > 0 {
		c.aside(dyingEvents, n)
	}
	for _, violation := range v.Violations {
		t.Errorf("scenario %s: %s", s.ID, violation)
	}
}

// TestConformanceJudge checks that the comparison notices what is wrong: it
// falsifies, in many ways, the record of runs whose facts hold. The scenarios
// that were not made at random are enough for that.
func TestConformanceJudge(t *testing.T) {
	falsify := map[string]func(r *scenario.Run, path string){
		"an event too few":  func(r *scenario.Run, path string) { r.Events[path] = r.Events[path][1:] },
		"an event too many": func(r *scenario.Run, path string) { r.Events[path] = append(r.Events[path], r.Events[path][0]) },
		"another event":     func(r *scenario.Run, path string) { r.Events[path][0] += "!" },
		"another start":     func(r *scenario.Run, path string) { r.Started = append(r.Started, path) },
		"no start": func(r *scenario.Run, path string) {
			r.Started = slices.DeleteFunc(r.Started, func(s string) bool { return s == path })
		},
	}
	checked := 0
	for _, s := range readScenarios(t, "testdata/conformance") {
		if s.Group == "random" || len(s.Quirks) > 0 || !s.Expected.SpawnedExactly || s.Expected.Alive == nil {
			continue
		}
		run, alive := scenario.Play(s)
		busy := slices.DeleteFunc(slices.Sorted(maps.Keys(s.Expected.Processes)), func(path string) bool {
			f := s.Expected.Processes[path]
			return f.Strength == scenario.Unclaimed || len(f.Events) == 0 || len(run.Events[path]) == 0
		})
		if len(busy) == 0 {
			continue
		}
		path := busy[len(busy)-1]
		for what, change := range falsify {
			r := *run
			r.Started = slices.Clone(run.Started)
			r.Events = maps.Clone(run.Events)
			r.Events[path] = slices.Clone(run.Events[path])
			change(&r, path)
			if v := scenario.Judge(&s.Expected, &r, alive); len(v.Violations) == 0 {
				t.Errorf("scenario %s, process %s: %s is not noticed", s.ID, path, what)
			}
		}
		if v := scenario.Judge(&s.Expected, run, append(alive, "nobody")); len(v.Violations) == 0 {
			t.Errorf("scenario %s: a process too many is not noticed", s.ID)
		}
		checked++
	}
	if checked == 0 {
		t.Error("no scenario to falsify")
	}
}
