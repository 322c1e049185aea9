package sharded

import (
	"errors"
	"fmt"
	"strings"
)

// What happens to workers. They are wrapped in a [*WorkerError]; use
// [errors.Is].
var (
	// ErrNotBooted says that a machine has come to its end, or its boot
	// function has panicked, before it listened.
	ErrNotBooted = errors.New("sharded: its machine has ended without listening; observe what arrives at Worker.Listener, and spawn Worker.Driver")

	// ErrBootLimit says that a machine did not listen in time.
	ErrBootLimit = errors.New("sharded: its machine has not listened within Config.BootLimit; observe what arrives at Worker.Listener, and spawn Worker.Driver")

	// ErrDied says that a machine that has listened listens no more.
	ErrDied = errors.New("sharded: its machine listens no more")

	// ErrStillRunning says that a machine has not ended in time when it was
	// told to stop. It runs on.
	ErrStillRunning = errors.New("sharded: its machine still runs: a transition function does not return, or a device does not close")
)

// A WorkerError tells of a worker.
type WorkerError struct {
	Worker int // its ID
	Err    error
}

// Error names the worker.
func (e *WorkerError) Error() string {
	return fmt.Sprintf("sharded: worker %d: %s", e.Worker, strings.TrimPrefix(e.Err.Error(), "sharded: "))
}

// Unwrap returns what has happened.
func (e *WorkerError) Unwrap() error { return e.Err }
