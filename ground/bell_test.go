package ground_test

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/world"
)

// A bell is a device whose values come from goroutines of the test.
type bell struct{ *belfry }

// A belfry has what a bell has outside.
type belfry struct {
	mu      sync.Mutex
	puller  world.Puller
	opened  bool
	queue   []any
	ended   bool
	heard   []any    // commands
	writers []string // the stacks of the goroutines that wrote them
	asked   int      // calls of TryRecv
	during  func()   // called once, by TryRecv, before it returns
}

func newBell() bell { return bell{new(belfry)} }

func (b bell) DeviceName() string { return fmt.Sprintf("bell %p", b.belfry) }

func (b bell) Open(context.Context, world.Env) (world.Handle, error) { return b, nil }

func (b bell) SetPuller(p world.Puller) { b.puller = p }

func (b bell) Recv() (any, error) {
	if b.opened {
		panic("Recv is called for a value after the opening value")
	}
	b.opened = true
	return say{"open"}, nil
}

func (b bell) TryRecv() (v any, err error) {
	defer func() {
		b.mu.Lock()
		during := b.during
		b.during = nil
		b.mu.Unlock()
		if during != nil {
			during()
		}
	}()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked++
	switch {
	case len(b.queue) > 0:
		if v, b.queue = b.queue[0], b.queue[1:]; len(b.queue) > 0 || b.ended {
			b.puller.Ready()
		}
	case b.ended:
		err = io.EOF
	}
	return v, err
}

func (b bell) Try(commands []any) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.heard = append(b.heard, commands...)
	for range commands {
		b.writers = append(b.writers, stackText())
	}
	return len(commands), nil
}

func (b bell) Do(any) error { return nil }

func (b bell) Close() error { return nil }

// push adds a value.
func (b bell) push(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.queue = append(b.queue, say{text})
}

// ring adds a value, and pulls.
func (b bell) ring(text string) {
	b.push(text)
	b.puller.Pull()
}

func (b bell) answers() []any {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.heard)
}

func stackText() string {
	stack := make([]byte, 1<<16)
	return string(stack[:runtime.Stack(stack, false)])
}

// byCaller reports whether a stack is that of a goroutine that has called Pull.
func byCaller(stack string) bool { return strings.Contains(stack, "bell.ring(") }

// inBelfry runs f in a bubble, while a ground runs boot and is at rest.
func inBelfry(t *testing.T, g ground.Ground, f func(t *testing.T, stop func()), boot ...actions.Action) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		over := make(chan error, 1)
		go func() { over <- g.Run(ctx, boot...) }()
		synctest.Wait()
		f(t, cancel)
		cancel()
		if err := <-over; err != nil {
			t.Error(err)
		}
	})
}

// echo answers each value of a bell with the stack of the goroutine that runs the
// machine, after it has called f.
func echo(b bell, f func(v say), more ...endpoint.DeviceHandler) actions.Action {
	return endpoint.Device(b, append(more, endpoint.OnValue(func(v say) actions.Action {
		if v.Text == "open" {
			return nil
		}
		f(v)
		return actions.Tell(b, stackText())
	}))...)
}
