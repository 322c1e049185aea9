package sharded

import (
	"errors"
	"fmt"
	"strings"
)

// Errors of workers. They are wrapped in a [*WorkerError]; use [errors.Is].
var (
	// ErrNotBooted says that a machine has ended, or its boot function has
	// panicked, before the machine listened.
	ErrNotBooted = errors.New("sharded: its machine has ended without listening; observe what arrives at Worker.Listener, and spawn Worker.Driver")

	// ErrBootLimit says that a machine did not listen in time.
	ErrBootLimit = errors.New("sharded: its machine has not listened within Config.BootLimit; observe what arrives at Worker.Listener, and spawn Worker.Driver")

	// ErrDied says that a machine has stopped listening.
	ErrDied = errors.New("sharded: its machine listens no more")

	// ErrStillRunning says that a machine that was told to stop has not ended in
	// time. It still runs.
	ErrStillRunning = errors.New("sharded: its machine still runs: a transition function does not return, or a device does not close")
)

// A WorkerError is an error of a worker.
type WorkerError struct {
	Worker int // its ID
	Err    error
}

// Error names the worker.
func (e *WorkerError) Error() string {
	return fmt.Sprintf("sharded: worker %d: %s", e.Worker, strings.TrimPrefix(e.Err.Error(), "sharded: "))
}

// Unwrap returns e.Err.
func (e *WorkerError) Unwrap() error { return e.Err }
