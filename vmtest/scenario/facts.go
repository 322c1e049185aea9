package scenario

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// This file compares what was observed in a run with the facts of a scenario.

// Facts are the facts of a scenario.
type Facts struct {
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
	Unclaimed  factStrength = "unstable"          // what is claimed of endpoints, and nothing more
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

// A Verdict is the result of comparing a run with facts.
type Verdict struct {
	settled    bool // see JudgeSettled
	Facts      int  // that were compared
	Violations []string
}

func (v *Verdict) check(ok bool, format string, args ...any) {
	v.Facts++
	if !ok {
		v.Violations = append(v.Violations, fmt.Sprintf(format, args...))
	}
}

// Judge compares a run, at the end of which some processes were alive, with
// the facts of a scenario.
func Judge(x *Facts, run *Run, alive []string) *Verdict {
	return judge(&Verdict{}, x, run, alive)
}

// JudgeSettled is Judge for runs in which the order of news is open: of what a process is
// told, it compares only the order of what each endpoint is told.
func JudgeSettled(x *Facts, run *Run, alive []string) *Verdict {
	return judge(&Verdict{settled: true}, x, run, alive)
}

func judge(v *Verdict, x *Facts, run *Run, alive []string) *Verdict {
	for _, path := range sortedKeys(x.Processes) {
		v.judgeProcess(path, x.Processes[path], run)
	}
	for _, f := range x.FIFO {
		v.judgeFIFO(f, run)
	}
	v.judgeStarted(x, run)
	if x.Alive != nil {
		want := slices.Sorted(slices.Values(x.Alive))
		v.check(slices.Equal(alive, want), "processes alive at the end:\n%s", Difference(alive, want))
	}
	return v
}

func (v *Verdict) judgeProcess(path string, f processFact, run *Run) {
	got := run.Events[path]
	var ends []string // what the names of its endpoints begin with in events
	for _, e := range f.Endpoints {
		prefix := endpointText(e.Endpoint.value, e.Meta) + " "
		ends = append(ends, prefix)
		there := slices.DeleteFunc(slices.Clone(got), func(s string) bool { return !strings.HasPrefix(s, prefix) })
		v.judgeEvents(fmt.Sprintf("process %s, endpoint %s", path, strings.TrimSuffix(prefix, ": ")), e.Strength, there, linesOf(e.Events))
	}
	switch f.Strength {
	case Unclaimed:
	case byEndpoint:
		others := slices.DeleteFunc(slices.Clone(got), func(s string) bool {
			return slices.ContainsFunc(ends, func(prefix string) bool { return strings.HasPrefix(s, prefix) })
		})
		v.check(len(others) == 0, "process %s: events at endpoints that should have none:\n%s", path, Difference(others, nil))
	default:
		v.judgeEvents("process "+path, f.Strength, got, linesOf(f.Events))
	}
}

func (v *Verdict) judgeEvents(where string, s factStrength, got, want []string) {
	if s == inSequence && v.settled {
		byEnd := func(a, b string) int { return cmp.Compare(endOf(a), endOf(b)) }
		got, want = slices.Clone(got), slices.Clone(want)
		slices.SortStableFunc(got, byEnd)
		slices.SortStableFunc(want, byEnd)
	}
	switch s {
	case inSequence:
		v.check(slices.Equal(got, want), "%s, events in this order:\n%s", where, Difference(got, want))
	case inAnyOrder:
		got, want = slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))
		v.check(slices.Equal(got, want), "%s, events in any order (here sorted):\n%s", where, Difference(got, want))
	default:
		v.check(false, "%s: a fact of unknown strength %q", where, s)
	}
}

// endOf returns what a line begins with: the endpoint.
func endOf(line string) string {
	end, _, _ := strings.Cut(line, ": ")
	return end
}

func (v *Verdict) judgeFIFO(f fifoFact, run *Run) {
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
		f.From, f.To, strings.TrimSuffix(endpointText(f.Endpoint.value, f.Meta), ":"), next+1, Difference(got, want))
}

// judgeStarted compares which processes have run their first step.
func (v *Verdict) judgeStarted(x *Facts, run *Run) {
	started := slices.Sorted(slices.Values(run.Started))
	if x.SpawnedExactly {
		want := sortedKeys(x.Processes)
		v.check(slices.Equal(started, want), "processes started:\n%s", Difference(started, want))
		return
	}
	for _, path := range sortedKeys(x.Processes) {
		if x.Processes[path].Strength != Unclaimed {
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

// Difference shows two lists, one below the other, and where they begin to
// differ.
func Difference(got, want []string) string {
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

// Dying returns how many events are marked dying.
func (x *Facts) Dying() (n int) {
	count := func(events []scriptEvent) {
		for i := range events {
			if events[i].Dying {
				n++
			}
		}
	}
	for _, f := range x.Processes {
		count(f.Events)
		for _, e := range f.Endpoints {
			// Those of a multiset are among the events of the process.
			if f.Events == nil {
				count(e.Events)
			}
		}
	}
	return n
}
