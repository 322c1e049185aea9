package ground

import (
	"errors"
	"log/slog"
	"time"

	"github.com/go-marketplace/marketplace/world"
)

// When a journal goes on, the ground opens again the devices that were open in the
// earlier run. That may fail for a reason that is none of the program's: the port
// is still taken, or the network is not up yet. If the holder heard of that, the
// journal would have it, and the program would have ended for ever. So the ground
// tries again, and nothing enters the machine until the device is open, or its
// holder closes it. See decision 18.

// The time between two attempts to open a device again: the first, and the
// longest.
const (
	firstRetry = 100 * time.Millisecond
	lastRetry  = 5 * time.Second
)

// openHandle opens the device, and tries again where it should. It takes d.mu in
// between.
func (d *device) openHandle() (world.Handle, error) {
	said := ""
	for pause := firstRetry; ; pause = min(2*pause, lastRetry) {
		handle, err := d.address.Device.Open(d.ctx, d)
		if err == nil && handle == nil {
			err = errors.New("ground: device " + d.name + " has opened without a handle")
		}
		if err == nil {
			if said != "" {
				d.r.logger.Warn("a device that was open before the restart is open again", slog.String("device", d.name))
			}
			return handle, nil
		}
		if !d.reopens || errors.Is(err, world.ErrNotKept) || d.retries(openDeferred) != retrying {
			return nil, err
		}
		if text := err.Error(); text != said {
			said = text
			d.r.logger.Warn("a device that was open before the restart cannot be opened yet; trying again",
				slog.String("device", d.name), slog.Any("error", err))
		}
		select {
		case <-time.After(pause):
		case <-d.ctx.Done():
		}
		if d.retries(retried) != opening {
			return nil, err
		}
	}
}

// retries has an event happen between two attempts to open the device, and returns
// the state after it. It takes d.mu.
func (d *device) retries(e event) state {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stepLocked(e, nil)
	return d.life.state
}

// Reopened implements what [world.Reopened] asks for. It needs no lock.
func (d *device) Reopened() bool { return d.reopens }
