package ground

import (
	"log/slog"
	"sync"
	"time"

	"github.com/go-marketplace/marketplace/world"
)

// close leaves the outside, after what the device was told has been carried
// out, or the time for that is over.
func (d *device) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.leaving {
		return
	}
	d.leaving = true
	d.update()
	d.r.closing.note(d)
	switch {
	case d.failed || !d.opened && (len(d.out) == 0 || d.retrying):
		d.shut()
	case d.flushing || len(d.out) > 0:
		d.limit = time.AfterFunc(d.r.settings.CloseLimit, d.abandon)
		if !d.flushing && d.handle != nil {
			d.r.wg.Go(func() {
				d.flush()
				d.r.work(nil)
			})
		}
	default:
		d.leave()
	}
}

// drop closes the device for a machine that does not want it any more.
func (d *device) drop() {
	d.mu.Lock()
	d.dropped = true
	d.mu.Unlock()
	d.close()
}

// leave closes the device if that is what it has come to.
func (d *device) leave() {
	if d.leaving && !d.flushing && len(d.out) == 0 {
		d.shut()
	}
}

// abandon closes the device, whatever is left to do.
func (d *device) abandon() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lost = d.lost || d.flushing || len(d.out) > 0
	d.shut()
}

// lose notes that the device is not told something that it should be told.
func (d *device) lose() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lost = true
}

// shut leaves the outside.
func (d *device) shut() {
	if d.left {
		return
	}
	d.left = true
	d.update()
	if d.limit != nil {
		d.limit.Stop()
	}
	d.cancel()
	if !d.opened {
		return // start does the rest
	}
	handle, lost := d.handle, d.lost
	d.r.wg.Go(func() {
		if handle != nil {
			d.closeHandle(handle, lost)
		}
		d.leftOutside()
	})
}

// closeHandle closes a handle. If something was lost, it closes it such that the
// other side can tell.
func (d *device) closeHandle(h world.Handle, lost bool) {
	closing := h.Close
	if a, ok := h.(world.Aborter); ok && lost {
		closing = a.Abort
	}
	if err := closing(); err != nil {
		d.r.logger.Debug("closing a device failed", slog.String("device", d.name), slog.Any("error", err))
	}
}

// leftOutside notes that nothing is open any more.
func (d *device) leftOutside() {
	d.unwatch()
	d.closeUnclaimed()
	close(d.closed)
	d.r.closing.forget(d)
}

// closings remember which devices are being closed: an equal device opens after
// that only.
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
