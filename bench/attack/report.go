package main

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// A report has the results of an attack.
type report struct {
	answers  []string
	failures []string

	memory    int64         // the most of the server, in bytes; 0 if unknown
	newcomers int           // how many got an answer
	slowest   time.Duration // of the newcomers
	ended     string        // how the server ended; empty if the attack did not end it
	took      time.Duration // to end the server
}

func (r report) verdict() string {
	if len(r.failures) > 0 {
		return "FAILED"
	}
	return "passed"
}

func (r report) memoryText() string {
	if r.memory < 1<<20 { // the server ended before the first measurement
		return "-"
	}
	return fmt.Sprintf("%d MB", (r.memory+1<<19)>>20)
}

func (r report) newcomerText() string {
	if r.newcomers == 0 {
		return "-"
	}
	return seconds(r.slowest)
}

func (r report) endText() string {
	if r.ended == "" {
		return "-"
	}
	return r.ended + " after " + seconds(r.took)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

// goals returns the goals of an attack, as texts.
func (a attack) goals() (memory, newcomer, end string) {
	m, n, e := a.memory, a.newcomer, a.end
	if m == 0 {
		m = goalMemory
	}
	if n == 0 {
		n = goalNewcomer
	}
	if e == 0 {
		e = goalEnd
	}
	return fmt.Sprintf("%d MB", m>>20), fmt.Sprintf("%g s", n.Seconds()), fmt.Sprintf("%g s", e.Seconds())
}

// maxFailures is how many failures are printed. There may be one for each client.
const maxFailures = 3

// print prints all of a report.
func (r report) print(out io.Writer, a attack) {
	memory, newcomer, end := a.goals()
	fmt.Fprintf(out, "%s: %s\n", a.name, a.does)
	for _, answer := range r.answers {
		fmt.Fprintf(out, "    %s\n", answer)
	}
	fmt.Fprintf(out, "    memory %s (goal %s), newcomer %s (goal %s), end: %s (goal %s)\n",
		r.memoryText(), memory, r.newcomerText(), newcomer, r.endText(), end)
	for i, failure := range r.failures {
		if i == maxFailures && i < len(r.failures)-1 {
			fmt.Fprintf(out, "    failed: %d more\n", len(r.failures)-i)
			break
		}
		fmt.Fprintf(out, "    failed: %s\n", strings.ReplaceAll(failure, "\n", "\n        "))
	}
	fmt.Fprintf(out, "    %s\n\n", r.verdict())
}

// A table is printed at the end, in Markdown, as in docs/attacks.md.
type table [][3]string

func (t *table) add(a attack, r report) {
	memory, newcomer, end := a.goals()
	goal, result := []string{}, []string{r.verdict()}
	if text := r.memoryText(); text != "-" {
		goal, result = append(goal, memory), append(result, text)
	}
	if r.newcomers > 0 {
		goal, result = append(goal, "newcomer "+newcomer), append(result, "newcomer "+r.newcomerText())
	}
	if r.ended != "" {
		goal, result = append(goal, "end "+end), append(result, r.endText())
	}
	*t = append(*t, [3]string{a.name, strings.Join(goal, ", "), strings.Join(result, ", ")})
}

func (t *table) skip(a attack, reason string) {
	*t = append(*t, [3]string{a.name, "-", "skipped: " + reason})
}

func (t *table) print(out io.Writer) {
	all := append(table{{"attack", "goal", "result"}}, *t...)
	var width [3]int
	for _, row := range all {
		for i, cell := range row {
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	for n, row := range all {
		for i, cell := range row {
			fmt.Fprintf(out, "| %-*s ", width[i], cell)
		}
		fmt.Fprintln(out, "|")
		if n > 0 {
			continue
		}
		for _, w := range width {
			fmt.Fprint(out, "|", strings.Repeat("-", w+2))
		}
		fmt.Fprintln(out, "|")
	}
}
