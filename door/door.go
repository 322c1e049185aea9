package door

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/world"
)

// Errors of doors. Use [errors.Is].
var (
	// ErrClosed says that the door leads nowhere any more: the run of the ground has
	// ended, or the process that holds the door, or [Door.Close] was called. The error
	// that wraps it also wraps the reason, if there is one.
	ErrClosed = errors.New("the door is closed")

	// ErrUncertain says that the machine may have carried out a request: the door was
	// closed, or the context of the caller was done, after the machine took the value and
	// before it said so. An error without ErrUncertain says that the machine never gets
	// the value.
	ErrUncertain = errors.New("it may have been carried out")

	// ErrSlow says that a subscriber did not keep up: more events waited for it than
	// [Buffer] allows.
	ErrSlow = errors.New("the subscriber is too slow: it has to take events faster, or ask for a larger buffer, or for DropWhenFull")
)

var errEnding = errors.New("it was closed with Close")

// MaxSize is how many bytes a value may have, as a journal encodes it.
const MaxSize = 16 << 20

// An input takes up to this many requests, and up to MaxSize bytes.
const maxBatch = 256

// After a batch of several requests, the goroutine of the device takes this many requests
// at least, because others are likely to come together as well. A batch is cheaper than
// if each caller takes its own request into the machine.
const crowdLasts = 512

// A Door leads from code that is not a process into a machine, and out of it. [New] makes
// one. All methods may be called from any goroutine.
type Door struct {
	name   string
	memory opened
	clock  world.Clock

	mu      sync.Mutex
	changed sync.Cond           // wakes the goroutine in Recv
	crowd   int                 // how many of the next requests the goroutine of the device takes
	handle  *handle             // nil unless the door is open in a machine
	closed  error               // why it is not open any more; nil before it is opened
	ending  bool                // Close was called
	queue   []*request          // that the machine has not taken
	flight  []*request          // that the machine has taken, and not acknowledged; no calls
	calls   map[uint64]*request // that have no answer, by their numbers
	free    []*request          // for the next ones
	subs    map[uint64]*subscription
	lastSub uint64

	lastCall atomic.Uint64
}

// New returns a door. The name tells the doors of a machine apart. It is in the journal,
// so it should stay the same from run to run. It may be any text but the empty one, with
// which New panics.
func New(name string, settings ...Setting) *Door {
	if name == "" {
		panic("door: New with an empty name: give the door a name such as \"shop\"")
	}
	d := &Door{name: name, calls: map[uint64]*request{}, subs: map[uint64]*subscription{}}
	d.changed.L = &d.mu
	d.memory, d.clock = opened{10_000, 24 * time.Hour}, world.SystemClock()
	for _, set := range settings {
		set(d)
	}
	return d
}

// Driver returns the action that spawns the process that holds the door. It works in a
// nested machine as well: what is sent goes into the machine of the process.
//
// A door leads into one machine at a time, and a machine has one door of a name: the
// process of another one fails, and says so.
func (d *Door) Driver() actions.SpawnProcess {
	k := newKeeper(device{d.name, d}, looks)
	return holders.Spawn(k, actions.Yield((*keeper).begin)).Named("door " + strconv.Quote(d.name))
}

// Send sends v into the dataspace, as the process of the door: see [actions.Send]. The
// type of v must be registered (world.Register), and neither v nor anything it points to
// may change any more. Send returns nil when the machine has the value; with a journal
// that syncs, it is then on disk.
//
// Send waits until the ground runs and the machine takes the value, or until ctx is done.
// A value that cannot be written down, or has more than [MaxSize] bytes, is refused at
// once. Send refuses it with and without a journal, so that a program which gets a
// journal later behaves as before. In a strict machine (vm.Limits.Strict), the process of
// the door fails, unless a [Publish] has a topic that matches v. Other errors wrap
// [ErrClosed] or the error of ctx, and [ErrUncertain] if the machine may have the value.
func (d *Door) Send(ctx context.Context, v any) error { return d.put(ctx, "Send", v, v) }

// Feedback is [Door.Send] for feedback, which goes from subscribers to publishers: see
// [actions.Feedback].
func (d *Door) Feedback(ctx context.Context, v any) error {
	return d.put(ctx, "Feedback", v, feedback{v})
}

// Close closes the door: its process ends, when the machine has taken what was sent
// before. Requests and subscriptions after that end with [ErrClosed]. The door cannot be
// opened again. A machine does not end by itself while it has an open door.
func (d *Door) Close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.ending {
		d.ending = true
		if d.handle == nil {
			d.shutLocked(errEnding)
		}
		d.wakeLocked()
	}
}

