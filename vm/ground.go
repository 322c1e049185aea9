package vm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-marketplace/marketplace/actions"
)

// A Ground runs the outermost virtual machine, and opens for it the devices
// that its processes hold. It is the only place where there are goroutines and
// a clock. The zero Ground is ready to use. Grounds share nothing.
type Ground struct {
	// Logger gets what happens in the machine. At level debug that is every
	// action and event; at info, the beginning and the end of processes; at
	// error, a panic, with the event and the stack of the program. At level
	// warn it is what may be a mistake and what may go unnoticed: an end with
	// a reason of which no other process hears ([Record.Observed]), an action
	// that is dropped because its process has ended, a message that nobody
	// hears ([Miss]), a transition function that takes long, or a machine that
	// does not come to rest (SlowLimit), and what devices report. What one device reports again and again is said
	// once a minute, with a count.
	//
	// If Logger is nil, the environment variable MARKETPLACE_LOG says from
	// which level on (debug, info, warn or error) to log to standard error;
	// off is silence. If that is not set, the level is warn. Of warnings and
	// errors with the same message, this log says 20 in a minute, and then how
	// many there were besides. Warnings cost a machine next to nothing. A
	// Logger, or a level below warn, has it describe all that it does.
	Logger *slog.Logger

	// Limits bound what the machine does.
	Limits Limits

	// Spy, if not nil, is called for everything that happens in the machine,
	// one call at a time. It must not block. The Record is valid during the
	// call only.
	Spy func(*Record)

	// Meter, if not nil, shows the counters of the machine while it runs, and
	// after that.
	Meter *Meter

	// DeviceQueue is how many bytes of commands may wait for a device whose
	// outside has refused to take more: a socket whose peer does not read. A
	// command counts for its size, see world.Sizer, and for at least 64. A
	// device for which more waits, and that is told something more, ends with
	// world.ErrSlowConsumer, and its handle is aborted: see world.Aborter. What
	// came of the input at which the outside refused does not count, so a
	// process may tell a device any amount in one turn, as far as there is
	// memory for it. Default: 1 MiB.
	DeviceQueue int

	// CloseLimit is how long a device that is closed may take to carry out
	// what it was told before. If it takes longer, its handle is aborted.
	// Default: 5 s.
	CloseLimit time.Duration

	// KeepLimit is how long something that has come in from outside, such as
	// an accepted connection, is kept for a process to open it. Default: 30 s.
	KeepLimit time.Duration

	// SlowLimit is how long a transition function may run before the Logger is
	// told which one it is, with the process, the event and the stack, at level
	// warn. It is told again when the function has returned. It is told once that
	// the machine has worked for ten times as long without an input, with the
	// processes that act and what they do. Default: 1 s.
	SlowLimit time.Duration

	// Incarnation tells the runs of a machine apart. It is for those who keep
	// a record of several runs, and must be larger each time. With a Journal,
	// which counts the runs, it does not matter.
	Incarnation uint64

	// Journal, if not nil, keeps the inputs of the machine. If it has some
	// already, Run goes on from there.
	Journal Journal

	troubles bool   // Logger is the default one, and wants warnings only
	flush    func() // says what the default Logger has counted
}

// Run runs a machine on the zero [Ground].
func Run(ctx context.Context, boot ...actions.Action) error {
	return new(Ground).Run(ctx, boot...)
}

// Run runs a machine whose first process performs boot. It returns nil once
// nothing can happen in the machine any more: it is at rest, and no device is
// open from which something could come. When ctx is done, Run stops the
// machine: it tells the holders of devices that those have come to an end, lets
// the machine work until it is at rest, ends the processes that are still
// there, in their order, so that everybody hears of their absence, and returns
// nil. In any case all goroutines that it has started have ended when Run
// returns. A device may leave one that the system holds, such as one that writes to
// a pipe that nobody reads, as long as its Close has returned: no machine waits for
// the outside longer than CloseLimit.
//
// A program can end with an error, which Run returns after it has stopped the
// machine: when its first process fails or panics, or when a process says so with
// endpoint.Exit. A journal has that as a stop, so a program that is started again
// goes on from there, and does not fail again for the same reason.
//
// It returns an error if the Ground cannot run, because of a limit that is
// negative, a MARKETPLACE_LOG that is not a level, or a Journal that cannot be
// used, or cannot go on: when the Journal fails, Run stops at once, and leaves
// undone what has not been carried out.
func (g *Ground) Run(ctx context.Context, boot ...actions.Action) error {
	return g.RunFunc(ctx, func(actions.PID) actions.Process { return actions.Stateless(boot...) })
}

// RunFunc is [Ground.Run] for a first process that has a state, or needs to
// know its PID: it is the one that boot returns.
func (g *Ground) RunFunc(ctx context.Context, boot func(self actions.PID) actions.Process) error {
	s, err := g.settings()
	if err != nil {
		return err
	}
	r, start, err := newRunner(ctx, s, boot)
	if err != nil && ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
		return nil // it was stopped before it began
	}
	if err != nil {
		return err
	}
	r.run(ctx, start)
	if s.Journal != nil {
		err = errors.Join(r.failure, s.Journal.End(r.failure))
	}
	return errors.Join(err, r.result.err())
}

