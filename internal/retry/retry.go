// Package retry says when to repeat what has failed: after which errors a listener accepts again,
// and how long to pause before.
package retry

import (
	"errors"
	"net"
	"slices"
	"syscall"
	"time"
)

// The pauses before a retry: the first one, and the longest.
const (
	FirstPause = 5 * time.Millisecond
	LastPause  = time.Second
)

// Longer returns the pause that follows another one: twice as long, within the limits.
func Longer(pause time.Duration) time.Duration { return min(max(2*pause, FirstPause), LastPause) }

// passing are the errors after which accepting works again sooner or later: the
// system is short of a resource, or only one connection has failed.
var passing = []error{
	syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM,
	syscall.ECONNABORTED, syscall.ECONNRESET, syscall.EINTR, syscall.EAGAIN, syscall.EPROTO,
	syscall.ENETDOWN, syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.ETIMEDOUT, syscall.EPERM,
}

// Accepts reports whether a listener accepts connections again sooner or later after an
// error of Accept.
func Accepts(err error) bool {
	if slices.ContainsFunc(passing, func(p error) bool { return errors.Is(err, p) }) {
		return true
	}
	t, ok := errors.AsType[net.Error](err)
	return ok && t.Timeout()
}
