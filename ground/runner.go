package ground

import (
	"context"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/vm"
)

// A runner is a Ground that runs.
//
// There is no goroutine in the middle. A goroutine that has an input puts it into
// the queue and runs the machine, unless another goroutine runs it: then that one
// takes the input from the queue. See decision 8.
type runner struct {
	settings Ground
	machine  *vm.Machine
	logger   *slog.Logger
	log      logging
	slow     slowness
	restless restlessness
	ctx      context.Context // for the opening of devices
	wg       sync.WaitGroup  // all goroutines
	over     chan struct{}   // closed when the run is over
	kept     keeper
	closings closings
	pollers  pollers
	commits  commits

	queue struct {
		sync.Mutex
		inputs []queued
		length atomic.Int64 // of inputs, for reads without the lock
	}

	// The lock guards what follows, and the machine.
	sync.Mutex
	batch     []queued
	at        int
	admission admission
	current   queued
	admitted  bool // a value of admission was admitted since the last batch
	continued bool // the machine has gone on since the last batch
	devices   map[uint64]*device
	touched   []*device // devices that have got commands in this stint
	defers    bool      // effects are held back until the journal has committed
	held      []effect  // the effects that are held back
	done      bool      // the run is over but for the effects that are held back
	stopped   bool      // the journal has the StopDone
	ended     sync.Once // closes over
	failure   error     // of the journal
	started   bool      // the machine has had the Start of this run
	result    result
}

// queued is an input in the queue.
type queued struct {
	vm.Input
	from  *device // nil if not from a device
	first bool    // the first value of a device
	kept  uint64  // number of the last thing that the device had kept by then
}

func newRunner(ctx context.Context, g Ground, boot func(actions.PID) actions.Process) (*runner, vm.Input, error) {
	r := &runner{
		settings: g,
		over:     make(chan struct{}),
		devices:  map[uint64]*device{},
		defers:   g.Journal != nil,
	}
	r.kept.limit = g.KeepLimit
	r.commits.changed.L = &r.commits
	r.setLogger(g.Logger)
	start := vm.Input{Kind: vm.Start, Incarnation: g.Incarnation}
	if g.Journal == nil {
		r.machine = vm.Config{Limits: g.Limits}.NewFunc(boot)
	} else {
		var err error
		if r.machine, start, err = g.Journal.Begin(ctx, g.Limits, boot); err != nil {
			return nil, start, err
		}
	}
	r.attend()
	return r, start, nil
}

func (r *runner) run(ctx context.Context, start vm.Input) {
	opening, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	r.ctx = opening
	r.enqueue(queued{Input: start}) // before anything else
	r.wg.Go(func() { r.work(nil) })
	asked, failed, due := ctx.Done(), failing(r.settings.Journal), due(r.settings.Journal)
	for over := false; !over; {
		select {
		case <-r.over:
			over = true
		case <-asked:
			asked = nil
			r.wg.Go(func() { r.submit(queued{Input: vm.Input{Kind: vm.StopAsked}}) })
		case <-due:
			r.wg.Go(func() { r.submit(queued{}) }) // nothing, but a Commit
		case err := <-failed:
			r.breakOff(err, nil)
		}
	}
	cancel()
	r.pollers.stop()
	r.wg.Wait()
	r.kept.closeAll()
	r.slow.stop(r)
	r.lastWarnings()
}

// submit puts an input into the queue, and runs the machine.
func (r *runner) submit(q queued) {
	r.enqueue(q)
	r.work(nil)
}

func (r *runner) enqueue(q queued) {
	r.queue.Lock()
	r.queue.inputs = append(r.queue.inputs, q)
	r.queue.length.Store(int64(len(r.queue.inputs)))
	r.queue.Unlock()
}

// A runner leaves the machine after this many inputs, or this many actions and
// events. Then it flushes the devices, and another goroutine may run the machine.
const (
	stint     = 128
	stintWork = 1 << 16
)

