package outbox

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/world"
)

// An identity is a device that draws a number, by which a process is told apart from those
// that held its post in earlier lives of the machine. The number is an input, so the machine
// still has it after it was recovered from its journal.
type identity struct{ of post }

// identityDrawn is the first value of an identity, and the only one.
type identityDrawn struct{ N uint64 }

func init() { world.Register[identityDrawn]("outbox.identityDrawn") }

// DeviceName implements [world.Device].
func (d identity) DeviceName() string {
	p := d.of.Box.Place
	return fmt.Sprintf("outbox.identity(%q, %q, %d, %q, %v)", p.Node, p.Name, p.Epoch, d.of.Box.Name, d.of.Receives)
}

// Open implements [world.Device].
func (d identity) Open(context.Context, world.Env) (world.Handle, error) {
	return &openIdentity{closed: make(chan struct{})}, nil
}

// draw returns the action that draws a number, with which the process goes on.
func draw[S any](p post, drawn func(s S, n uint64) actions.Transition[S]) actions.Action {
	d := identity{p}
	return endpoint.Device(d, endpoint.OnValueState(func(s S, v identityDrawn) actions.Transition[S] {
		return drawn(s, v.N).And(actions.Close(d))
	}))
}

type openIdentity struct {
	drawn  bool
	once   sync.Once
	closed chan struct{}
}

// Recv implements [world.Handle].
func (h *openIdentity) Recv() (any, error) {
	if !h.drawn {
		h.drawn = true
		return identityDrawn{rand.Uint64() | 1}, nil
	}
	<-h.closed
	return nil, io.EOF
}

// Try implements [world.Handle].
func (h *openIdentity) Try([]any) (int, error) { return 0, h.Do(nil) }

// Do implements [world.Handle].
func (h *openIdentity) Do(any) error {
	return fmt.Errorf("outbox: an identity takes no commands")
}

// Close implements [world.Handle].
func (h *openIdentity) Close() error {
	h.once.Do(func() { close(h.closed) })
	return nil
}
