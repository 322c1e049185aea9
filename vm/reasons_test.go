package vm_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// TestReasonsSurvive: a reason of the machine that was written down, and read again, is
// still recognised. A panic is a panic, with and without an error for its value. G4.
func TestReasonsSurvive(t *testing.T) {
	for _, want := range []error{
		vm.ErrStateType, vm.ErrRole, vm.ErrNoOuterLevel, vm.ErrAction, vm.ErrNotAdvertised, vm.ErrOverflow, vm.ErrGoexit, vm.ErrPanic,
	} {
		reduced, _ := world.Reduce(fmt.Errorf("process 3 cannot go on: %w", want)).(*world.Error)
		read := *reduced // the Error has no type but its own
		if !errors.Is(&read, want) {
			t.Errorf("%#v is not %v", read, want)
		}
	}
	for _, value := range []any{"a mistake", 3, errors.New("an error"), nil} {
		p := &vm.PanicError{Value: value}
		if !errors.Is(p, vm.ErrPanic) || !errors.Is(world.Reduce(p), vm.ErrPanic) || errors.Is(p, vm.ErrGoexit) {
			t.Errorf("a panic with %v is reduced to %#v", value, world.Reduce(p))
		}
	}
}