// work runs the machine until there are no inputs, unless another goroutine runs
// it. Scratch is memory for it to use. It runs in goroutines of the ground.
func (r *runner) work(scratch *[]*device) {
	for n := 0; r.hasInputs(); n++ {
		if !r.TryLock() {
			return // the goroutine that holds the lock checks the queue after it
		}
		if n == 8 {
			r.wg.Go(func() { r.finishStint(nil) })
			return
		}
		r.runStint(scratch, nil)
	}
}

// workThrough runs the machine until there are no inputs, or for a few stints.
// Unlike work, it waits for its turn.
func (r *runner) workThrough(scratch *[]*device) {
	for range 8 {
		r.Lock()
		r.runStint(scratch, nil)
		if !r.hasInputs() {
			return
		}
	}
	r.wg.Go(func() { r.work(nil) })
}

// Before a runner flushes more devices than this, it lets other goroutines run. If a
// program sends everything to every device, these are likely to give all of them more
// commands, which then go out in the same write.
const crowd = 4

// flush flushes devices.
func (r *runner) flush(touched []*device) {
	if len(touched) > crowd {
		runtime.Gosched()
	}
	for _, d := range touched {
		d.flush()
	}
}

// finishStint goes on with a stint, and then works. The lock of r is
// held, maybe by a goroutine that has ended.
func (r *runner) finishStint(scratch *[]*device) {
	r.runStint(scratch, nil)
	r.work(scratch)
}

func (r *runner) hasInputs() bool { return r.queue.length.Load() > 0 }

// runStint applies inputs to the machine, releases the lock, and flushes the
// devices. A caller, if there is one, is the device for which workFor runs the machine.
//
// A transition function may end the goroutine. Then another one calls runStint:
// the machine and r keep their place in the work.
func (r *runner) runStint(scratch *[]*device, caller *device) {
	finished := false
	defer func() {
		if !finished {
			r.wg.Go(func() { r.finishStint(nil) })
		}
	}()
	r.workStint(caller)
	finished = true
	r.endStint(scratch, caller)
}

// workStint applies inputs to the machine. The caller holds the lock.
func (r *runner) workStint(caller *device) {
	r.slow.begin(r)
	done := r.machine.Worked()
	for n := 0; ; n++ {
		r.machine.Work()
		r.carry(r.machine.Commands())
		r.settle()
		if caller != nil && caller.intake.slot.free() {
			break
		}
		if n == stint || r.machine.Worked()-done > stintWork || !r.next() || !r.admit() {
			break
		}
		r.machine.Enter(r.current.Input)
	}
}

// endStint releases the lock, and flushes the devices that have got commands.
func (r *runner) endStint(scratch *[]*device, caller *device) {
	r.commit()
	var own []*device
	if scratch == nil {
		scratch = &own
	}
	touched := append((*scratch)[:0], r.touched...)
	clear(r.touched)
	r.touched = r.touched[:0]
	more := (r.at < len(r.batch) || r.machine.Busy() || !r.admission.empty()) && r.failure == nil
	r.settings.Meter.read(r.machine)
	if !more {
		r.warnAtRest()
	}
	r.watchRest(more)
	r.slow.end()
	r.Unlock()
	if caller == nil {
		r.flush(touched)
	} else {
		r.flushFor(caller, touched)
	}
	clear(touched)
	*scratch = touched[:0]
	if more {
		r.enqueue(queued{}) // so that the next goroutine that runs the machine goes on
	}
}