// settings returns g with its defaults.
func (g *Ground) settings() (Ground, error) {
	s := *g
	for _, f := range []struct {
		name  string
		value int64
	}{
		{"Limits.Queue", int64(s.Limits.Queue)}, {"Limits.Steps", int64(s.Limits.Steps)}, {"Limits.Drain", int64(s.Limits.Drain)},
		{"DeviceQueue", int64(s.DeviceQueue)}, {"CloseLimit", int64(s.CloseLimit)}, {"KeepLimit", int64(s.KeepLimit)},
		{"SlowLimit", int64(s.SlowLimit)},
	} {
		if f.value < 0 {
			return s, fmt.Errorf("vm: Ground.%s is negative (%d): leave it zero for the default", f.name, f.value)
		}
	}
	if s.DeviceQueue == 0 {
		s.DeviceQueue = 1 << 20
	}
	if s.CloseLimit == 0 {
		s.CloseLimit = 5 * time.Second
	}
	if s.KeepLimit == 0 {
		s.KeepLimit = 30 * time.Second
	}
	if s.SlowLimit == 0 {
		s.SlowLimit = time.Second
	}
	if s.Logger == nil {
		return s, s.defaultLogger()
	}
	return s, nil
}

// A runner is a Ground that runs.
//
// There is no goroutine in the middle. Whoever brings an input runs the
// machine, unless somebody else is doing so: then the input stays in the queue,
// and whoever is running the machine takes it from there.
type runner struct {
	settings Ground
	machine  *Machine
	logger   *slog.Logger
	log      logging
	slow     slowness
	restless restlessness
	ctx      context.Context // for the opening of devices
	wg       sync.WaitGroup  // all goroutines
	over     chan struct{}   // closed when the machine is done for
	kept     keeper
	closing  closing
	pollers  pollers
	commits  commits

	queue struct {
		sync.Mutex
		inputs []queued
		length atomic.Int64 // of inputs, to look at without the lock
	}

	// What follows belongs to whoever holds the lock: the machine, and the
	// place in the work on its inputs.
	sync.Mutex
	batch     []queued
	at        int
	admission admission
	current   queued
	admitted  bool // a value that waited, since the last batch
	continued bool // since the last batch
	devices   map[uint64]*device
	touched   []*device // that have been told something
	waits     bool      // effects are held back until the journal has committed
	held      []effect  // which these are
	done      bool      // nothing is to happen any more but the effects that are held back
	stopped   bool      // the journal has been told that the machine has stopped
	ended     sync.Once // closes over
	failure   error     // of the journal
	started   bool      // the machine; what has happened before that is of an earlier run
	result    result
}

// queued is an input that waits.
type queued struct {
	Input
	from  *device // nil if not from a device
	first bool    // value of its opening
	kept  uint64  // number of the last thing kept by then
}

func newRunner(ctx context.Context, g Ground, boot func(actions.PID) actions.Process) (*runner, Input, error) {
	r := &runner{
		settings: g,
		over:     make(chan struct{}),
		devices:  map[uint64]*device{},
		waits:    g.Journal != nil,
	}
	r.kept.limit = g.KeepLimit
	r.commits.changed.L = &r.commits
	r.setLogger(g.Logger)
	config, start := Config{Limits: g.Limits, Watch: g.watcher()}, Input{Kind: Start, Incarnation: g.Incarnation}
	if g.Journal == nil {
		r.machine = config.NewFunc(boot)
	} else {
		var err error
		if r.machine, start, err = g.Journal.Begin(ctx, config, boot); err != nil {
			return nil, start, err
		}
	}
	r.attend()
	r.machine.onGoexit = func() { r.wg.Go(func() { r.finishStint(nil) }) }
	return r, start, nil
}

