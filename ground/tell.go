package ground

import (
	"fmt"
	"log/slog"

	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// This file brings commands from the machine to the handle of a device.
//
// While the machine works, commands wait in the output. When it has stopped working,
// the ground flushes them, many at once. For example:
//
//	the machine works    tell "a", tell "b"
//	it rests             flush: Try ["a" "b"], which does 1: the socket is full
//	                     the writer is parked; ["b"] waits
//	the machine works    tell "c"                  ["b" "c"] waits
//	the poller wakes up  onWritable: Try ["b" "c"], which does 2
//	                     the writer is idle
//
// Without a poller, a goroutine takes over from Try (writeBlocking), and calls Do
// for each command, which may wait. If more than highWater waits, tell writes at once,
// so that no more waits than the outside has refused to take.

// tell gives the device a command that the input with a number caused. It reports
// whether the caller must flush the device. It takes d.mu.
func (d *device) tell(command any, input uint64) (flush bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	opened, limit := d.handle != nil, d.r.settings.DeviceQueue
	room := d.hasRoomLocked(input, limit)
	var fx effects
	if d.life, fx = d.life.next(told); !fx.has(accept) {
		return false
	}
	switch {
	case room:
	case d.reopens && !opened: // a restart must not end the device
		d.missLocked()
		return false
	default:
		d.stepLocked(overflowed, fmt.Errorf("%w: %d bytes wait, and Ground.DeviceQueue is %d", world.ErrSlowConsumer, d.output.size, limit))
		d.r.wg.Go(func() { d.r.work(nil) })
		return false
	}
	high := d.output.high()
	d.output.push(command, input, opened)
	if !high && d.output.high() {
		d.updateLocked()
	}
	if opened {
		d.relieveLocked(min(highWater, limit))
	}
	return d.output.writer == idle
}

// hasRoomLocked reports whether the device may get more commands of an input. If
// not, it first tries again to write what the handle has refused, unless the poller
// has done so. The caller holds d.mu, which is released meanwhile.
func (d *device) hasRoomLocked(input uint64, limit int) bool {
	over := func() bool { return d.output.over(input, limit, d.handle != nil) }
	if over() && d.output.writer == parked {
		d.resumeLocked()
	}
	return !over()
}

// relieveLocked writes at once if more waits than pressure, unless the handle has
// refused to take more. The caller holds d.mu, which is released meanwhile.
func (d *device) relieveLocked(pressure int) {
	if d.output.size <= pressure || d.output.blocked {
		return
	}
	for d.output.writer != idle && !d.output.blocked && d.output.size > pressure {
		d.output.pressed = true // another goroutine is in Try, which never takes long
		d.changed.Wait()
	}
	d.flushLocked()
}

// missLocked drops a command, because too much waits for a device that cannot be
// opened again yet. The caller holds d.mu.
func (d *device) missLocked() {
	if !d.life.lost {
		d.r.logger.Warn("a device that cannot be opened yet is told too much; dropping the rest",
			slog.String("device", d.name), slog.Int("queued", d.output.size))
	}
	d.stepLocked(missed, nil)
}

// flush writes as many commands as the handle takes without waiting. It takes
// d.mu, and releases it while the handle writes.
func (d *device) flush() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.flushLocked()
}

// flushLocked is flush with the lock held. The caller holds d.mu.
func (d *device) flushLocked() {
	if d.output.writer != idle || d.handle == nil {
		return
	}
	for len(d.output.queue) > 0 {
		batch := d.output.take()
		d.mu.Unlock()
		n, err := d.handle.Try(batch)
		d.mu.Lock()
		if !d.life.writes() {
			break // the commands that waited have been dropped
		}
		d.reportDoneLocked(batch[:n])
		high, failed := d.output.high(), err != nil && n < len(batch)
		if failed {
			d.reportFailed(batch[n], err)
			n++
		}
		d.output.settle(batch, n)
		if high && !d.output.high() {
			d.updateLocked()
		}
		if n < len(batch) && !failed {
			d.blockLocked()
			return
		}
	}
	d.restLocked()
}

// restLocked notes that nobody writes any more, because nothing waits. The caller
// holds d.mu.
func (d *device) restLocked() {
	if d.output.rest() {
		d.changed.Broadcast()
	}
	d.stepLocked(drained, nil)
}

// blockLocked leaves the commands that the handle refuses to the poller, or to a
// goroutine that waits. The caller holds d.mu.
func (d *device) blockLocked() {
	d.output.block()
	if d.watch.poller != nil {
		d.output.writer = parked
	} else {
		d.r.wg.Go(d.writeBlocking)
	}
	d.updateLocked()
}

// resumeLocked writes again after the writer was parked. The caller holds d.mu, which
// is released while the handle writes.
func (d *device) resumeLocked() {
	d.output.writer = idle
	d.flushLocked()
	d.updateLocked()
}

// writeBlocking writes the commands that wait, and waits for the handle. Then it runs
// the machine. It takes d.mu, and releases it while the handle writes.
func (d *device) writeBlocking() {
	d.mu.Lock()
	for len(d.output.queue) > 0 {
		c := d.output.takeOne()
		d.mu.Unlock()
		err := d.handle.Do(c)
		d.mu.Lock()
		if !d.life.writes() {
			break
		}
		if err != nil {
			d.reportFailed(c, err)
		} else {
			d.reportDoneLocked([]any{c})
		}
		high := d.output.high()
		d.output.settleOne(c)
		if high && !d.output.high() {
			d.updateLocked()
		}
	}
	d.restLocked()
	d.mu.Unlock()
	d.r.work(nil)
}

// reportDoneLocked enqueues an input for each command that reports its completion.
// The caller holds d.mu.
func (d *device) reportDoneLocked(commands []any) {
	for _, c := range commands {
		if r, ok := c.(world.Reporter); ok && d.life.wanted() && r.Reports() {
			d.r.enqueue(queued{Input: vm.Input{Kind: vm.Done, Address: d.address, Value: c}})
		}
	}
}

// reportFailed enqueues the failure of a command. Then the caller runs the
// machine. It needs no lock.
func (d *device) reportFailed(command any, err error) {
	d.r.enqueue(queued{Input: vm.Input{Kind: vm.Failed, Address: d.address, Value: command, Err: world.Reduce(err)}})
}