// settle ends the current input, and finds out whether the run is over.
func (r *runner) settle() {
	if d := r.current.from; d != nil {
		d.releaseSlot()
	}
	if r.current.Kind == vm.End {
		delete(r.devices, r.current.Address.Generation)
	}
	m := r.machine
	r.started = r.started || r.current.Kind == vm.Start
	r.current = queued{}
	if m.Stopped() && !r.stopped { // also if it was idle before StopAsked
		r.stopped = true
		r.current = queued{Input: vm.Input{Kind: vm.StopDone}}
		if r.admit() {
			m.Enter(r.current.Input)
		}
		r.current = queued{}
	}
	if reason := m.Failure(); reason != nil && m.Running() && r.started {
		r.fails(reason)
	}
	if (m.Stopped() || m.Idle() && !r.settings.Stay && r.at == len(r.batch) && r.admission.empty() && !r.result.asked) && !r.done {
		r.done = true
		r.cause(effect{left: slices.Collect(maps.Values(r.devices))})
	}
}

// next makes the next input the current one. It reports false if there is none.
// After each batch of inputs, it admits one value of admission, and lets the machine
// go on with its work.
func (r *runner) next() bool {
	for {
		for r.at < len(r.batch) {
			q := r.batch[r.at]
			r.batch[r.at] = queued{}
			r.at++
			if q.Kind != 0 && !r.admission.take(q, r.full(), r.machine.Busy()) && r.choose(q) {
				return true
			}
		}
		switch {
		case !r.admitted && !r.admission.none() && (!r.full() || r.admission.overdue(r.machine.Backlog())):
			r.admitted = true
			if r.choose(r.admission.next()) {
				return true
			}
		case r.admission.rested(r.machine.Busy()):
			if r.choose(r.admission.rest.release()) {
				return true
			}
		case r.machine.Busy() && !r.continued:
			r.continued = true
			r.admission.goesOn(r.machine.Backlog())
			r.restless.continues++
			r.current = queued{Input: vm.Input{Kind: vm.Continue}}
			return true
		}
		r.admitted, r.continued = false, false
		r.refill()
		if len(r.batch) == 0 && !r.machine.Busy() && r.admission.empty() {
			return false
		}
	}
}

// full reports whether so many actions are in the queues of the machine that no value
// may be admitted.
func (r *runner) full() bool { return r.machine.Backlog() >= maxBacklog }

// choose makes q the current input. It reports false if it stashes q instead: a value
// whose device is paused. A value whose device the machine has closed enters all the
// same, because the runner notices only after an input that the machine is idle.
//
// Nothing resumes a device that has ended, so a stashed value enters before the end.
func (r *runner) choose(q queued) bool {
	switch {
	case q.Kind == vm.Value && r.devices[q.Address.Generation] == q.from && q.from.stashIfPaused(q):
		return false
	case q.Kind == vm.End && q.from != nil:
		if stashed, ok := q.from.unstash(); ok {
			r.enqueue(q)
			q = stashed
		}
	}
	if q.kept > 0 && r.devices[q.Address.Generation] == q.from {
		q.from.claim(q.kept)
	}
	r.current = q
	return true
}

// refill moves the queue to the batch.
func (r *runner) refill() {
	r.batch, r.at = r.batch[:0], 0 // its elements have been cleared
	if !r.hasInputs() {
		return
	}
	r.queue.Lock()
	r.batch, r.queue.inputs = r.queue.inputs, r.batch
	r.queue.length.Store(0)
	r.queue.Unlock()
}

// carry carries out commands of the machine.
func (r *runner) carry(commands []vm.Command) {
	if len(commands) == 0 {
		return
	}
	input := r.machine.Stats().Inputs
	for i := range commands {
		c := &commands[i]
		generation := c.Address.Generation
		if c.Kind == vm.Open {
			r.open(c)
			continue
		}
		d := r.devices[generation]
		if d == nil {
			continue // it has ended, and its end is in the queue
		}
		switch c.Kind {
		case vm.Tell:
			r.cause(effect{kind: vm.Tell, device: d, value: c.Value, input: input})
		case vm.Flow:
			if stashed, ok := d.setPaused(c.Paused); ok {
				r.enqueue(stashed)
			}
		case vm.Close:
			delete(r.devices, generation)
			r.cause(effect{kind: vm.Close, device: d})
		}
	}
	clear(commands)
}
