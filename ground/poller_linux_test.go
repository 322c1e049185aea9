package ground_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/world"
)

// A wire is a device that is one end of a pair of sockets. The test has the
// other.
type wire struct {
	Name string
	w    *wiring
}

type wiring struct {
	far    *os.File
	near   int
	opened chan struct{} // gets something when it is open

	mu    sync.Mutex
	fails error  // of the next TryRecv
	bad   string // a command that cannot be carried out
	did   bool   // Do was called, or Recv more than once
}

func newWire(t *testing.T, name string) wire {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.SetNonblock(fds[0], true); err != nil {
		t.Fatal(err)
	}
	w := &wiring{far: os.NewFile(uintptr(fds[1]), "far"), near: fds[0], opened: make(chan struct{}, 1)}
	t.Cleanup(func() {
		w.far.Close()
		if w.did {
			t.Error("what is polled was received from, or told, as if it had a goroutine")
		}
	})
	return wire{name, w}
}

func (w wire) DeviceName() string { return fmt.Sprintf("ground_test.wire(%q)", w.Name) }

func (w wire) Open(_ context.Context, env world.Env) (world.Handle, error) {
	if !world.Polls(env) {
		return nil, io.ErrNoProgress
	}
	w.w.opened <- struct{}{}
	return &end{wiring: w.w}, nil
}

type end struct {
	*wiring
	told, closed bool
	rest         []byte
}

func (e *end) Descriptor() int { return e.near }

func (e *end) Recv() (any, error) {
	e.did = e.did || e.told
	e.told = true
	return hello{}, nil
}

func (e *end) TryRecv() (any, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, world.ErrClosed
	}
	if e.fails != nil {
		return nil, e.fails
	}
	b := make([]byte, 1<<16)
	n, err := syscall.Read(e.near, b)
	switch {
	case err == syscall.EAGAIN:
		return nil, nil
	case err != nil:
		return nil, err
	case n == 0:
		e.fails = world.ErrDrained
		return say{"the end"}, nil
	}
	return say{string(b[:n])}, nil
}

func (e *end) Try(commands []any) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i, c := range commands {
		if c == e.bad {
			return i, io.ErrShortWrite
		}
		if e.rest == nil {
			e.rest = fmt.Append(nil, c)
		}
		n, err := syscall.Write(e.near, e.rest)
		if err == nil && n < len(e.rest) {
			e.rest = e.rest[n:]
			n, err = syscall.Write(e.near, e.rest)
		}
		if err == syscall.EAGAIN {
			return i, nil
		}
		if err != nil {
			return i, err
		}
		if e.rest = e.rest[n:]; len(e.rest) > 0 {
			return i, nil
		}
		e.rest = nil
	}
	return len(commands), nil
}

func (e *end) Do(any) error { e.did = true; return nil }

func (e *end) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil
	}
	e.closed = true
	return syscall.Close(e.near)
}

// runWires runs a machine, and beside it the other ends of its wires.
func runWires(t *testing.T, g *ground.Ground, far func(), boot ...actions.Action) {
	t.Helper()
	var wg sync.WaitGroup
	wg.Go(far)
	if err := g.Run(t.Context(), boot...); err != nil {
		t.Error(err)
	}
	wg.Wait()
}

func (w wire) write(t *testing.T, text string) {
	if _, err := io.WriteString(w.w.far, text); err != nil {
		t.Error(err)
	}
}

func (w wire) read(t *testing.T, n int) string {
	b := make([]byte, n)
	if _, err := io.ReadFull(w.w.far, b); err != nil {
		t.Error(err)
	}
	return string(b)
}

// echo holds d, and sends everything back until the end.
func (w wire) echo() actions.Action {
	return endpoint.Device(w, endpoint.OnValue(func(s say) actions.Action {
		if s.Text == "the end" {
			return actions.Close(w)
		}
		return actions.Tell(w, s.Text)
	}))
}

// client sends n lines and reads their echo, one at a time.
func (w wire) client(t *testing.T, n int) {
	for i := range n {
		line := fmt.Sprintln(w.Name, i)
		w.write(t, line)
		if got := w.read(t, len(line)); got != line {
			t.Errorf("got %q, want %q", got, line)
		}
	}
	w.w.far.Close()
}

