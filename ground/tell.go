package ground

import (
	"fmt"

	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// This file is about what a device is told: what waits for it, when that is
// written, and when the device is too slow. See decision 21.

// tell gives the device a command that came of an input, which has a number. It
// reports whether the device is still to be flushed.
//
// Commands are carried out after the machine has worked, many at once. But what
// is more than pressure is written at once, so that no more waits than the
// outside has refused to take.
func (d *device) tell(command any, input uint64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failed || d.left || d.leaving {
		d.lost = true
		return false
	}
	limit := d.r.settings.DeviceQueue
	again := input == d.input
	switch {
	case again || d.mayGoOn(limit):
	case d.again && d.handle == nil: // what only the restart suffers is not its end
		d.miss()
		return false
	default:
		d.fail(fmt.Errorf("%w: %d bytes wait, and Ground.DeviceQueue is %d", world.ErrSlowConsumer, d.size, limit))
		return false
	}
	d.input = input
	d.out = append(d.out, command)
	was := d.size
	d.size += size(command)
	if d.owed == was && (again || was == 0 && d.handle == nil) {
		d.owed = d.size
	}
	if was <= highWater && d.size > highWater {
		d.update()
	}
	if pressure := min(highWater, limit); d.size > pressure && !d.refusing && d.handle != nil {
		for d.flushing && !d.refusing && d.size > pressure {
			d.pressed = true // another goroutine is writing, which never takes long
			d.changed.Wait()
		}
		d.try()
	}
	return !d.flushing
}

// mayGoOn reports whether the device may be told more because of another input:
// whether no more than limit waits of what it was told after the handle refused
// to take more, or before it is open. What came of the input at which the handle
// refused, or of the first before it is open, does not count, so that any amount may
// come of one input.
func (d *device) mayGoOn(limit int) bool {
	over := func() bool { return (d.refusing || d.handle == nil) && d.size-d.owed > limit }
	if over() && d.watch.full { // there may be room by now
		d.watch.full, d.flushing = false, false
		d.try()
		d.update()
	}
	return !over()
}

// fail ends the device, which cannot carry out what it was told.
func (d *device) fail(reason error) {
	d.failed, d.lost = true, true
	d.out = nil
	d.update()
	d.r.wg.Go(func() {
		d.end(reason)
		d.r.work(nil)
	})
}

// flush carries out what the device was told, as far as that is possible
// without waiting.
func (d *device) flush() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.try()
}

// try is flush with the lock held. What the handle refuses is left to the
// poller, or to a goroutine that waits.
func (d *device) try() {
	if d.flushing || d.handle == nil {
		return
	}
	for len(d.out) > 0 && !d.failed && !d.left {
		d.flushing = true
		batch := d.out
		d.out = d.spare[:0]
		d.spare = nil
		d.mu.Unlock()
		n, err := d.handle.Try(batch)
		d.mu.Lock()
		d.report(batch[:n])
		if err != nil && n < len(batch) {
			d.refused(batch[n], err)
			n++
		}
		d.done(batch[:n])
		if n < len(batch) {
			rest := append(batch[n:len(batch):len(batch)], d.out...)
			d.out = rest
			if err == nil {
				d.waitToWrite()
				return // flushing
			}
			continue
		}
		clear(batch)
		d.spare = batch
	}
	d.idle()
}

// idle notes that nothing is being carried out any more.
func (d *device) idle() {
	d.flushing, d.refusing, d.owed = false, false, 0
	if d.pressed {
		d.pressed = false
		d.changed.Broadcast()
	}
	d.leave()
}

// waitToWrite leaves the rest for when it can be carried out: to the poller, or
// to a goroutine that waits.
func (d *device) waitToWrite() {
	if !d.refusing {
		d.refusing, d.owed = true, d.size // and what the same input still brings
	}
	if d.watch.poller == nil {
		d.update()
		d.r.wg.Go(d.drain)
		return
	}
	d.watch.full = true
	d.update()
}

// report tells the machine what has been carried out, of what it wants to hear.
func (d *device) report(commands []any) {
	for _, c := range commands {
		if r, ok := c.(world.Reporter); ok && !d.gone() && r.Reports() {
			d.r.enqueue(queued{Input: vm.Input{Kind: vm.Done, Address: d.address, Value: c}})
		}
	}
}

// done notes that commands have been carried out, or have failed.
func (d *device) done(commands []any) {
	was := d.size
	for _, c := range commands {
		d.size -= size(c)
	}
	d.owed = min(d.owed, d.size)
	if was > highWater && d.size <= highWater {
		d.update()
	}
}

// refused tells the machine that a command has failed. The caller that flushes
// the device runs the machine after that.
func (d *device) refused(command any, err error) {
	d.r.enqueue(queued{Input: vm.Input{Kind: vm.Failed, Address: d.address, Value: command, Err: world.Reduce(err)}})
}

// drain carries out what is left, and waits where it has to.
func (d *device) drain() {
	d.carryOut()
	d.r.work(nil)
}

func (d *device) carryOut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.out) > 0 && !d.failed && !d.left {
		c := d.out[0]
		d.out[0] = nil
		d.out = d.out[1:]
		d.mu.Unlock()
		err := d.handle.Do(c)
		d.mu.Lock()
		if err != nil && !d.left {
			d.refused(c, err)
		} else if err == nil {
			d.report([]any{c})
		}
		d.done([]any{c})
	}
	d.idle()
}
