//go:build !unix

package cli

import "os"

// There is no signal for it.
var snapshotSignals []os.Signal
