package ground

import (
	"sync/atomic"

	"github.com/go-marketplace/marketplace/world"
)

// This file is how a goroutine of the program brings the value of a device into the
// machine: see [world.Puller]. One goroutine at a time asks the handle for values, the
// receiver. That is a caller of Pull or, if there is more to do than for one value, the
// goroutine of the device. For example, three goroutines send through a door:
//
//	A    Pull: A is the receiver; "a" is in the queue; A runs the machine
//	B, C Pull: there is a receiver; they have asked, and return
//	A    "a" has been worked on, and answered; the goroutine of the device becomes the
//	     receiver, because somebody has asked; Pull returns
//	it   receives "b" and "c", and runs the machine; then nobody is the receiver
//
// The receiver takes the slot before it asks for a value, so the values enter the
// machine in the order in which the handle has them.

// A pulling is how values are pulled from a handle. The zero pulling is that of a device
// whose values are not pulled. The handle does not change once it is set.
type pulling struct {
	handle   world.Pullable
	receiver atomic.Uint32
}

// Who the receiver is. If asked is added, somebody has called the Puller, maybe after the
// receiver has last asked the handle for a value.
const (
	nobody    uint32 = iota
	caller           // of Pull
	goroutine        // of the device
	noMore           // nobody will be
	asked     = 1 << 2
)

// become makes a caller the receiver if nobody is. If somebody else is, it notes that
// somebody has asked.
func (p *pulling) become() bool {
	for {
		now := p.receiver.Load()
		next := now | asked
		switch now {
		case nobody:
			next = caller
		case noMore, next:
			return false
		}
		if p.receiver.CompareAndSwap(now, next) {
			return now == nobody
		}
	}
}

// leave ends the time of a receiver, unless somebody has asked.
func (p *pulling) leave(who uint32) bool { return p.receiver.CompareAndSwap(who, nobody) }

// handToCallers lets goroutines of the program bring the values of the device, if its
// handle can do so. None do before the opening value has come. It needs no lock, because
// nobody receives yet.
func (d *device) handToCallers() {
	if h, ok := d.handle.(world.Pullable); ok && d.watch.poller == nil {
		d.pulling.receiver.Store(goroutine)
		d.pulling.handle = h
		h.SetPuller(d)
	}
}

// Pull implements [world.Puller]. It takes d.mu if it leaves something to do.
func (d *device) Pull() {
	if !d.pulling.become() {
		return
	}
	more := true
	defer func() { // a transition function may end the goroutine
		if more || !d.pulling.leave(caller) {
			d.handToGoroutine()
		}
	}()
	if !d.intake.receivable.Load() || !d.intake.slot.acquire() {
		return
	}
	switch v, err := d.pulling.handle.TryRecv(); {
	case err != nil:
		d.r.wg.Go(func() { d.ended(err) })
		return // and the goroutine of the device ends
	case v == nil:
		d.intake.slot.release()
	default:
		d.enqueueValue(v, false)
		d.r.workFor(d)
	}
	more = false
}

// Ready implements [world.Puller]. It takes d.mu.
func (d *device) Ready() {
	if d.pulling.become() {
		d.handToGoroutine()
	}
}

// handToGoroutine makes the goroutine of the device the receiver. The caller is the
// receiver. It takes d.mu.
func (d *device) handToGoroutine() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pulling.receiver.Store(goroutine)
	d.changed.Broadcast()
}

// receivePulled brings the values of the device into the machine when no caller does,
// until the device ends. It takes d.mu in between.
func (d *device) receivePulled() {
	finished := false
	defer func() {
		if !finished { // a transition function has ended the goroutine
			d.r.wg.Go(d.receivePulled)
		}
	}()
	for d.awaitTurn() && d.awaitReadable() && d.acquireSlot() {
		d.pulling.receiver.Store(goroutine) // what was asked for before, TryRecv sees
		v, err := d.pulling.handle.TryRecv()
		if err != nil {
			d.ended(err)
			break
		}
		if v == nil {
			d.intake.slot.release()
		} else {
			d.enqueueValue(v, false)
			d.r.work(&d.intake.scratch)
		}
		d.pulling.leave(goroutine)
	}
	d.stopPulling()
	finished = true
}

// awaitTurn waits until the goroutine of the device is the receiver. It reports false if
// the device has been closed. It takes d.mu if it has to wait.
func (d *device) awaitTurn() bool {
	if d.pulling.byGoroutine() {
		return true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.life.wanted() && !d.pulling.byGoroutine() {
		d.changed.Wait()
	}
	return d.life.wanted()
}

// byGoroutine reports whether the goroutine of the device is the receiver.
func (p *pulling) byGoroutine() bool { return p.receiver.Load()&^asked == goroutine }

// stopPulling waits until no caller is in Pull, and makes all later calls do nothing. So
// no caller runs the machine when the run is over. It takes d.mu.
func (d *device) stopPulling() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for !d.pulling.become() && !d.pulling.byGoroutine() {
		d.changed.Wait()
	}
	d.pulling.receiver.Store(noMore)
}

// workFor runs the machine in a goroutine that has brought a value of d and that is not
// one of the ground: until the machine has done its work for the value, unless another
// goroutine runs it. Goroutines of the ground do what is left.
func (r *runner) workFor(d *device) {
	if !r.TryLock() {
		return // the goroutine that holds the lock checks the queue after it
	}
	r.runStint(&d.intake.scratch, d)
	if r.hasInputs() {
		r.wg.Go(func() { r.work(nil) })
	}
}

// flushFor flushes the device of a caller, and makes a goroutine of the ground flush the
// others: their handles may wait for something that the caller holds.
func (r *runner) flushFor(caller *device, touched []*device) {
	var others []*device
	for _, d := range touched {
		if d != caller {
			others = append(others, d)
		}
	}
	if len(others) > 0 {
		r.wg.Go(func() {
			r.flush(others)
			r.work(nil)
		})
	}
	caller.flush()
}
