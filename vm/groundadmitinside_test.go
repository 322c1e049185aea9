package vm

import "testing"

// Issue 9.3: a queue that is never empty, because its devices bring more than the
// machine takes, grows no longer than what waits in it.
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
