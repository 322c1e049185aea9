package ground

import "github.com/go-marketplace/marketplace/vm"

// This file is how values get from the handle of a device into the machine. For
// example, a device that has a goroutine says "a" and "b" while the machine is
// busy:
//
//	receive      Recv returns "a"; the slot is taken; "a" is in the queue
//	             Recv returns "b"; acquireSlot waits
//	the runner   "a" enters the machine; releaseSlot
//	receive      the slot is taken; "b" is in the queue
//
// Where a poller waits for the device, onReadable does the same, but asks for "b"
// only when the slot is free. The ground receives nothing at all while the device
// is paused, or much waits to be written to it. What it receives just before the
// device is paused is stashed until the device is resumed.

// receive brings the values of the device into the machine until the device ends,
// or until it has brought the opening value and a poller takes over. First says
// that the opening value is to come. It takes d.mu in between.
func (d *device) receive(first bool) {
	finished := false
	defer func() {
		switch { // a transition function may have ended the goroutine
		case finished:
		case d.watch.poller != nil:
			d.startPolling()
		case d.pulling.handle != nil:
			d.r.wg.Go(d.receivePulled)
		default:
			d.r.wg.Go(func() { d.receive(false) })
		}
	}()
	for ; first || d.awaitReadable(); first = false {
		v, err := d.handle.Recv()
		if err != nil {
			d.ended(err)
			break
		}
		if !d.acquireSlot() {
			d.closeUnclaimed()
			break
		}
		d.enqueueValue(v, first)
		d.r.work(&d.intake.scratch)
		if d.watch.poller != nil {
			d.startPolling()
			break
		}
		if d.pulling.handle != nil {
			finished = true
			d.receivePulled()
			break
		}
	}
	finished = true
}

// awaitReadable waits until the ground may receive a value. It reports false if
// the device has been closed. It takes d.mu if it has to wait.
func (d *device) awaitReadable() bool {
	if d.intake.receivable.Load() {
		return true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for (d.intake.paused || d.output.high()) && d.life.wanted() {
		d.changed.Wait()
	}
	return d.life.wanted()
}

// acquireSlot waits until the machine has taken the value before, and takes the
// slot. It reports false if the device has been closed. It takes d.mu if it has
// to wait.
func (d *device) acquireSlot() bool {
	if d.intake.receivable.Load() && d.intake.slot.acquire() {
		return true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.life.wanted() && !d.intake.slot.acquire() {
		if d.intake.slot.await() {
			d.changed.Wait()
		}
	}
	return d.life.wanted()
}

// enqueueValue puts a value into the queue, with the number of the last thing that
// the device has kept by now. The caller has the slot. It needs no lock.
func (d *device) enqueueValue(v any, first bool) {
	d.r.enqueue(queued{vm.Input{Kind: vm.Value, Address: d.address, Value: v}, d, first, d.holdings.last.Load()})
}

// releaseSlot notes that the machine has taken a value. It takes d.mu if somebody
// waits for that.
func (d *device) releaseSlot() {
	if d.intake.slot.release() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.watch.suspended = false
		d.updateLocked()
	}
}

// setPaused pauses or resumes the device. When it resumes the device, it
// returns the value that is stashed, if there is one. The caller holds the lock
// of the runner. It takes d.mu.
func (d *device) setPaused(paused bool) (q queued, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.intake.paused = paused
	d.updateLocked()
	if paused {
		return queued{}, false
	}
	return d.unstash()
}

// stashIfPaused stashes a value of a device that is paused by now. The opening
// value enters the machine all the same. The caller holds the lock of the runner.
func (d *device) stashIfPaused(q queued) bool {
	if !d.intake.paused || q.first {
		return false
	}
	d.intake.stash = q
	return true
}

// unstash returns the value that is stashed, if there is one. The caller holds the
// lock of the runner.
func (d *device) unstash() (q queued, ok bool) {
	q, d.intake.stash = d.intake.stash, queued{}
	return q, q.Kind != 0
}
