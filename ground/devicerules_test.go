package ground

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// A drama is a sequence of things that a test does to a device, and of the effects
// outside.
type drama struct {
	mu      sync.Mutex
	changed sync.Cond
	answers []error // of the next calls of Open
	room    int     // how many more commands the handle takes
	during  func()  // called by Try first
	over    error   // what Recv returns

	wrong   string // the rule that was broken
	opens   int    // handles that Open has returned
	written []any
	leaves  []string // Close and Abort
}

func (*drama) DeviceName() string { return "drama" }

func (a *drama) wait(until func() bool) {
	for !until() {
		a.changed.Wait()
	}
}

func (a *drama) Open(ctx context.Context, _ world.Env) (world.Handle, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	defer context.AfterFunc(ctx, a.changed.Broadcast)()
	a.wait(func() bool { return len(a.answers) > 0 || ctx.Err() != nil })
	err := ctx.Err()
	if len(a.answers) > 0 {
		err, a.answers = a.answers[0], a.answers[1:]
	}
	if err != nil {
		return nil, err
	}
	a.opens++
	return &dramaHandle{drama: a}, nil
}

type dramaHandle struct {
	*drama
	received bool
}

func (h *dramaHandle) Recv() (any, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.received {
		h.received = true
		return "the opening value", nil
	}
	h.wait(func() bool { return h.over != nil || h.leaves != nil })
	return nil, h.over
}

// write carries out commands, and one of size 99 fails.
func (h *dramaHandle) write(commands []any) (n int, err error) {
	if h.leaves != nil {
		h.wrong = fmt.Sprintf("%v is written after %v", commands, h.leaves)
	}
	for ; n < len(commands) && h.room > 0; n++ {
		h.room--
		h.written = append(h.written, commands[n])
		if commands[n].(*parcel).size == 99 {
			return n, io.ErrShortWrite
		}
	}
	return n, nil
}

func (h *dramaHandle) Try(commands []any) (int, error) {
	if h.during != nil {
		h.during()
		return 0, io.ErrClosedPipe
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.write(commands)
}

func (h *dramaHandle) Do(command any) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.wait(func() bool { return h.room > 0 || h.leaves != nil })
	if h.leaves != nil {
		return io.ErrClosedPipe
	}
	_, err := h.write([]any{command})
	return err
}

func (h *dramaHandle) leave(how string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.leaves = append(h.leaves, how)
	h.changed.Broadcast()
	return nil
}

func (h *dramaHandle) Close() error { return h.leave("Close") }
func (h *dramaHandle) Abort() error { return h.leave("Abort") }

func (a *drama) left() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.leaves != nil
}

// outlived reports whether the device is closed although its limit still runs. It
// takes d.mu.
func (d *device) outlived() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.life.state == closed && d.limit != nil && d.limit.Stop()
}

// A parcel is a command; no two are equal.
type parcel struct{ size int }

func (p *parcel) Size() int { return p.size }

var (
	errDrama = errors.New("drama")
	scenes   = []string{
		"tell", "tell more", "tell what fails", "tell much", "flush", "opens", "does not open", "takes one", "takes much", "ends",
		"close", "disown", "forgo", "wait", "wait long",
	}
)

// queueLimit and closeLimit are the limits of the ground of a drama.
const queueLimit, closeLimit = 1000, time.Minute

// stageDrama has a runner without a machine open a drama.
func stageDrama(ctx context.Context, a *drama, reopens bool) (*runner, *device) {
	a.changed.L = &a.mu
	r := &runner{
		ctx: ctx, devices: map[uint64]*device{}, logger: slog.New(slog.DiscardHandler),
		settings: Ground{DeviceQueue: queueLimit, CloseLimit: closeLimit},
	}
	r.Lock() // so that nobody runs it
	r.open(&vm.Command{Kind: vm.Open, Address: &vm.Address{Device: a, Generation: 1}, Again: reopens})
	return r, r.devices[1]
}

