package ground

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// A device is one opening of a world.Device, by a ground that runs. It connects
// parts that know nothing of each other:
//
//	life      where it is between opening and closed     lifecycle.go
//	intake    the values that come from it               intake.go, receive.go
//	output    the commands that it was told              output.go, tell.go
//	watch     how a poller waits for it                  polling.go
//	pulling   how goroutines of the program bring values pulling.go
//	holdings  the things that it has kept                keep.go
//
// A goroutine of its own opens it (start), and receives from it (receive). Where
// its handle has a descriptor, a poller takes over after the opening value. If goroutines
// of the program bring the values, its goroutine helps them.
//
// Each method says which lock it needs. The order of locks is: that of the runner,
// then mu, then those of the queue, the pollers, the closings and the keeper. The
// caller of a method whose name ends in Locked holds mu. Nobody holds mu while the
// handle does something.
type device struct {
	r       *runner
	address *vm.Address
	name    string
	reopens bool    // it was open in an earlier incarnation
	rests   bool    // its values wait until the machine is at rest
	before  *device // the one of the same name that has to be closed first; belongs to start
	ctx     context.Context
	cancel  context.CancelFunc
	closed  chan struct{} // closed when nothing is left outside
	handle  world.Handle  // nil until it is open; mu guards the change
	intake  intake

	mu       sync.Mutex
	changed  sync.Cond // what goroutines that receive, and the machine, wait for
	life     life
	output   output
	limit    *time.Timer // for what waits, from the moment the device is to be closed
	watch    watch
	pulling  pulling
	holdings holdings
}

// open makes a device for a command of the machine, and has it opened. The caller
// holds the lock of r.
func (r *runner) open(c *vm.Command) {
	d := &device{
		r: r, address: c.Address, name: c.Address.Device.DeviceName(), reopens: c.Again,
		closed: make(chan struct{}), intake: intake{paused: c.Paused},
	}
	if w, ok := c.Address.Device.(world.RestWaiter); ok {
		d.rests = w.WaitsForRest()
	}
	d.changed.L = &d.mu
	d.updateLocked() // nobody else knows it yet
	d.ctx, d.cancel = context.WithCancel(r.ctx)
	r.devices[c.Address.Generation] = d
	r.cause(effect{kind: vm.Open, device: d})
}

// start opens the device, and then receives from it. It takes d.mu in between.
func (d *device) start() {
	if d.before != nil {
		<-d.before.closed
		d.before = nil
	}
	handle, err := d.openHandle()
	what := opened
	if err != nil {
		what = openFailed
	}
	d.mu.Lock()
	d.handle = handle
	if _, ok := handle.(world.Duplex); ok {
		d.output.duplex = true
		d.updateLocked()
	}
	fx := d.stepLocked(what, err)
	d.mu.Unlock()
	switch {
	case fx.has(report):
		d.r.work(nil)
	case fx.has(start):
		d.handToPoller()
		d.handToCallers()
		d.flush()
		if d.r.hasInputs() {
			d.r.wg.Go(func() { d.r.work(nil) }) // a transition function may end the goroutine
		}
		d.receive(true)
	}
}

// stepLocked takes the device through an event, and does what lifecycle.go says
// follows from it. The reason is that of an end. The caller holds d.mu. If the
// effects have report, the caller runs the machine when it has released d.mu.
func (d *device) stepLocked(e event, reason error) effects {
	wanted := d.life.wanted()
	var fx, more effects
	d.life, fx = d.life.next(e)
	if d.output.empty() {
		d.life, more = d.life.next(drained)
		fx |= more
	}
	if wanted && !d.life.wanted() {
		d.r.closings.note(d) // before the machine hears of it, and may open an equal device
	}
	if fx.has(report) {
		d.reportEnd(reason)
	}
	switch {
	case fx.has(cancel | leave):
		d.output.discard()
		d.updateLocked()
		if d.limit != nil {
			d.limit.Stop()
		}
		d.cancel()
		if fx.has(leave) {
			lost := d.life.lost
			d.r.wg.Go(func() { d.leaveOutside(lost) })
		}
	case fx.has(drain):
		d.updateLocked()
		d.drainLocked()
	}
	return fx
}

// updateLocked notes whether the ground may receive a value, and tells those who
// wait for a change: goroutines and the poller. The caller holds d.mu.
func (d *device) updateLocked() {
	d.intake.receivable.Store(!d.intake.paused && !d.output.high() && d.life.wanted())
	d.rewatchLocked()
	d.changed.Broadcast()
}

// reportEnd puts the end of the device into the queue. It needs no lock.
func (d *device) reportEnd(reason error) {
	if errors.Is(reason, io.EOF) {
		reason = nil
	}
	d.r.enqueue(queued{Input: vm.Input{Kind: vm.End, Address: d.address, Err: world.Reduce(reason)}, from: d})
}

// ended notes that nothing comes from the device any more, for a reason. If the
// holder hears of that, it runs the machine. It takes d.mu.
func (d *device) ended(reason error) {
	d.mu.Lock()
	fx := d.stepLocked(ended, reason)
	d.mu.Unlock()
	if fx.has(report) {
		d.r.work(nil)
	}
}
