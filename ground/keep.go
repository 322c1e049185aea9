package ground

import (
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/go-marketplace/marketplace/world"
)

// A keeper keeps what has come in from outside until a device is opened that is
// made of it. What nobody takes it closes after a while.
type keeper struct {
	sync.Mutex
	limit  time.Duration
	things map[world.Ref]*kept
}

type kept struct {
	thing io.Closer
	timer *time.Timer
}

// Keep implements [world.Env].
func (d *device) Keep(thing io.Closer) world.Ref {
	d.mu.Lock()
	d.number++
	d.keeps.Store(true)
	ref := world.Ref{Device: d.name, Generation: d.address.Generation, Number: d.number}
	d.mu.Unlock()
	d.r.kept.keep(ref, thing)
	return ref
}

// kept returns the number of the last thing that was kept.
func (d *device) kept() uint64 {
	if !d.keeps.Load() {
		return 0
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.number
}

// claim notes that the machine is about to hear of what was kept, up to a
// number.
func (d *device) claim(number uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.claimed = number
}

// closeUnclaimed closes what was kept for a machine that has closed the device,
// and so will never hear of it.
func (d *device) closeUnclaimed() {
	d.mu.Lock()
	first, last := d.claimed+1, d.number
	if d.dropped {
		d.claimed = d.number
	} else {
		last = 0
	}
	d.mu.Unlock()
	for n := first; n <= last; n++ {
		if thing, err := d.r.kept.take(world.Ref{Device: d.name, Generation: d.address.Generation, Number: n}); err == nil {
			thing.Close()
		}
	}
}

// Take implements [world.Env].
func (d *device) Take(ref world.Ref) (io.Closer, error) { return d.r.kept.take(ref) }

// Logger implements [world.Env].
func (d *device) Logger() *slog.Logger { return d.r.log.devices }

func (k *keeper) keep(ref world.Ref, thing io.Closer) {
	k.Lock()
	defer k.Unlock()
	if k.things == nil {
		k.things = map[world.Ref]*kept{}
	}
	k.things[ref] = &kept{thing, time.AfterFunc(k.limit, func() {
		if thing, err := k.take(ref); err == nil {
			thing.Close()
		}
	})}
}

func (k *keeper) take(ref world.Ref) (io.Closer, error) {
	k.Lock()
	defer k.Unlock()
	t := k.things[ref]
	if t == nil {
		return nil, fmt.Errorf("ground: number %d of %s: %w", ref.Number, ref.Device, world.ErrNotKept)
	}
	delete(k.things, ref)
	t.timer.Stop()
	return t.thing, nil
}

func (k *keeper) closeAll() {
	k.Lock()
	defer k.Unlock()
	for ref, t := range k.things {
		t.timer.Stop()
		t.thing.Close()
		delete(k.things, ref)
	}
}
