package ground

import (
	"errors"
	"log/slog"
	"time"

	"github.com/go-marketplace/marketplace/world"
)

// A device that was open in an earlier run is opened again when a journal goes
// on. That may fail for a reason that the program has nothing to do with: the
// port is still taken, or the network is not up yet. If its holder heard of that,
// it would be in the journal, and the program would have come to its end for
// ever. So the ground goes on trying, and nothing enters the machine until the
// device is open, or its holder closes it.

// The time between two attempts to open a device again: the first, and the
// longest.
const (
	firstRetry = 100 * time.Millisecond
	lastRetry  = 5 * time.Second
)

// openHandle opens the device. It goes on trying where it should.
func (d *device) openHandle() (world.Handle, error) {
	said := ""
	for pause := firstRetry; ; pause = min(2*pause, lastRetry) {
		handle, err := d.address.Device.Open(d.ctx, d)
		if err == nil && handle == nil {
			err = errors.New("ground: device " + d.name + " has opened without a handle")
		}
		if err == nil && said != "" {
			d.r.logger.Warn("a device that was open before the restart is open again", slog.String("device", d.name))
		}
		if err == nil || !d.again || errors.Is(err, world.ErrNotKept) || d.isGone() {
			return handle, err
		}
		if text := err.Error(); text != said {
			said = text
			d.r.logger.Warn("a device that was open before the restart cannot be opened yet; trying again",
				slog.String("device", d.name), slog.Any("error", err))
		}
		if !d.wait(pause) {
			return nil, err
		}
	}
}

func (d *device) isGone() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.left
}

// wait waits before the next attempt. It reports false if the device has been
// closed meanwhile. What it was told does not keep a device that cannot be opened
// from closing.
func (d *device) wait(pause time.Duration) bool {
	d.mu.Lock()
	d.retrying = true
	if d.leaving {
		d.shut()
	}
	d.mu.Unlock()
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-d.ctx.Done():
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.retrying = false
	return !d.left
}

// miss notes that a command was dropped, because too much waits for a device
// that cannot be opened yet. The lock is held.
func (d *device) miss() {
	d.lost = true
	if d.missed++; d.missed == 1 {
		d.r.logger.Warn("a device that cannot be opened yet is told too much; dropping the rest",
			slog.String("device", d.name), slog.Int("waiting", d.size))
	}
}

// Reopened implements what [world.Reopened] asks for.
func (d *device) Reopened() bool { return d.again }
