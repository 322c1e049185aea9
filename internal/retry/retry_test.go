package retry_test

import (
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/internal/retry"
)

// TestLonger: pauses grow from the first to the last.
func TestLonger(t *testing.T) {
	pause := time.Duration(0)
	for _, want := range []time.Duration{5, 10, 20, 40, 80, 160, 320, 640, 1000, 1000} {
		if pause = retry.Longer(pause); pause != want*time.Millisecond {
			t.Errorf("the pause is %v, want %v ms", pause, int(want))
		}
	}
}

// TestAccepts: a listener outlives a lack of resources, a failed connection and a
// timeout, and nothing else.
func TestAccepts(t *testing.T) {
	for err, want := range map[error]bool{
		syscall.EMFILE:                         true,
		fmt.Errorf("x: %w", syscall.EPROTO):    true,
		&net.OpError{Err: syscall.ECONNRESET}:  true,
		os.ErrDeadlineExceeded:                 true,
		net.ErrClosed:                          false,
		os.NewSyscallError("x", syscall.EBADF): false,
	} {
		if got := retry.Accepts(err); got != want {
			t.Errorf("%v: %t, want %t", err, got, want)
		}
	}
}