// play does things to a device, and returns the rule that it breaks, if any.
func play(ctx context.Context, script []string, reopens bool) string {
	a := &drama{}
	r, d := stageDrama(ctx, a, reopens)
	var told []any
	var input uint64 = 1
	released := false // the holder has closed the device
	tell := func(size int) {
		c := &parcel{size}
		if !a.left() {
			told = append(told, c)
		}
		if d.tell(c, input) {
			d.flush()
		}
	}
	outside := func(change func()) {
		a.mu.Lock()
		defer a.mu.Unlock()
		change()
		a.changed.Broadcast()
	}
	for _, scene := range script {
		before := r.count(vm.End)
		switch scene {
		case "tell":
			input++
			tell(100)
		case "tell more":
			tell(100)
		case "tell what fails":
			tell(99)
		case "tell much":
			input++
			tell(2 * queueLimit)
		case "flush":
			d.flush()
		case "opens":
			outside(func() { a.answers = append(a.answers, nil) })
		case "does not open":
			outside(func() { a.answers = append(a.answers, errDrama) })
		case "takes one":
			outside(func() { a.room++ })
		case "takes much":
			outside(func() { a.room += 100 })
		case "ends":
			outside(func() { a.over = io.EOF })
		case "close":
			released = true
			d.close()
		case "disown":
			released = true
			d.disown()
		case "forgo":
			if !a.left() {
				told = append(told, "what it is never told")
			}
			d.forgo()
		case "wait":
			time.Sleep(lastRetry)
		case "wait long":
			time.Sleep(closeLimit)
		}
		synctest.Wait()
		switch {
		case r.count(vm.End) > before && released:
			return "an end is reported to a holder that has closed the device"
		case d.outlived():
			return "the limit outlives the device"
		}
	}
	d.close()
	outside(func() { a.answers = append(a.answers, errDrama, errDrama) })
	time.Sleep(closeLimit)
	synctest.Wait()
	select {
	case <-d.closed:
	default:
		return "it is not closed"
	}
	r.wg.Wait()
	failed := 0
	for _, c := range a.written {
		if c.(*parcel).size == 99 {
			failed++
		}
	}
	switch written := len(a.written); {
	case a.wrong != "":
		return a.wrong
	case len(a.leaves) != a.opens || a.opens > 1:
		return fmt.Sprintf("%d handles were opened, and closed by %v", a.opens, a.leaves)
	case !inOrder(a.written, told):
		return "it has not written what it was told, in that order"
	case len(a.leaves) == 1 && (a.leaves[0] == "Close") != (written == len(told)):
		return fmt.Sprintf("%d of %d commands were written, and then came %s", written, len(told), a.leaves[0])
	case r.count(vm.End) > 1:
		return "several ends are reported"
	case r.count(vm.Failed) != failed:
		return fmt.Sprintf("%d commands have failed, and %d are reported", failed, r.count(vm.Failed))
	case r.closings.last("drama") != nil:
		return "it is closed, and an equal device waits"
	}
	return ""
}

// inOrder reports whether some is a subsequence of all.
func inOrder(some, all []any) bool {
	for _, c := range some {
		i := slices.Index(all, c)
		if i < 0 {
			return false
		}
		all = all[i+1:]
	}
	return true
}

// count returns how many inputs of a kind are in the queue.
func (r *runner) count(kind vm.InputKind) (n int) {
	r.queue.Lock()
	defer r.queue.Unlock()
	for _, q := range r.queue.inputs {
		if q.Kind == kind {
			n++
		}
	}
	return n
}

// Issue 10.1: after any sequence of events, the handle of a device is closed once,
// nothing is written after that, and the close is clean if, and only if, all commands
// were written, in order.
func TestDeviceRules(t *testing.T) {
	for _, script := range [][]string{
		{"tell", "opens", "takes much", "close"},
		{"opens", "tell", "close", "takes one"},
		{"opens", "tell", "close", "wait long", "flush"},
		{"opens", "tell", "tell much", "tell", "flush"},
		{"does not open", "tell", "wait", "opens", "takes one"},
		{"opens", "tell", "ends", "takes one"},
	} {
		for _, reopens := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				if wrong := play(t.Context(), script, reopens); wrong != "" {
					t.Errorf("%q, reopens %v: %s", script, reopens, wrong)
				}
			})
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		script := rapid.SliceOfN(rapid.SampledFrom(scenes), 0, 20).Draw(rt, "script")
		reopens := rapid.Bool().Draw(rt, "reopens")
		wrong := ""
		synctest.Test(t, func(t *testing.T) { wrong = play(t.Context(), script, reopens) })
		if wrong != "" {
			rt.Fatal(wrong)
		}
	})
}

// Issue 9.1: large amounts are written while the machine works.
func TestMuchIsWrittenAtOnce(t *testing.T) {
	for _, size := range []int{100, queueLimit + 1} {
		synctest.Test(t, func(t *testing.T) {
			a := &drama{answers: []error{nil}, room: 1}
			r, d := stageDrama(t.Context(), a, false)
			synctest.Wait()
			if d.tell(&parcel{size}, 1); (len(a.written) == 1) != (size > queueLimit) {
				t.Errorf("a command of %d bytes was written at once: %v", size, len(a.written) == 1)
			}
			d.close()
			r.wg.Wait()
		})
	}
}

// If a device is closed while the machine works, its commands are written and it is
// closed, even if the machine works for longer than CloseLimit.
func TestClosedWhileTheMachineWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &drama{answers: []error{nil}, room: 1}
		r, d := stageDrama(t.Context(), a, false)
		synctest.Wait()
		d.tell(&parcel{100}, 1)
		d.close()
		r.wg.Wait()
		if len(a.written) != 1 || !slices.Equal(a.leaves, []string{"Close"}) {
			t.Errorf("%d commands were written, and then came %v", len(a.written), a.leaves)
		}
	})
}

// The error of a handle after it was closed is not reported.
func TestLeftWhileItWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &drama{answers: []error{nil}}
		r, d := stageDrama(t.Context(), a, false)
		synctest.Wait()
		a.during = func() {
			d.close()
			time.Sleep(closeLimit)
			synctest.Wait()
		}
		d.tell(&parcel{100}, 1)
		d.flush()
		r.wg.Wait()
		if !slices.Equal(a.leaves, []string{"Abort"}) || r.count(vm.Failed) != 0 {
			t.Errorf("it is left by %v, and %d commands are reported to have failed", a.leaves, r.count(vm.Failed))
		}
	})
}
