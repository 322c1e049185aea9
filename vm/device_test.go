package vm_test

import (
	"context"
	"errors"

	"github.com/go-marketplace/marketplace/world"
)

// A hand is a device that is moved by a test: it never opens by itself.
type hand struct{ Name string }

func (h hand) DeviceName() string { return "hand " + h.Name }

func (h hand) Open(context.Context, world.Env) (world.Handle, error) {
	return nil, errors.New("a hand is moved by a test")
}
