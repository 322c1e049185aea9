//go:build unix

package cli

import (
	"os"
	"syscall"
)

var snapshotSignals = []os.Signal{syscall.SIGUSR1}
