package drivertest

import (
	"fmt"
	"strings"
)

// doesTheSameEverywhere compares what users hear in two runs at the ground, and
// in each other place.
func doesTheSameEverywhere(t *trial, in []place) {
	t.Helper()
	first := t.transcript(outermost)
	if again := t.transcript(outermost); again != first {
		t.Fatalf("drivertest: two runs of the same script at the ground differ, in what users hear:\n%s", difference(first, again))
	}
	for _, p := range in {
		if there := t.transcript(p); there != first {
			t.Fatalf("drivertest: users hear something else %v than at the ground:\n%s", p, difference(first, there))
		}
	}
}

// transcript returns what the users hear in a run in which everything happens.
func (t *trial) transcript(p place) (text string) {
	t.Helper()
	t.play(p, func(s *stage) {
		everything(s)
		s.watch.mu.Lock()
		defer s.watch.mu.Unlock()
		var b strings.Builder
		for _, name := range s.watch.users {
			fmt.Fprintf(&b, "%s:\n", name)
			for _, e := range s.watch.heard[name] {
				fmt.Fprintf(&b, "\t%s\n", e.text)
			}
		}
		text = b.String()
	})
	return text
}

// difference shows where two texts begin to differ.
func difference(a, b string) string {
	const context = 6
	as, bs := strings.Split(a, "\n"), strings.Split(b, "\n")
	i := 0
	for i < len(as) && i < len(bs) && as[i] == bs[i] {
		i++
	}
	line := func(lines []string) string {
		if i >= len(lines) || lines[i] == "" {
			return "nothing more"
		}
		return lines[i]
	}
	var text strings.Builder
	for _, same := range as[max(0, i-context):i] {
		text.WriteString("  " + same + "\n")
	}
	fmt.Fprintf(&text, "- %s\n+ %s", line(as), line(bs))
	return text.String()
}
