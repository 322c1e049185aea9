package image_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// A hand is a device that a test moves: it never opens by itself.
type hand struct{ Name string }

func (h hand) DeviceName() string { return "hand " + h.Name }

func (h hand) Open(context.Context, world.Env) (world.Handle, error) {
	return nil, errors.New("a hand is moved by a test")
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// say is a message, and a value of a hand.
type say struct{ Text string }

func init() { world.Register[say]("image_test.say") }

// run applies inputs until m is at rest.
func run(m *vm.Machine, in vm.Input) []vm.Command {
	out := slices.Clone(m.Apply(in))
	for m.Busy() {
		out = append(out, m.Apply(vm.Input{Kind: vm.Continue})...)
	}
	return out
}

func said(commands []vm.Command) (out []string) {
	for _, c := range commands {
		out = append(out, fmt.Sprint(c.Kind, c.Address, c.Value))
	}
	return out
}
