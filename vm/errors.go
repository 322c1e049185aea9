package vm

import (
	"errors"
	"fmt"

	"github.com/go-marketplace/marketplace/internal/stack"
	"github.com/go-marketplace/marketplace/world"
)

// The reasons for which the machine ends a process whose action cannot be performed,
// and two of monitors, ErrNoProcess and ErrOrphaned. The peers get an error that wraps
// one of them, and says which action it was. Use [errors.Is].
var (
	// ErrStateType: a handler or a continuation is for another type of state than
	// the process has.
	ErrStateType = errors.New("vm: handler for another type of state")

	// ErrRole: a process opened an endpoint under the name of one that has another
	// role. Use actions.Replace.
	ErrRole = errors.New("vm: endpoint of that name has another role")

	// ErrNoOuterLevel: actions.AtMeta reached above the outermost machine.
	ErrNoOuterLevel = errors.New("vm: no level above the ground")

	// ErrAction: an action has a part that is missing or cannot be used, such as a
	// name that cannot be compared, or does not work at a meta-level.
	ErrAction = errors.New("vm: action cannot be performed")

	// ErrNotAdvertised: a process sent a message that none of its endpoints is for,
	// and the limits are strict: see Limits.Strict.
	ErrNotAdvertised = errors.New("vm: message without an endpoint for it")

	// ErrOverflow: the queue of the process is full, or it asked for more fresh
	// names in one turn than the queue has room for: see Limits.Queue.
	ErrOverflow = errors.New("vm: queue is full")

	// ErrNoProcess: a process monitors a PID that no process of its machine has, or
	// has any more.
	ErrNoProcess = errors.New("vm: no process has this PID")

	// ErrOrphaned: the machine has ended a process, because another one that bound it
	// by a monitor has ended.
	ErrOrphaned = errors.New("vm: the process to which this one was bound has ended")

	// ErrGoexit: a transition function has called runtime.Goexit.
	ErrGoexit = errors.New("vm: transition function called runtime.Goexit")

	// ErrPanic: a transition function has panicked. A [PanicError] matches it.
	ErrPanic = errors.New("vm: transition function panicked")
)

// The reasons are registered, so that errors.Is recognises them after world.Reduce, in a
// journal or on another machine. A reduced error has one kind: if a process panics with a
// well-known error, such as io.EOF, it is that one.
func init() {
	world.RegisterErrorKind("vm.ErrStateType", ErrStateType)
	world.RegisterErrorKind("vm.ErrRole", ErrRole)
	world.RegisterErrorKind("vm.ErrNoOuterLevel", ErrNoOuterLevel)
	world.RegisterErrorKind("vm.ErrAction", ErrAction)
	world.RegisterErrorKind("vm.ErrNotAdvertised", ErrNotAdvertised)
	world.RegisterErrorKind("vm.ErrOverflow", ErrOverflow)
	world.RegisterErrorKind("vm.ErrGoexit", ErrGoexit)
	world.RegisterErrorKind("vm.ErrPanic", ErrPanic)
}

// A PanicError is the reason with which a process ends whose transition function has
// panicked.
type PanicError struct {
	Value any    // of the panic
	Stack []byte // of the goroutine, in the form of runtime/debug.Stack
}

// Error implements error. It leaves the stack out.
func (e *PanicError) Error() string { return fmt.Sprintf("vm: panic: %v", e.Value) }

// Unwrap returns the value of the panic, if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// Is reports whether target is [ErrPanic].
func (e *PanicError) Is(target error) bool { return target == ErrPanic }

// Trace returns the frames of e.Stack that are of the program: from the one that
// panicked, or that called the library or the runtime, where the panic was, to the
// transition function. If there are none, Trace returns all of e.Stack.
func (e *PanicError) Trace() []byte { return stack.Panicked(e.Stack) }