// String returns the name of the door, in quotes.
func (d *Door) String() string { return strconv.Quote(d.name) }

// A request is something that the machine is to take.
type request struct {
	item   any // a value to send, or one of the types in wire.go
	size   int
	result any        // of a call; set before done
	done   chan error // with room for one; nil if nobody waits
}

// put makes the machine take an item, which carries value v for the method.
func (d *Door) put(ctx context.Context, method string, v, item any) error {
	size, err := sizeOf(item)
	if v == nil {
		err = errors.New("there is no value")
	}
	if err != nil {
		return fmt.Errorf("door %v: %s of a %T: %w", d, method, v, err)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("door %v: %w", d, context.Cause(ctx))
	}
	_, err = d.await(ctx, item, size)
	return err
}

// await makes the machine take an item, and waits until the item is acknowledged or, if
// it is a call, answered.
func (d *Door) await(ctx context.Context, item any, size int) (result any, err error) {
	stays := ctx.Done() == nil // nothing ends the wait, so the caller may run the machine
	r, pull, err := d.enqueue(item, size, stays)
	if err != nil {
		return nil, err
	}
	if pull != nil {
		pull.Pull()
	}
	if stays {
		err = <-r.done
	} else {
		select {
		case err = <-r.done:
		case <-ctx.Done():
			return d.giveUp(r, context.Cause(ctx))
		}
	}
	result = r.result
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.free) < maxBatch {
		r.item, r.result = nil, nil
		d.free = append(d.free, r)
	}
	return result, err
}

// enqueue puts an item into the queue. If stays is true, it may return a Puller: then
// the caller must pull. Otherwise a goroutine of the ground takes the item.
func (d *Door) enqueue(item any, size int, stays bool) (*request, world.Puller, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.closed != nil:
		return nil, nil, d.closed
	case d.ending:
		return nil, nil, fmt.Errorf("door %v: %w: %w", d, ErrClosed, errEnding)
	}
	var r *request
	if n := len(d.free); n > 0 {
		r, d.free = d.free[n-1], d.free[:n-1]
	} else {
		r = &request{done: make(chan error, 1)}
	}
	r.item, r.size = item, size
	if c, ok := item.(call); ok {
		d.calls[c.N] = r
	}
	d.queue = append(d.queue, r)
	if d.crowd > 0 {
		d.crowd--
	} else if stays && d.handle != nil && d.handle.puller != nil {
		return r, d.handle.puller, nil
	}
	d.wakeLocked()
	return r, nil, nil
}

// wakeLocked makes a goroutine of the ground take what waits. The caller holds d.mu.
func (d *Door) wakeLocked() {
	d.changed.Signal()
	if d.handle != nil && d.handle.puller != nil {
		d.handle.puller.Ready()
	}
}

// giveUp ends the wait for a request, because the context of the caller is done.
func (d *Door) giveUp(r *request, cause error) (result any, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	select {
	case err := <-r.done:
		return r.result, err
	default:
	}
	if c, ok := r.item.(call); ok {
		delete(d.calls, c.N)
	}
	if i := slices.Index(d.queue, r); i >= 0 {
		d.queue = slices.Delete(d.queue, i, i+1)
		return nil, fmt.Errorf("door %v: %w", d, cause)
	}
	r.done = nil
	return nil, fmt.Errorf("door %v: %w: %w", d, ErrUncertain, cause)
}

// shutLocked ends all requests and subscriptions, for a reason. The caller holds d.mu.
func (d *Door) shutLocked(reason error) {
	d.closed = fmt.Errorf("door %v: %w: %w", d, ErrClosed, reason)
	uncertain := fmt.Errorf("door %v: %w: %w: %w", d, ErrUncertain, ErrClosed, reason)
	for _, r := range d.queue {
		if c, ok := r.item.(call); ok {
			delete(d.calls, c.N)
		}
		r.answer(d.closed)
	}
	for _, r := range d.flight {
		r.answer(uncertain)
	}
	for _, r := range d.calls {
		r.answer(uncertain)
	}
	d.queue, d.flight = nil, nil
	clear(d.calls)
	for id, s := range d.subs {
		s.finish(d.closed)
		delete(d.subs, id)
	}
}

func (r *request) answer(err error) {
	if r.done != nil {
		r.done <- err
	}
}
