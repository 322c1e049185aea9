package vm

import (
	"errors"
	"fmt"

	"github.com/go-marketplace/marketplace/internal/stack"
)

// The reasons for which the machine ends a process that does what cannot be
// done. Its peers get them, wrapped with what did not fit.
var (
	// ErrStateType: a handler is for another type of state than the process has.
	ErrStateType = errors.New("vm: handler for another type of state")

	// ErrRole: an endpoint was added under the name of another one that has a
	// different role.
	ErrRole = errors.New("vm: endpoint of that name has another role")

	// ErrNoOuterLevel: an action was to be performed above the ground.
	ErrNoOuterLevel = errors.New("vm: no level above the ground")

	// ErrAction: an action cannot be performed.
	ErrAction = errors.New("vm: action cannot be performed")

	// ErrNotAdvertised: a process has sent a message of which no endpoint of its
	// own says that it does, and [Limits] are strict.
	ErrNotAdvertised = errors.New("vm: message without an endpoint for it")

	// ErrOverflow: a queue is full.
	ErrOverflow = errors.New("vm: queue is full")

	// ErrGoexit: a transition function has called runtime.Goexit.
	ErrGoexit = errors.New("vm: transition function called runtime.Goexit")
)

// A PanicError is the reason of a process in which a transition function has
// panicked.
type PanicError struct {
	Value any    // of the panic
	Stack []byte // where it was, in the form of runtime/debug.Stack
}

// Error implements error. It leaves the stack out.
func (e *PanicError) Error() string { return fmt.Sprintf("vm: panic: %v", e.Value) }

// Unwrap returns the value of the panic, if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// Trace returns the part of e.Stack that concerns the program: it begins at the
// function that has panicked, or that has called the function of this library
// or of the runtime that did, and ends where the machine called the transition
// function. If nothing is left of the stack in this way, Trace returns all of it.
func (e *PanicError) Trace() []byte { return stack.Panicked(e.Stack) }
