package ground

import (
	"errors"
	"fmt"

	"github.com/go-marketplace/marketplace/world"
)

// A watch is how a poller waits for a device. The zero watch is that of a device
// that has a goroutine of its own. The mutex of the device guards it. The first
// four fields do not change once a poller has the device, and can be read without.
type watch struct {
	poller     *poller
	handle     world.Pollable
	descriptor int
	slot       int32
	waited     uint32 // for which events
	mute       bool   // no values come, not yet or not any more
	suspended  bool   // the poller does not read until the last value has been admitted
	failed     bool   // the system cannot wait for the descriptor
}

// Polls implements what [world.Polls] asks for. It takes the lock of the pollers.
func (d *device) Polls() bool { return d.r.pollers.usable(d.r) }

// handToPoller gives the device to a poller, if there is one for it. No values
// come before startPolling. It takes d.mu.
func (d *device) handToPoller() {
	h, ok := d.handle.(world.Pollable)
	if !ok {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.life.writes() {
		return // it is being closed
	}
	if p := d.r.pollers.take(); p != nil {
		d.watch = watch{poller: p, handle: h, descriptor: h.Descriptor(), mute: true}
		p.add(d)
	}
}

// startPolling lets values come. It takes d.mu.
func (d *device) startPolling() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.watch.mute = false
	d.updateLocked()
}

// rewatchLocked changes what the poller waits for to what the device needs now. If
// the poller cannot wait for the device, the device ends, because it would hang.
// The caller holds d.mu.
func (d *device) rewatchLocked() {
	w := &d.watch
	if w.poller == nil {
		return
	}
	var wanted uint32
	if d.intake.receivable.Load() && !w.mute && !w.suspended {
		wanted |= readable
	}
	if d.output.writer == parked && d.life.writes() {
		wanted |= writable
	}
	if err := w.poller.control(w, wanted); err != nil && !w.failed {
		w.failed = true
		d.r.wg.Go(func() { d.ended(fmt.Errorf("ground: the system cannot wait for %s: %w", d.name, err)) })
	}
}

// unwatch takes the device from its poller. It needs no lock, because the handle
// has been closed.
func (d *device) unwatch() {
	if w := &d.watch; w.poller != nil {
		w.poller.remove(d)
		d.r.pollers.release()
	}
}

// onReadable receives a value, if the descriptor has one. It reports whether there
// is something for the machine. It takes d.mu if it receives nothing.
func (d *device) onReadable() bool {
	switch {
	case !d.intake.receivable.Load():
		return false
	case !d.intake.slot.acquire():
		d.suspendReading()
		return false
	}
	v, err := d.watch.handle.TryRecv()
	if v == nil || err != nil {
		d.intake.slot.release()
		return err != nil && d.onDry(err)
	}
	d.enqueueValue(v, false)
	return true
}

// suspendReading makes the poller ignore what can be read while the last value
// waits to be admitted. Else the poller would wake up for it again and again. It
// takes d.mu.
func (d *device) suspendReading() {
	if !d.intake.slot.isHeld() {
		return // the machine takes the value in a moment
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.watch.suspended = d.intake.slot.isHeld() // unless it has been admitted meanwhile
	d.rewatchLocked()
}

// onDry notes that nothing more comes from the descriptor. Unless err is
// ErrDrained, the device ends. It reports whether there is something for the
// machine. It takes d.mu.
func (d *device) onDry(err error) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.watch.mute = true
	d.updateLocked()
	return !errors.Is(err, world.ErrDrained) && d.stepLocked(ended, err).has(report)
}

// onWritable goes on with what could not be written before. It reports whether
// there is something for the machine: what has been carried out, or has failed. It
// takes d.mu.
func (d *device) onWritable() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.output.writer != parked {
		return false
	}
	d.resumeLocked()
	return d.r.hasInputs()
}
