package ground

import (
	"testing"
)

// Issue 9.3: a queue that is never empty, because devices add more than the machine
// takes, has no more memory than its inputs need.
func TestTurnKeepsNothing(t *testing.T) {
	var q turn
	const waiting = 400
	next, want := uint64(0), uint64(0)
	push := func() { next++; q.push(queued{kept: next}) }
	for range waiting {
		push()
	}
	for range 1_000_000 {
		push()
		if want++; q.pop().kept != want {
			t.Fatalf("not in order at %d", want)
		}
	}
	if n := cap(q.inputs); n > 4*waiting {
		t.Errorf("there is room for %d inputs, and %d wait", n, waiting)
	}
}

// Issue 9.3: a full machine whose backlog grows with each value gets no more values,
// unless it stays full for long.
func TestOverdue(t *testing.T) {
	var a admission
	goOn := func(backlog, times int) {
		for range times {
			a.goesOn(backlog)
		}
	}
	admitted := func(backlog int, want bool) {
		t.Helper()
		got := a.overdue(backlog)
		if got != want {
			t.Errorf("with a backlog of %d, going on for the %dth time, a value is overdue: %v", backlog, a.goneOn, got)
		}
		if got {
			a.short.push(queued{})
			a.next()
		}
	}
	goOn(5000, patience-1)
	admitted(5000, false)
	goOn(5000, 1)
	admitted(5000, true)
	goOn(5001, patience) // for another reason
	admitted(5001, true)
	goOn(10_000, patience)
	admitted(10_000, false)
	goOn(5000, 1)
	admitted(5000, true)
	goOn(10_000, lastPatience)
	admitted(10_000, true)
	goOn(10_000, patience)
	admitted(10_000, true)
	goOn(maxBacklog-1, 1)
	goOn(7000, patience)
	admitted(7000, true)
}
