package ground

import (
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// A watch is what a device has to do with the poller that waits for it. The
// zero watch is that of a device that has a goroutine of its own.
type watch struct {
	poller     *poller
	handle     world.Pollable
	descriptor int
	slot       int32
	waited     uint32 // for which events
	full       bool   // what it was told waits until it can be written
	quiet      bool   // nothing comes, not yet or not any more
	blind      bool   // the poller cannot wait for it
	away       bool   // nothing is read until the last value has been admitted
}

// Polls implements what [world.Polls] asks for.
func (d *device) Polls() bool { return d.r.pollers.usable(d.r) }

// handToPoller gives the device to a poller, if there is one for it. Nothing
// comes before listen is called.
func (d *device) handToPoller() {
	h, ok := d.handle.(world.Pollable)
	if !ok {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.left {
		return
	}
	if p := d.r.pollers.take(); p != nil {
		d.watch = watch{poller: p, handle: h, descriptor: h.Descriptor(), quiet: true}
		p.add(d)
	}
}

// listen lets values come.
func (d *device) listen() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.watch.quiet = false
	d.update()
}

// rewatch makes the poller wait for what the device needs now. A device that the
// poller cannot wait for ends: nobody would hear of it any more.
func (d *device) rewatch() {
	w := &d.watch
	if w.poller == nil {
		return
	}
	var wanted uint32
	if d.free.Load() && !w.quiet && !w.away {
		wanted |= readable
	}
	if w.full && !d.left {
		wanted |= writable
	}
	if err := w.poller.control(w, wanted); err != nil && !w.blind {
		w.blind = true
		d.r.wg.Go(func() { d.ended(fmt.Errorf("ground: the system cannot wait for %s: %w", d.name, err)) })
	}
}

// unwatch takes the device from its poller.
func (d *device) unwatch() {
	if w := &d.watch; w.poller != nil {
		w.poller.remove(d)
		d.r.pollers.release()
	}
}

// pull takes what has come into the queue. It reports whether there is
// something.
func (d *device) pull() bool {
	switch {
	case !d.free.Load():
		return false
	case !d.pending.CompareAndSwap(false, true):
		d.lookAway()
		return false
	}
	v, err := d.watch.handle.TryRecv()
	switch {
	case err != nil:
		d.pending.Store(false)
		return d.dry(err)
	case v == nil:
		d.pending.Store(false)
		return false
	}
	d.r.enqueue(queued{vm.Input{Kind: vm.Value, Address: d.address, Value: v}, d, false, d.kept()})
	return true
}

// lookAway stops waiting for more while the last value waits to be admitted. The
// poller would be told of what is there again and again, and do nothing else.
func (d *device) lookAway() {
	if !d.held.Load() {
		return // the machine takes the value in a moment
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.watch.away = true
	if !d.held.Load() { // it has been admitted meanwhile
		d.watch.away = false
	}
	d.rewatch()
}

// dry notes that nothing more comes from the device.
func (d *device) dry(err error) bool {
	d.mu.Lock()
	d.watch.quiet = true
	d.update()
	gone := d.gone()
	d.mu.Unlock()
	if gone || errors.Is(err, world.ErrDrained) {
		return false
	}
	d.end(err)
	return true
}

// mayWrite goes on with what could not be written before. It reports whether
// there is something for the machine: what has been carried out, or has failed.
func (d *device) mayWrite() bool {
	d.mu.Lock()
	waits := d.watch.full
	if waits {
		d.watch.full, d.flushing = false, false
		d.update()
	}
	d.mu.Unlock()
	if waits {
		d.flush()
	}
	return waits && d.r.waiting()
}

// workThrough runs the machine until there are no inputs, or others had their
// share. Unlike work, it waits for its turn.
func (r *runner) workThrough(scratch *[]*device) {
	for range 8 {
		r.Lock()
		r.runStint(scratch)
		if !r.waiting() {
			return
		}
	}
	r.wg.Go(func() { r.work(nil) })
}

// pollers are those of a runner. They are there until all devices have been
// closed.
type pollers struct {
	sync.Mutex
	all     []*poller
	next    int
	devices int
	over    bool
}

// usable reports whether there are pollers. It starts them if that has not been
// tried.
func (ps *pollers) usable(r *runner) bool {
	ps.Lock()
	defer ps.Unlock()
	if ps.all == nil && !ps.over {
		for range min(runtime.GOMAXPROCS(0), maxPollers) {
			p := newPoller(r)
			if p == nil {
				break
			}
			ps.all = append(ps.all, p)
			r.wg.Go(p.run)
		}
	}
	return len(ps.all) > 0
}

// maxPollers is how many pollers a ground has at most.
const maxPollers = 4

// take returns the poller for another device.
func (ps *pollers) take() *poller {
	ps.Lock()
	defer ps.Unlock()
	if len(ps.all) == 0 || ps.over && ps.devices == 0 {
		return nil
	}
	ps.devices++
	ps.next++
	return ps.all[ps.next%len(ps.all)]
}

// release notes that a device has been closed.
func (ps *pollers) release() {
	ps.Lock()
	defer ps.Unlock()
	ps.devices--
	ps.closeUnused()
}

// stop has the pollers end when all devices have been closed.
func (ps *pollers) stop() {
	ps.Lock()
	defer ps.Unlock()
	ps.over = true
	ps.closeUnused()
}

func (ps *pollers) closeUnused() {
	if !ps.over || ps.devices > 0 {
		return
	}
	for _, p := range ps.all {
		p.close()
	}
	ps.all = nil
}
