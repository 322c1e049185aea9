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
	// Begin is called first. It returns the machine that is to be run, which is
	// a new one, or one that has been brought to where the journal ends, and the
	// Start with which it goes on. The machine has the limits, and boot is its
	// first process. Begin returns soon when ctx is done.
	Begin(ctx context.Context, limits vm.Limits, boot func(self actions.PID) actions.Process) (*vm.Machine, vm.Input, error)

	// Append writes down an input, which is then given to the machine. An error
	// that wraps world.ErrNotRecordable says that this input cannot be written down,
	// and nothing else is wrong. All other errors are the end of the run.
	Append(in vm.Input) error

	// Commit is called before the commands are carried out that came of the
	// inputs that have been appended. If it returns true, that has to wait until
	// Sync has returned.
	Commit(m *vm.Machine) (wait bool, err error)

	// Sync returns when everything that was appended before the call is safe.
	// Unlike the other methods, which are called from one goroutine at a time,
	// it is called while others are. An error is the end of the run.
	Sync() error

	// Failed returns a channel from which an error comes if the journal has
	// failed while nobody was calling it, which is the end of the run.
	Failed() <-chan error

	// End is called last, if Begin has returned no error. Err is what has ended
	// the run, or nil.
	End(err error) error
}

// failing returns the channel by which j says that it has failed.
func failing(j Journal) <-chan error {
	if j == nil {
		return nil
	}
	return j.Failed()
}

// An effect is something that is to be done outside.
type effect struct {
	kind   vm.CommandKind // zero for the end of the run
	device *device
	value  any
	input  uint64    // of which a command came, by number
	left   []*device // that are open at the end of the run
}

// do carries out an effect. It appends a device that is to be flushed to touched.
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

// cause carries out an effect: now, or when the inputs that it came of are safe.
func (r *runner) cause(e effect) {
	if r.waits {
		r.held = append(r.held, e)
		return
	}
	r.touched = r.do(e, r.touched)
}

// commits are the effects that wait for inputs to become safe, in their order.
type commits struct {
	sync.Mutex
	changed sync.Cond
	waiting []effect
	running bool
	failed  bool
}

// maxWaiting is how many effects may wait before the machine does.
const maxWaiting = 1 << 16

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

// refuse replaces the current input by the end of the device that it is from.
func (r *runner) refuse(reason error) error {
	a := r.current.Address
	r.logger.Error("a device has ended, because what came from it cannot be journalled", "device", a.Device.DeviceName(), "error", reason)
	r.current.Input = vm.Input{Kind: vm.End, Address: a, Err: world.Reduce(reason)}
	if d := r.devices[a.Generation]; d != nil {
		d.close()
	}
	return r.settings.Journal.Append(r.current.Input)
}

// commit commits what has been appended to the journal, and carries out the
// effects that were held back for that. The caller holds the lock of r.
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
	c.waiting = append(c.waiting, r.held...)
	clear(r.held)
	r.held = r.held[:0]
	if !c.running {
		c.running = true
		r.wg.Go(r.release)
	}
	for len(c.waiting) > maxWaiting && !c.failed {
		c.changed.Wait()
	}
}

// release carries out effects when the inputs that they came of are safe.
func (r *runner) release() {
	c := &r.commits
	var effects []effect
	for {
		c.Lock()
		clear(effects)
		effects, c.waiting = c.waiting, effects[:0]
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
		if r.waiting() {
			// Not here: a goroutine that runs the machine may have to wait for
			// this one, and a transition function may end it.
			r.wg.Go(func() { r.work(nil) })
		}
	}
}

// breakOff ends the run because the journal has failed. The effects have not been
// carried out. It takes the lock of r.
func (r *runner) breakOff(err error, effects []effect) {
	c := &r.commits
	c.Lock()
	c.waiting = append(effects, c.waiting...)
	c.failed = true // so that nobody waits, holding the lock of r
	c.changed.Broadcast()
	c.Unlock()
	r.Lock()
	defer r.Unlock()
	r.fail(err)
}

// fail ends the run because the journal has failed. Effects that have not been
// carried out never are. The caller holds the lock of r.
func (r *runner) fail(err error) {
	if r.failure != nil {
		return
	}
	r.failure = fmt.Errorf("ground: the journal has failed, so the machine has been stopped: %w", err)
	c := &r.commits
	c.Lock()
	c.failed = true
	abandoned := append(c.waiting, r.held...)
	c.waiting, r.held = nil, nil
	c.changed.Broadcast()
	c.Unlock()
	r.finish(slices.Collect(maps.Values(r.devices)), abandoned)
}

// finish closes the devices, and those of the effects that are abandoned, and lets
// Run return.
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
