package vm_test

import (
	"context"
	"errors"
	"testing"

	"go.uber.org/goleak"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// A hand is a device that a test controls; it is never opened.
type hand struct{ Name string }

func (h hand) DeviceName() string { return "hand " + h.Name }

func (h hand) Open(context.Context, world.Env) (world.Handle, error) {
	return nil, errors.New("a hand is moved by a test")
}

// nested returns an action that performs actions in nested machines, at a depth.
func nested(depth int, as ...actions.Action) actions.Action {
	a := actions.Group(as...)
	for range depth {
		a = actions.Spawn(vm.Nested(a))
	}
	return a
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// say is a message, and a value of a hand.
type say struct{ Text string }

func init() { world.Register[say]("vm_test.say") }
