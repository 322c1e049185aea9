package ground

import (
	"context"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// Issue 9.3: a poller does not wait for more from a device whose value waits to be
// admitted: otherwise it would wake up again and again for a value that it may not
// take.
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
			t.Errorf("%s, a poller watches it: %v", when, got)
		}
	}
	d.startPolling()
	looks("at first", true)
	if !d.onReadable() || d.onReadable() {
		t.Error("not one value is pulled")
	}
	looks("while a value is in the queue", true)
	var a admission
	if !a.take(r.queue.inputs[0], true, true) {
		t.Error("the value does not wait")
	}
	if d.onReadable() {
		t.Error("a second value is pulled")
	}
	looks("while a value waits to be admitted", false)
	a.next()
	d.releaseSlot()
	looks("when it has been", true)
	if !d.onReadable() {
		t.Error("the next value is not pulled")
	}
}

// A full handle is a handle that always has a value.
type full struct{ world.Pollable }

func (full) TryRecv() (any, error) { return "value", nil }

// A poller stops waiting for a descriptor that is being closed, even if commands wait
// to be written to it.
func TestPollerForgetsWhatIsClosed(t *testing.T) {
	near, far, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	defer far.Close()
	r := &runner{settings: Ground{DeviceQueue: 1000, CloseLimit: time.Hour}, devices: map[uint64]*device{}, ctx: t.Context()}
	p := newPoller(r)
	if p == nil {
		t.Skip("there is no poller")
	}
	r.pollers = pollers{all: []*poller{p}}
	defer r.pollers.stop()
	r.Lock()
	r.open(&vm.Command{Kind: vm.Open, Address: &vm.Address{Device: clogged{far}, Generation: 1}})
	d := r.devices[1]
	waits := func(when string, want uint32) {
		t.Helper()
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.watch.waited != want {
			t.Errorf("%s, the poller waits for %d, not for %d", when, d.watch.waited, want)
		}
	}
	d.tell("much", 1)
	for d.flush(); ; runtime.Gosched() {
		d.mu.Lock()
		blocked := d.output.writer == parked && d.watch.waited != 0
		d.mu.Unlock()
		if blocked {
			break
		}
	}
	d.close()
	waits("while it waits to write", writable)
	d.mu.Lock()
	d.stepLocked(limitOver, nil)
	d.mu.Unlock()
	waits("when the limit is over", 0)
	<-d.closed
	r.wg.Wait()
}

// A clogged device takes no commands.
type clogged struct{ file *os.File }

func (clogged) DeviceName() string { return "clogged" }

func (c clogged) Open(context.Context, world.Env) (world.Handle, error) { return c, nil }
func (c clogged) Descriptor() int                                       { return int(c.file.Fd()) }
func (clogged) Recv() (any, error)                                      { return "opened", nil }
func (clogged) TryRecv() (any, error)                                   { return nil, nil }
func (clogged) Try([]any) (int, error)                                  { return 0, nil }
func (clogged) Do(any) error                                            { return nil }
func (clogged) Close() error                                            { return nil }
