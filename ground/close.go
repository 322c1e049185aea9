package ground

import (
	"log/slog"
	"sync"
	"time"

	"github.com/go-marketplace/marketplace/world"
)

// This file closes devices. The ground first writes the commands that wait, and the
// peer can tell whether all of them were written. For example, the machine tells a
// socket "bye" and closes it. With CloseLimit 5 s, the ground calls
//
//	Close at once        if "bye" has been written
//	Close a moment later if the socket takes "bye" then
//	Abort after 5 s      if the socket does not take it: the peer reads an error
//	Abort at once        if the device is too slow for "bye"
//
// Meanwhile the machine may open an equal device, one with the same name. That one
// waits until the handle has been closed and, for example, its port is free.

// close closes the device after the commands that wait have been written, or when
// CloseLimit is over. It returns at once. It takes d.mu.
func (d *device) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stepLocked(closeAsked, nil)
}

// disown is close for a machine that gets no more values from the device. It also
// closes the resources that the device has kept and that the machine does not know
// of. It takes d.mu.
func (d *device) disown() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.holdings.disowned = true
	d.stepLocked(closeAsked, nil)
}

// forgo notes that a command of the machine will not reach the device, because the
// journal has failed. It takes d.mu.
func (d *device) forgo() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stepLocked(forgone, nil)
}

// drainLocked starts to write the commands that wait, and the timer that limits
// this. The caller holds d.mu.
func (d *device) drainLocked() {
	d.limit = time.AfterFunc(d.r.settings.CloseLimit, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.stepLocked(limitOver, nil)
	})
	if d.output.writer == idle && d.handle != nil {
		d.r.wg.Go(func() {
			d.flush()
			d.r.work(nil)
		})
	}
}

// leaveOutside closes the handle, if there is one, or aborts it if a command is
// lost. Then an equal device may open. It takes d.mu.
func (d *device) leaveOutside(lost bool) {
	if d.handle != nil {
		closeHandle := d.handle.Close
		if a, ok := d.handle.(world.Aborter); ok && lost {
			closeHandle = a.Abort
		}
		if err := closeHandle(); err != nil {
			d.r.logger.Debug("closing a device failed", slog.String("device", d.name), slog.Any("error", err))
		}
	}
	d.unwatch()
	d.closeUnclaimed()
	d.mu.Lock()
	d.stepLocked(left, nil)
	d.mu.Unlock()
	close(d.closed)
	d.r.closings.forget(d)
}

// closings are the devices that are being closed, by name. It has its own lock.
type closings struct {
	sync.Mutex
	byName map[string]*device // the last one
}

func (c *closings) note(d *device) {
	c.Lock()
	defer c.Unlock()
	if c.byName == nil {
		c.byName = map[string]*device{}
	}
	c.byName[d.name] = d
}

func (c *closings) last(name string) *device {
	c.Lock()
	defer c.Unlock()
	return c.byName[name]
}

func (c *closings) forget(d *device) {
	c.Lock()
	defer c.Unlock()
	if c.byName[d.name] == d {
		delete(c.byName, d.name)
	}
}
