package ground_test

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/world"
)

// An alone device cannot be open twice at the same time, and ends soon.
type alone struct{ open *atomic.Int32 }

func (alone) DeviceName() string { return "ground_test.alone" }

func (a alone) Open(context.Context, world.Env) (world.Handle, error) {
	if a.open.Add(1) > 1 {
		a.open.Add(-1)
		return nil, errors.New("it is open already")
	}
	return &aloneHandle{alone: a}, nil
}

type aloneHandle struct {
	alone
	told   bool
	closed atomic.Bool
}

func (a *aloneHandle) Recv() (any, error) {
	if a.told {
		return nil, io.EOF
	}
	a.told = true
	return say{"open"}, nil
}

func (a *aloneHandle) Try(commands []any) (int, error) { return len(commands), nil }
func (a *aloneHandle) Do(any) error                    { return nil }

func (a *aloneHandle) Close() error {
	if a.closed.CompareAndSwap(false, true) {
		a.open.Add(-1)
	}
	return nil
}

// A process that hears of the end of a device can open it again: it opens after the
// former one has been closed.
func TestDeviceReopensAfterItsEnd(t *testing.T) {
	d := alone{new(atomic.Int32)}
	n := 0
	var open actions.Action
	open = endpoint.Device(d, endpoint.OnEnded(func(err error) actions.Action {
		if err != nil {
			t.Error(err)
		}
		if n++; n == 2000 || err != nil {
			return nil
		}
		return open
	}))
	if err := ground.Run(t.Context(), open); err != nil {
		t.Error(err)
	}
}