// Values arrive in order, and commands go out, at every depth.
func TestPolledEcho(t *testing.T) {
	for depth := range 4 {
		d := newWire(t, "line")
		runWires(t, new(ground.Ground), func() { d.client(t, 300) }, nested(depth, d.echo()))
	}
}

// Many devices are served side by side, by pollers that share the machine.
func TestPolledCrowd(t *testing.T) {
	var boot actions.Tree
	var clients sync.WaitGroup
	for i := range 100 {
		d := newWire(t, fmt.Sprint("wire ", i))
		boot = append(boot, actions.Spawn(actions.Stateless(d.echo())))
		clients.Go(func() { d.client(t, 20) })
	}
	runWires(t, new(ground.Ground), clients.Wait, boot)
}

// Data that a descriptor does not take at once is written later, in order, and before
// the close.
func TestPolledFull(t *testing.T) {
	d := newWire(t, "d")
	var told strings.Builder
	runWires(t, new(ground.Ground), func() {
		d.write(t, "go")
		<-d.w.opened
		got, err := io.ReadAll(d.w.far)
		if err != nil || string(got) != told.String() {
			t.Errorf("%v; %d bytes came, and %d were told", err, len(got), told.Len())
		}
	}, endpoint.Device(d, endpoint.OnValue(func(say) actions.Action {
		var all actions.Tree
		for i := range 900 {
			text := strings.Repeat(fmt.Sprint(i%10), 1000)
			told.WriteString(text)
			all = append(all, actions.Tell(d, text))
		}
		return append(all, actions.Close(d))
	})))
}

// shout is a command of a wire whose completion is reported.
type shout string

func (shout) Reports() bool { return true }

// A command that had to wait for the descriptor is reported as done, also if nothing
// else happens.
func TestPolledReports(t *testing.T) {
	d := newWire(t, "d")
	const much = 900_000
	runWires(t, new(ground.Ground), func() {
		<-d.w.opened
		if _, err := io.CopyN(io.Discard, d.w.far, much); err != nil {
			t.Error(err)
		}
	}, endpoint.Device(d,
		endpoint.OnValue(func(hello) actions.Action { return actions.Tell(d, shout(strings.Repeat("x", much))) }),
		endpoint.OnDone(func(any) actions.Action { return actions.Close(d) })))
}

// The poller ignores a paused device, also if the other end writes or closes.
func TestPolledPaused(t *testing.T) {
	for _, hangUp := range []bool{false, true} {
		d, other := newWire(t, "d"), newWire(t, "other")
		var heard []string
		hear := func(s say) actions.Action {
			heard = append(heard, s.Text)
			switch s.Text {
			case "go":
				return actions.Tree{actions.Resume(d), actions.Close(other)}
			case "the end":
				return actions.Close(d)
			}
			return nil
		}
		open := endpoint.Device(d, endpoint.OnValue(hear))
		open.Paused = true
		runWires(t, new(ground.Ground), func() {
			d.write(t, "x")
			<-d.w.opened
			if hangUp {
				d.w.far.Close()
			}
			other.write(t, "go")
			other.read(t, 0)
			if !hangUp {
				d.w.far.Close()
			}
		}, open, endpoint.Device(other, endpoint.OnValue(hear)))
		if want := []string{"go", "x", "the end"}; !slices.Equal(heard, want) {
			t.Errorf("hang up %v: heard %v, want %v", hangUp, heard, want)
		}
	}
}

// A device without further values stays open; a device that fails ends.
func TestPolledEnds(t *testing.T) {
	d := newWire(t, "d")
	d.w.fails = syscall.ECONNRESET
	var reason error
	runWires(t, new(ground.Ground), func() { d.write(t, "x") },
		endpoint.Device(d, endpoint.OnEnded(func(err error) actions.Action { reason = err; return nil })))
	if !errors.Is(reason, syscall.ECONNRESET) {
		t.Error(reason)
	}
}

// The process hears of a command that fails, and the commands after it are carried out.
func TestPolledCommandFails(t *testing.T) {
	d := newWire(t, "d")
	d.w.bad = "bad"
	failed := 0
	runWires(t, new(ground.Ground), func() {
		if got := d.read(t, 4); got != "ab\n\n" {
			t.Errorf("got %q", got)
		}
		d.w.far.Close()
	}, endpoint.Device(d,
		endpoint.OnValue(func(hello) actions.Action {
			return actions.Tree{actions.Tell(d, "a"), actions.Tell(d, "bad"), actions.Tell(d, "b\n\n")}
		}),
		endpoint.OnFailed(func(any, error) actions.Action { failed++; return nil }),
		endpoint.OnValue(func(say) actions.Action { return actions.Close(d) })))
	if failed != 1 {
		t.Errorf("%d commands failed, want 1", failed)
	}
}

