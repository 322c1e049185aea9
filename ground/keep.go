package ground

import (
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-marketplace/marketplace/world"
)

// A keeper keeps things that came in from outside, such as accepted connections,
// until a device takes them. After a time it closes a thing that none has taken. It
// has a lock of its own.
type keeper struct {
	sync.Mutex
	limit  time.Duration
	things map[world.Ref]*kept
}

type kept struct {
	thing io.Closer
	timer *time.Timer
}

// holdings are the things that a device has kept, by number.
type holdings struct {
	last atomic.Uint64 // number of the last one

	// The mutex of the device guards what follows.
	claimed  uint64 // number of the last one that an input has shown to the machine
	disowned bool   // no more inputs show them to the machine
}

// Keep implements [world.Env]. It takes the lock of the keeper.
func (d *device) Keep(thing io.Closer) world.Ref {
	ref := world.Ref{Device: d.name, Generation: d.address.Generation, Number: d.holdings.last.Add(1)}
	d.r.kept.keep(ref, thing)
	return ref
}

// Take implements [world.Env]. It takes the lock of the keeper.
func (d *device) Take(ref world.Ref) (io.Closer, error) { return d.r.kept.take(ref) }

// Logger implements [world.Env]. It needs no lock.
func (d *device) Logger() *slog.Logger { return d.r.log.devices }

// claim notes that the current input shows the things up to a number to the machine.
// It takes d.mu.
func (d *device) claim(number uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.holdings.claimed = number
}

// closeUnclaimed closes the things that no input shows to the machine any more,
// because it has closed the device. It takes d.mu.
func (d *device) closeUnclaimed() {
	d.mu.Lock()
	first, last := d.holdings.claimed+1, d.holdings.last.Load()
	if !d.holdings.disowned {
		last = 0
	}
	d.mu.Unlock()
	for n := first; n <= last; n++ {
		if thing, err := d.Take(world.Ref{Device: d.name, Generation: d.address.Generation, Number: n}); err == nil {
			thing.Close()
		}
	}
}

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
