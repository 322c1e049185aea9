package conformance

import (
	"fmt"
	"slices"
	"strings"
)

// This file compares what was observed in a run with the facts of a scenario.

// expectedFacts are the facts of a scenario.
type expectedFacts struct {
	Processes      map[string]processFact
	FIFO           []fifoFact
	SpawnedExactly bool     `json:"spawned_exactly"`
	Alive          []string // processes at rest; null if nothing is claimed
}

// A processFact says what the handlers of a process are told.
type processFact struct {
	Strength    factStrength
	Events      []scriptEvent
	Endpoints   []endpointFact
	AnySchedule bool `json:"any_schedule"` // evidence of how strong the fact is; not used
}

// An endpointFact says what one endpoint of a process is told.
type endpointFact struct {
	Endpoint    term
	Meta        bool
	Strength    factStrength
	Events      []scriptEvent
	AnySchedule bool `json:"any_schedule"`
}

// A fifoFact says in which order messages from one process reach an endpoint
// of another, among others.
type fifoFact struct {
	From, To string
	Endpoint term
	Meta     bool
	Messages []term
}

// A factStrength says how much a fact claims.
type factStrength string

const (
	inSequence factStrength = "sequence"          // these events, in this order
	inAnyOrder factStrength = "multiset"          // these events, in any order
	byEndpoint factStrength = "endpoint-sequence" // what is claimed of endpoints, and no others
	unclaimed  factStrength = "unstable"          // what is claimed of endpoints, and nothing more
)

// A scriptEvent is one event at one endpoint.
type scriptEvent struct {
	Endpoint term
	Meta     bool
	Kind     string
	Role     struct {
		Orientation, Interest string
		Topic                 term
	}
	Reason  term
	Message term
	Dying   bool // told to a process that was being discarded
}

// String returns a text that is the same for equal events only.
func (e *scriptEvent) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s of %s (%s) on %s", endpointText(e.Endpoint.value, e.Meta), e.Kind,
		e.Role.Orientation, e.Role.Interest, termText(e.Role.Topic.value))
	if e.Reason.given {
		fmt.Fprintf(&b, " because %s", termText(e.Reason.value))
	}
	if e.Message.given {
		fmt.Fprintf(&b, " message %s", termText(e.Message.value))
	}
	return b.String()
}

func endpointText(id any, meta bool) string {
	if meta {
		return "meta " + termText(id) + ":"
	}
	return termText(id) + ":"
}

// linesOf returns the events that a process is told here. One that is being
// discarded is told nothing.
func linesOf(events []scriptEvent) []string {
	var lines []string
	for i := range events {
		if !events[i].Dying {
			lines = append(lines, events[i].String())
		}
	}
	return lines
}

// A verdict is the result of comparing a run with facts.
type verdict struct {
	facts      int // that were compared
	violations []string
}

func (v *verdict) check(ok bool, format string, args ...any) {
	v.facts++
	if !ok {
		v.violations = append(v.violations, fmt.Sprintf(format, args...))
	}
}

// judge compares a run, at the end of which some processes were alive, with
// the facts of a scenario.
func judge(x *expectedFacts, run *scriptRun, alive []string) *verdict {
	v := &verdict{}
	for _, path := range sortedKeys(x.Processes) {
		v.judgeProcess(path, x.Processes[path], run)
	}
	for _, f := range x.FIFO {
		v.judgeFIFO(f, run)
	}
	v.judgeStarted(x, run)
	if x.Alive != nil {
		want := slices.Sorted(slices.Values(x.Alive))
		v.check(slices.Equal(alive, want), "processes alive at the end:\n%s", listDifference(alive, want))
	}
	return v
}

func (v *verdict) judgeProcess(path string, f processFact, run *scriptRun) {
	got := run.events[path]
	var ends []string // what the names of its endpoints begin with in events
	for _, e := range f.Endpoints {
		prefix := endpointText(e.Endpoint.value, e.Meta) + " "
		ends = append(ends, prefix)
		there := slices.DeleteFunc(slices.Clone(got), func(s string) bool { return !strings.HasPrefix(s, prefix) })
		v.judgeEvents(fmt.Sprintf("process %s, endpoint %s", path, strings.TrimSuffix(prefix, ": ")), e.Strength, there, linesOf(e.Events))
	}
	switch f.Strength {
	case unclaimed:
	case byEndpoint:
		others := slices.DeleteFunc(slices.Clone(got), func(s string) bool {
			return slices.ContainsFunc(ends, func(prefix string) bool { return strings.HasPrefix(s, prefix) })
		})
		v.check(len(others) == 0, "process %s: events at endpoints that should have none:\n%s", path, listDifference(others, nil))
	default:
		v.judgeEvents("process "+path, f.Strength, got, linesOf(f.Events))
	}
}

func (v *verdict) judgeEvents(where string, s factStrength, got, want []string) {
	switch s {
	case inSequence:
		v.check(slices.Equal(got, want), "%s, events in this order:\n%s", where, listDifference(got, want))
	case inAnyOrder:
		got, want = slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))
		v.check(slices.Equal(got, want), "%s, events in any order (here sorted):\n%s", where, listDifference(got, want))
	default:
		v.check(false, "%s: a fact of unknown strength %q", where, s)
	}
}

func (v *verdict) judgeFIFO(f fifoFact, run *scriptRun) {
	got := run.heard[endpointKey{f.To, termText(f.Endpoint.value), f.Meta}]
	var want []string
	for _, m := range f.Messages {
		want = append(want, termText(m.value))
	}
	next := 0
	for _, m := range got {
		if next < len(want) && m == want[next] {
			next++
		}
	}
	v.check(next == len(want), "messages from %s to %s, endpoint %s, in this order among others; number %d is missing:\n%s",
		f.From, f.To, strings.TrimSuffix(endpointText(f.Endpoint.value, f.Meta), ":"), next+1, listDifference(got, want))
}

// judgeStarted compares which processes have run their first step.
func (v *verdict) judgeStarted(x *expectedFacts, run *scriptRun) {
	started := slices.Sorted(slices.Values(run.started))
	if x.SpawnedExactly {
		want := sortedKeys(x.Processes)
		v.check(slices.Equal(started, want), "processes started:\n%s", listDifference(started, want))
		return
	}
	for _, path := range sortedKeys(x.Processes) {
		if x.Processes[path].Strength != unclaimed {
			v.check(slices.Contains(started, path), "process %s has not started", path)
		}
	}
}

func sortedKeys[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// listDifference shows two lists, one below the other, and where they begin to
// differ.
func listDifference(got, want []string) string {
	same := 0
	for same < len(got) && same < len(want) && got[same] == want[same] {
		same++
	}
	var b strings.Builder
	for _, l := range []struct {
		name  string
		lines []string
	}{{"got", got}, {"want", want}} {
		fmt.Fprintf(&b, "  %s, %d:\n", l.name, len(l.lines))
		for i, line := range l.lines {
			mark := "  "
			if i == same {
				mark = "->"
			}
			fmt.Fprintf(&b, "  %s %3d %s\n", mark, i+1, line)
		}
	}
	return b.String()
}
