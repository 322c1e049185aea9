package ground

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// A Journal keeps the inputs of the machine that a [Ground] runs, so that the
// run can be replayed, and can go on after a crash. Package journal has one. A
// Journal is for one call of Run.
type Journal interface {
	// Begin is called first. It returns the machine to run: a new one, or one that
	// has had all inputs in the journal. It also returns the Start with which the
	// machine goes on. The machine has the limits, and boot makes its first process.
	// Begin returns soon when ctx is done.
	Begin(ctx context.Context, limits vm.Limits, boot func(self actions.PID) actions.Process) (*vm.Machine, vm.Input, error)

	// Append records an input before the machine gets it. An error that wraps
	// world.ErrNotRecordable says that only this input cannot be recorded: the ground
	// then ends the device that it is from. All other errors end the run.
	Append(in vm.Input) error

	// Commit is called before the ground carries out the commands that result from
	// the appended inputs. If wait is true, the ground first calls Sync. An error
	// ends the run.
	Commit(m *vm.Machine) (wait bool, err error)

	// Sync returns when everything that was appended before the call is safe. The
	// ground calls it while it calls other methods; all others it calls one at a
	// time. An error ends the run.
	Sync() error

	// Failed returns a channel for the error of a journal that fails between calls.
	// The error ends the run. The channel may be nil.
	Failed() <-chan error

	// Due returns a channel. When it has a value, the ground calls Commit soon, also if there
	// is no input. The channel may be nil.
	Due() <-chan struct{}

	// End is called last, if Begin has returned no error. The argument is the error
	// of the journal that has ended the run, or nil. Run returns the result.
	End(err error) error
}

// failing returns the channel for the error of j, or nil if there is no journal.
func failing(j Journal) <-chan error {
	if j == nil {
		return nil
	}
	return j.Failed()
}

// due returns the channel that says that j wants a Commit, or nil if there is no journal.
func due(j Journal) <-chan struct{} {
	if j == nil {
		return nil
	}
	return j.Due()
}

// An effect is something to do outside: a command, or the end of the run.
type effect struct {
	kind   vm.CommandKind // zero for the end of the run
	device *device
	value  any
	input  uint64    // the number of the input that has caused a command
	left   []*device // the devices that are open at the end of the run
}

// do carries out an effect. If its device must be flushed, it appends the device to
// touched.
func (r *runner) do(e effect, touched []*device) []*device {
	switch e.kind {
	case vm.Open:
		e.device.before = r.closings.last(e.device.name)
		r.wg.Go(e.device.start)
	case vm.Tell:
		if e.device.tell(e.value, e.input) {
			touched = append(touched, e.device)
		}
	case vm.Close:
		e.device.disown()
	default:
		r.finish(e.left, nil)
	}
	return touched
}

// cause carries out an effect: now or, with a journal, when the inputs that have
// caused it are safe.
func (r *runner) cause(e effect) {
	if r.defers {
		r.held = append(r.held, e)
		return
	}
	r.touched = r.do(e, r.touched)
}

// commits are the effects that wait until their inputs are safe, in their order.
type commits struct {
	sync.Mutex
	changed sync.Cond
	pending []effect
	running bool // release runs
	failed  bool // the journal has failed
}

// With more than maxPending effects in commits, the machine waits.
const maxPending = 1 << 16

// admit appends the current input to the journal. It reports false if the run is
// over.
func (r *runner) admit() bool {
	if r.failure != nil {
		return false
	}
	if r.settings.Journal == nil {
		return true
	}
	err := r.settings.Journal.Append(r.current.Input)
	if errors.Is(err, world.ErrNotRecordable) && r.current.Address != nil {
		err = r.refuse(err)
	}
	if err != nil {
		r.fail(err)
	}
	return err == nil
}

// refuse replaces the current input, which cannot be recorded, by the end of its
// device.
func (r *runner) refuse(reason error) error {
	a := r.current.Address
	r.logger.Error("a device has ended, because its input cannot be journalled", "device", a.Device.DeviceName(), "error", reason)
	r.current.Input = vm.Input{Kind: vm.End, Address: a, Err: world.Reduce(reason)}
	if d := r.devices[a.Generation]; d != nil {
		d.close()
	}
	return r.settings.Journal.Append(r.current.Input)
}

// commit commits the appended inputs to the journal, and carries out the effects that
// were held back, or leaves them to release. The caller holds the lock of r.
func (r *runner) commit() {
	if r.settings.Journal == nil || r.failure != nil {
		return
	}
	wait, err := r.settings.Journal.Commit(r.machine)
	if err != nil {
		r.fail(err)
		return
	}
	if len(r.held) == 0 {
		return
	}
	if !wait {
		for _, e := range r.held {
			r.touched = r.do(e, r.touched)
		}
		clear(r.held)
		r.held = r.held[:0]
		return
	}
	c := &r.commits
	c.Lock()
	defer c.Unlock()
	c.pending = append(c.pending, r.held...)
	clear(r.held)
	r.held = r.held[:0]
	if !c.running {
		c.running = true
		r.wg.Go(r.release)
	}
	for len(c.pending) > maxPending && !c.failed {
		c.changed.Wait()
	}
}

// release carries out the effects in commits when their inputs are safe, until there
// are none left.
func (r *runner) release() {
	c := &r.commits
	var effects []effect
	for {
		c.Lock()
		clear(effects)
		effects, c.pending = c.pending, effects[:0]
		c.running = len(effects) > 0 && !c.failed
		running := c.running
		c.changed.Broadcast()
		c.Unlock()
		if !running {
			return
		}
		if err := r.settings.Journal.Sync(); err != nil {
			r.breakOff(err, effects)
			return
		}
		var touched []*device
		for _, e := range effects {
			touched = r.do(e, touched)
		}
		for _, d := range touched {
			d.flush()
		}
		if r.hasInputs() {
			// Not in this goroutine: one that runs the machine may have to wait for
			// this one, and a transition function may end it.
			r.wg.Go(func() { r.work(nil) })
		}
	}
}

// breakOff ends the run because the journal has failed before the effects were
// carried out. It takes the lock of r.
func (r *runner) breakOff(err error, effects []effect) {
	c := &r.commits
	c.Lock()
	c.pending = append(effects, c.pending...)
	c.failed = true // so that nobody waits, holding the lock of r
	c.changed.Broadcast()
	c.Unlock()
	r.Lock()
	defer r.Unlock()
	r.fail(err)
}

// fail ends the run because the journal has failed. It abandons the effects that are
// left. The caller holds the lock of r.
func (r *runner) fail(err error) {
	if r.failure != nil {
		return
	}
	r.failure = fmt.Errorf("ground: the journal has failed, so the machine has been stopped: %w", err)
	c := &r.commits
	c.Lock()
	c.failed = true
	abandoned := append(c.pending, r.held...)
	c.pending, r.held = nil, nil
	c.changed.Broadcast()
	c.Unlock()
	r.finish(slices.Collect(maps.Values(r.devices)), abandoned)
}

// finish closes the devices, and those of the abandoned effects, and lets Run return.
func (r *runner) finish(devices []*device, abandoned []effect) {
	for _, e := range abandoned {
		if e.kind == vm.Tell {
			e.device.forgo()
		}
	}
	for _, d := range devices {
		d.close()
	}
	for _, e := range abandoned {
		if e.device != nil {
			e.device.disown()
		}
	}
	r.ended.Do(func() { close(r.over) })
}