func (r *runner) run(ctx context.Context, start Input) {
	opening, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	r.ctx = opening
	r.enqueue(queued{Input: start}) // before anything else
	r.wg.Go(func() { r.work(nil) })
	asked, failed := ctx.Done(), failing(r.settings.Journal)
	for over := false; !over; {
		select {
		case <-r.over:
			over = true
		case <-asked:
			asked = nil
			r.wg.Go(func() { r.bring(queued{Input: Input{Kind: StopAsked}}) })
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

// bring has an input enter the machine, sooner or later.
func (r *runner) bring(q queued) {
	r.enqueue(q)
	r.work(nil)
}

func (r *runner) enqueue(q queued) {
	r.queue.Lock()
	r.queue.inputs = append(r.queue.inputs, q)
	r.queue.length.Store(int64(len(r.queue.inputs)))
	r.queue.Unlock()
}

// stint is how many inputs a runner takes, and stintWork how many actions and
// events it lets the machine work on, before it has the devices carry out what
// they were told, and lets another goroutine run the machine.
const (
	stint     = 128
	stintWork = 1 << 16
)

// work runs the machine, if nobody else does, until there are no inputs. Scratch
// is memory for it to use.
func (r *runner) work(scratch *[]*device) {
	for n := 0; r.waiting(); n++ {
		if !r.TryLock() {
			return // who holds the lock will look at the queue once more
		}
		if n == 8 {
			r.wg.Go(func() { r.finishStint(nil) })
			return
		}
		r.runStint(scratch)
	}
}

// crowd is the number of devices from which on a runner lets others go first
// before it has the devices carry out what they were told: where everybody is
// told everything, more is likely to come for all of them, and goes out in the
// same write.
const crowd = 4

// finishStint goes on with a stint, and then works.
func (r *runner) finishStint(scratch *[]*device) {
	r.runStint(scratch)
	r.work(scratch)
}

func (r *runner) waiting() bool { return r.queue.length.Load() > 0 }

// runStint applies inputs to the machine, releases the lock, and has the
// devices carry out what they were told.
//
// A transition function may end the goroutine. Then another one calls runStint:
// the place in the work is kept in r.
func (r *runner) runStint(scratch *[]*device) {
	r.slow.begin(r)
	done := r.machine.worked()
	for n := 0; ; n++ {
		r.machine.drive()
		r.carry(r.machine.commands())
		r.settle()
		if n == stint || r.machine.worked()-done > stintWork || !r.next() || !r.admit() {
			break
		}
		r.machine.begin(r.current.Input)
	}
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
		r.rest()
	}
	r.watchRest(more)
	r.slow.end()
	r.Unlock()
	if len(touched) > crowd {
		runtime.Gosched()
	}
	for _, d := range touched {
		d.flush()
	}
	clear(touched)
	*scratch = touched[:0]
	if more {
		r.enqueue(queued{}) // so that whoever works next goes on
	}
}

// settle notes that the current input has been dealt with.
func (r *runner) settle() {
	if d := r.current.from; d != nil {
		d.consumed()
	}
	if r.current.Kind == End {
		delete(r.devices, r.current.Address.Generation)
	}
	m := r.machine
	r.started = r.started || r.current.Kind == Start
	r.current = queued{}
	if m.phase == stopped && !r.stopped { // also if it was idle before it was asked to stop
		r.stopped = true
		r.current = queued{Input: Input{Kind: StopDone}}
		if r.admit() {
			m.begin(r.current.Input)
		}
		r.current = queued{}
	}
	if m.failure != nil && m.phase == running && r.started {
		r.fails(m.failure)
	}
	if (m.phase == stopped || m.Idle() && r.at == len(r.batch) && r.admission.empty() && !r.result.asked) && !r.done {
		r.done = true
		r.cause(effect{left: slices.Collect(maps.Values(r.devices))})
	}
}

// next makes the next input the current one. It reports false if there is none.
// After each batch of inputs, one value that waits is admitted, and work that is
// left over goes on.
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
			if r.choose(r.admission.rest.leave()) {
				return true
			}
		case r.machine.Busy() && !r.continued:
			r.continued = true
			r.admission.goesOn(r.machine.Backlog())
			r.restless.continues++
			r.current = queued{Input: Input{Kind: Continue}}
			return true
		}
		r.admitted, r.continued = false, false
		r.refill()
		if len(r.batch) == 0 && !r.machine.Busy() && r.admission.empty() {
			return false
		}
	}
}

// full reports whether no value may be admitted, because enough waits in the
// machine.
func (r *runner) full() bool { return r.machine.Backlog() >= maxBacklog }

// choose makes q the current input, unless its device has been paused. A value
// of a device that the machine has closed enters all the same, and comes too
// late there: what is chosen is what tells the runner that the machine is idle.
//
// Nothing resumes a device that has ended, so what was put aside then enters
// before the end.
func (r *runner) choose(q queued) bool {
	switch {
	case q.Kind == Value && r.devices[q.Address.Generation] == q.from && q.from.putAside(q):
		return false
	case q.Kind == End && q.from != nil:
		if aside, ok := q.from.takeAside(); ok {
			r.enqueue(q)
			q = aside
		}
	}
	if q.kept > 0 && r.devices[q.Address.Generation] == q.from {
		q.from.claim(q.kept)
	}
	r.current = q
	return true
}

// refill takes what is in the queue.
func (r *runner) refill() {
	r.batch, r.at = r.batch[:0], 0 // which has been cleared
	if !r.waiting() {
		return
	}
	r.queue.Lock()
	r.batch, r.queue.inputs = r.queue.inputs, r.batch
	r.queue.length.Store(0)
	r.queue.Unlock()
}

// carry has the outside do what the machine wants done.
func (r *runner) carry(commands []Command) {
	for i := range commands {
		c := &commands[i]
		generation := c.Address.Generation
		if c.Kind == Open {
			r.open(c)
			continue
		}
		d := r.devices[generation]
		if d == nil {
			continue // it has come to its end, and the machine is about to hear of it
		}
		switch c.Kind {
		case Tell:
			r.cause(effect{kind: Tell, device: d, value: c.Value, input: r.machine.stats.Inputs})
		case Flow:
			if aside, ok := d.setPaused(c.Paused); ok {
				r.enqueue(aside)
			}
		case Close:
			delete(r.devices, generation)
			r.cause(effect{kind: Close, device: d})
		}
	}
	clear(commands)
}
