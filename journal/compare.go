package journal

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-marketplace/marketplace/internal/text"
	"github.com/go-marketplace/marketplace/vm"
)

// A Change is what differs in one process between two states of a machine.
type Change struct {
	Path vm.Path
	Name string
	Kind ChangeKind

	// Before and After describe the process in either state: a line for its own
	// state, and one for each of its endpoints and devices, without the lines that are
	// the same in both.
	Before, After []string
}

// ChangeKind is the kind of a [Change].
type ChangeKind uint8

// The kinds of change.
const (
	Began   ChangeKind = iota + 1 // the process was not there before
	Ended                         // the process is not there after
	Changed                       // it is there in both, but not the same
)

// String returns "began", "ended" or "changed".
func (k ChangeKind) String() string { return [...]string{"", "began", "ended", "changed"}[k] }

// String describes the change for people, in lines.
func (c Change) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %v\n", vm.Label(c.Path, c.Name), c.Kind)
	before, after := slices.Clone(c.Before), slices.Clone(c.After)
	for i := range min(len(before), len(after)) {
		before[i], after[i] = contrast(before[i], after[i])
	}
	for _, s := range before {
		fmt.Fprintf(&b, "\t- %s\n", abridged(s))
	}
	for _, s := range after {
		fmt.Fprintf(&b, "\t+ %s\n", abridged(s))
	}
	return b.String()
}

// contrast shortens two long lines to the beginning and the part that differs, with a
// little of what comes before it.
func contrast(a, b string) (string, string) {
	const long, around = 160, 40
	if len(a) <= long && len(b) <= long {
		return a, b
	}
	same := 0
	for same < min(len(a), len(b)) && a[same] == b[same] {
		same++
	}
	from := same - around
	if from <= around {
		return a, b
	}
	for from > 0 && !utf8.RuneStart(a[from]) {
		from--
	}
	head := around
	for head > 0 && !utf8.RuneStart(a[head]) {
		head--
	}
	return a[:head] + " … " + a[from:], b[:head] + " … " + b[from:]
}

// Diff compares the machines of two moments, process by process, in the order of their
// paths. The moments may be of different branches.
func Diff(a, b *Moment) []Change {
	var changes []Change
	before, after := processTexts(a), processTexts(b)
	for len(before) > 0 || len(after) > 0 {
		order := 0
		switch {
		case len(before) == 0:
			order = 1
		case len(after) == 0:
			order = -1
		default:
			order = slices.Compare(before[0].path, after[0].path)
		}
		switch {
		case order < 0:
			changes = append(changes, Change{before[0].path, before[0].name, Ended, before[0].lines, nil})
			before = before[1:]
		case order > 0:
			changes = append(changes, Change{after[0].path, after[0].name, Began, nil, after[0].lines})
			after = after[1:]
		default:
			if gone, come := without(before[0].lines, after[0].lines), without(after[0].lines, before[0].lines); len(gone)+len(come) > 0 {
				changes = append(changes, Change{after[0].path, after[0].name, Changed, gone, come})
			}
			before, after = before[1:], after[1:]
		}
	}
	return changes
}

// A processText describes a process in lines.
type processText struct {
	path  vm.Path
	name  string
	lines []string
}

func processTexts(m *Moment) []processText {
	var all []processText
	for info := range m.Processes() {
		all = append(all, processText{info.Path, info.Name, Portray(info)})
	}
	return all
}

// Portray describes a process for people: a line for its state, and one for each
// of its endpoints and devices.
func Portray(info vm.ProcessInfo) []string {
	var lines []string
	if info.Nested {
		lines = append(lines, "a virtual machine")
	} else {
		lines = append(lines, "state "+text.Value(info.State))
	}
	if info.Queue > 0 {
		lines = append(lines, fmt.Sprintf("%d actions yet to be performed", info.Queue))
	}
	for _, e := range info.Endpoints {
		lines = append(lines, e.String())
	}
	for _, d := range info.Devices {
		lines = append(lines, fmt.Sprintf("holds %s, opening %d", d.Device.DeviceName(), d.Generation))
	}
	return lines
}

// without returns the lines of a that b does not have, or does not have as often.
func without(a, b []string) []string {
	count := map[string]int{}
	for _, s := range b {
		count[s]++
	}
	var rest []string
	for _, s := range a {
		if count[s]--; count[s] < 0 {
			rest = append(rest, s)
		}
	}
	return rest
}
