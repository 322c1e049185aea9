package ground

import (
	"os"
	"testing"

	"github.com/go-marketplace/marketplace/world"
)

// Issue 9.3: a poller does not wait for more from a device whose value waits to be
// admitted: it would wake up for what is there all the time, and find that it may
// not be taken.
func TestPollerLooksAway(t *testing.T) {
	near, far, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	defer far.Close()
	r := &runner{}
	p := newPoller(r)
	if p == nil {
		t.Skip("there is no poller")
	}
	defer p.close()
	d := &device{r: r}
	d.changed.L = &d.mu
	d.watch = watch{poller: p, handle: full{}, descriptor: int(near.Fd())}
	p.add(d)
	looks := func(when string, want bool) {
		t.Helper()
		if got := d.watch.waited == readable; got != want {
			t.Errorf("%s, it is looked at: %v", when, got)
		}
	}
	d.listen()
	looks("at first", true)
	if !d.pull() || d.pull() {
		t.Error("not one value is pulled")
	}
	looks("while a value is in the queue", true)
	var a admission
	if !a.take(r.queue.inputs[0], true, true) {
		t.Error("the value does not wait")
	}
	if d.pull() {
		t.Error("a second value is pulled")
	}
	looks("while a value waits to be admitted", false)
	a.next()
	d.consumed()
	looks("when it has been", true)
	if !d.pull() {
		t.Error("the next value is not pulled")
	}
}

// A full handle always has a value.
type full struct{ world.Pollable }

func (full) TryRecv() (any, error) { return "value", nil }