// A transition function that ends the goroutine of a poller does not affect other
// devices.
func TestPolledGoexit(t *testing.T) {
	for first := range 2 {
		bad, good := newWire(t, "bad"), newWire(t, "good")
		runWires(t, new(ground.Ground), func() {
			_, _ = io.WriteString(bad.w.far, "x") // which fails if it is gone already
			good.client(t, 100)
			bad.w.far.Close()
		}, good.echo(), actions.Spawn(actions.Stateless(
			endpoint.Device(bad, endpoint.OnValue(func(say) actions.Action { runtime.Goexit(); return nil }),
				endpoint.OnValue(func(hello) actions.Action {
					if first == 0 {
						runtime.Goexit()
					}
					return nil
				})))))
	}
}

// A device that does not take its commands ends, and nobody waits for it.
func TestPolledSlowConsumer(t *testing.T) {
	d, source := newWire(t, "d"), newStage()
	from := puppet{"source", source}
	over := make(chan struct{})
	var reason error
	runWires(t, &ground.Ground{DeviceQueue: 1000}, func() { source.flood(over) },
		endpoint.Device(d,
			endpoint.OnValue(func(hello) actions.Action { return actions.Tell(d, strings.Repeat("x", 1<<22)) }),
			endpoint.OnEnded(func(err error) actions.Action {
				reason = err
				close(over)
				return actions.Close(from)
			})),
		endpoint.Device(from, endpoint.OnValue(func(say) actions.Action { return actions.Tell(d, "y") })))
	if !errors.Is(reason, world.ErrSlowConsumer) {
		t.Error(reason)
	}
}

// A machine that is stopped waits until a device has taken its commands, but not for
// ever.
func TestPolledStop(t *testing.T) {
	d := newWire(t, "d")
	ctx, cancel := context.WithCancel(t.Context())
	g := ground.Ground{CloseLimit: time.Millisecond}
	err := g.Run(ctx, endpoint.Device(d, endpoint.OnValue(func(hello) actions.Action {
		cancel()
		return actions.Tell(d, strings.Repeat("x", 1<<22))
	})))
	if err != nil {
		t.Error(err)
	}
}

// A blind device has a descriptor that epoll does not support: a regular file.
type blind struct{ file string }

func (b blind) DeviceName() string { return fmt.Sprintf("ground_test.blind(%q)", b.file) }

func (b blind) Open(_ context.Context, env world.Env) (world.Handle, error) {
	if !world.Polls(env) {
		return nil, io.ErrNoProgress
	}
	f, err := os.Open(b.file)
	return blindHandle{f}, err
}

type blindHandle struct{ file *os.File }

func (b blindHandle) Descriptor() int        { return int(b.file.Fd()) }
func (b blindHandle) Recv() (any, error)     { return hello{}, nil }
func (b blindHandle) TryRecv() (any, error)  { return nil, nil }
func (b blindHandle) Try([]any) (int, error) { return 0, nil }
func (b blindHandle) Do(any) error           { return nil }
func (b blindHandle) Close() error           { return b.file.Close() }

// Issue 9.7: a device with a descriptor that the system cannot wait for ends with a
// reason, and does not hang.
func TestPolledCannotWait(t *testing.T) {
	d := blind{os.Args[0]}
	for _, writes := range []bool{false, true} {
		t.Run(fmt.Sprintf("writes=%v", writes), func(t *testing.T) {
			var reason error
			open := endpoint.Device(d,
				endpoint.OnValue(func(hello) actions.Action { return actions.When(writes, actions.Tell(d, "x")) }),
				endpoint.OnEnded(func(err error) actions.Action { reason = err; return nil }))
			open.Paused = writes
			if err := (&ground.Ground{CloseLimit: time.Millisecond}).Run(t.Context(), open); err != nil || !errors.Is(reason, syscall.EPERM) {
				t.Errorf("%v; it ended with %v", err, reason)
			}
		})
	}
}
