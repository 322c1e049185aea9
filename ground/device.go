package ground

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// A device is an open device of a ground that runs. A goroutine of its own
// opens it, and receives from it.
type device struct {
	r       *runner
	address *vm.Address
	name    string
	again   bool    // it was open in an earlier incarnation
	rests   bool    // its values wait until the machine is at rest
	before  *device // the one of the same name that has to be closed first
	ctx     context.Context
	cancel  context.CancelFunc
	closed  chan struct{} // closed when the outside has been left
	scratch []*device     // of its goroutine
	turn    *turn         // in which its value waits to be admitted; of the runner

	// What the goroutine looks at for each value, without the lock.
	free    atomic.Bool // a value may be received: see update
	paused  atomic.Bool
	pending atomic.Bool // a value is on its way into the machine
	waiting atomic.Bool // for that to change
	held    atomic.Bool // the value waits to be admitted
	keeps   atomic.Bool // something has been kept

	mu       sync.Mutex
	changed  sync.Cond
	handle   world.Handle // nil until it is open
	aside    queued       // a value that came while paused; Kind is zero if there is none
	out      []any        // commands that wait
	spare    []any
	size     int    // of what waits and is being carried out, in bytes
	flushing bool   // commands are being carried out, or wait for the handle to take more
	refusing bool   // the handle has refused to take more, and something has waited since
	owed     int    // how much of size was told before that, or of the same input
	input    uint64 // of which it was told last, by number
	pressed  bool   // the machine waits for a flush
	failed   bool   // too much was waiting
	retrying bool   // opening it has failed, and is tried again
	missed   int    // commands that were dropped before it was open again
	lost     bool   // a command was not carried out, and never will be
	leaving  bool   // to be closed when all is carried out
	left     bool   // closed
	opened   bool   // or it could not be
	limit    *time.Timer
	watch    watch
	number   uint64 // of the last thing kept
	claimed  uint64 // up to which the machine has heard of them
	dropped  bool   // the machine hears no more of them
}

func (r *runner) open(c *vm.Command) {
	name := c.Address.Device.DeviceName()
	d := &device{r: r, address: c.Address, name: name, again: c.Again, closed: make(chan struct{})}
	if w, ok := c.Address.Device.(world.Resting); ok {
		d.rests = w.WaitsForRest()
	}
	d.paused.Store(c.Paused)
	d.update()
	d.changed.L = &d.mu
	d.ctx, d.cancel = context.WithCancel(r.ctx)
	r.devices[c.Address.Generation] = d
	r.cause(effect{kind: vm.Open, device: d})
}

// start opens the device.
func (d *device) start() {
	if d.before != nil {
		<-d.before.closed
		d.before = nil
	}
	handle, err := d.openHandle()
	d.mu.Lock()
	d.opened = true
	switch {
	case d.left:
		lost := d.lost
		d.mu.Unlock()
		if err == nil {
			d.closeHandle(handle, lost)
		}
		d.leftOutside()
	case err != nil:
		d.out, d.size = nil, 0
		d.update()
		d.leave()
		d.mu.Unlock()
		d.ended(err)
	default:
		d.handle = handle
		d.mu.Unlock()
		d.handToPoller()
		d.flush()
		if d.r.waiting() {
			d.r.wg.Go(func() { d.r.work(nil) }) // a transition function may end the goroutine
		}
		d.receive(true)
	}
}

// receive brings the values of the device into the machine, until it ends.
func (d *device) receive(first bool) {
	finished := false
	defer func() {
		switch { // a transition function may have ended the goroutine
		case finished:
		case d.watch.poller != nil:
			d.listen()
		default:
			d.r.wg.Go(func() { d.receive(false) })
		}
	}()
	for {
		if !first && !d.mayReceive() {
			break
		}
		v, err := d.handle.Recv()
		if err != nil {
			d.ended(err)
			break
		}
		if !d.mayBring() {
			d.closeUnclaimed()
			break
		}
		d.r.enqueue(queued{vm.Input{Kind: vm.Value, Address: d.address, Value: v}, d, first, d.kept()})
		d.r.work(&d.scratch)
		if d.watch.poller != nil {
			d.listen()
			break
		}
		first = false
	}
	finished = true
}

// mayReceive waits until a value may be received. It reports false if the
// device has been closed.
func (d *device) mayReceive() bool {
	if d.free.Load() {
		return true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for (d.paused.Load() || d.size > highWater) && !d.gone() {
		d.changed.Wait()
	}
	return !d.gone()
}

// update notes whether a value may be received, and wakes who waits for it.
func (d *device) update() {
	d.free.Store(!d.paused.Load() && d.size <= highWater && !d.gone())
	d.rewatch()
	d.changed.Broadcast()
}

// mayBring waits until the machine has taken the value before. It reports false
// if the device has been closed.
func (d *device) mayBring() bool {
	if d.free.Load() && d.pending.CompareAndSwap(false, true) {
		return true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.waiting.Store(true)
	for !d.gone() && !d.pending.CompareAndSwap(false, true) {
		d.changed.Wait()
	}
	d.waiting.Store(false)
	return !d.gone()
}

// gone reports whether nobody wants values any more.
func (d *device) gone() bool { return d.leaving || d.left || d.failed }

// consumed notes that the machine has taken a value.
func (d *device) consumed() {
	d.pending.Store(false)
	held := d.held.Load()
	if held {
		d.held.Store(false)
	}
	if held || d.waiting.Load() {
		d.mu.Lock()
		d.watch.away = false
		d.update()
		d.mu.Unlock()
	}
}

// putAside keeps a value if the device has been paused in the meantime.
func (d *device) putAside(q queued) bool {
	if !d.paused.Load() || q.first {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.aside = q
	return true
}

// setPaused pauses or resumes the device. It returns the value that has been
// put aside, if there is one.
func (d *device) setPaused(paused bool) (aside queued, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.paused.Store(paused)
	if !paused {
		aside, ok = d.unaside()
	}
	d.update()
	return aside, ok
}

// takeAside returns the value that has been put aside, if there is one.
func (d *device) takeAside() (aside queued, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.unaside()
}

// unaside is takeAside with the lock held.
func (d *device) unaside() (aside queued, ok bool) {
	aside, d.aside = d.aside, queued{}
	return aside, aside.Kind != 0
}

// ended has the machine hear that the device has come to its end.
func (d *device) ended(err error) {
	d.mu.Lock()
	gone := d.gone()
	d.mu.Unlock()
	if !gone {
		d.end(err)
		d.r.work(nil)
	}
}

// end closes the device, and then puts its end into the queue: who hears of that
// may open an equal device, which opens when this one has been closed.
func (d *device) end(err error) {
	if errors.Is(err, io.EOF) {
		err = nil
	}
	d.close()
	d.r.enqueue(queued{Input: vm.Input{Kind: vm.End, Address: d.address, Err: world.Reduce(err)}, from: d})
}
