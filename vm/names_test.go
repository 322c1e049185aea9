package vm

import (
	"errors"
	"testing"
)

// TestTextsOfReasons: a replay compares the reasons for which a machine ends a
// process, so their texts never change.
func TestTextsOfReasons(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want string
	}{
		{ErrStateType, "vm: handler for another type of state"},
		{ErrRole, "vm: endpoint of that name has another role"},
		{ErrNoOuterLevel, "vm: no level above the ground"},
		{ErrAction, "vm: action cannot be performed"},
		{ErrOverflow, "vm: queue is full"},
		{ErrNoProcess, "vm: no process has this PID"},
		{ErrOrphaned, "vm: the process to which this one was bound has ended"},
		{ErrGoexit, "vm: transition function called runtime.Goexit"},
		{&PanicError{Value: errors.New("no")}, "vm: panic: no"},
	} {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("%q, and not %q", got, tt.want)
		}
	}
}
