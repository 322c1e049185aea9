package rpc

import (
	"errors"
	"fmt"

	"github.com/go-marketplace/marketplace/world"
)

// Reasons for which a call fails, besides the error that the server returns, and
// [context.DeadlineExceeded] for a call [Within] a time.
var (
	// ErrNobody: no server of the operation was present. The operation was not carried
	// out.
	ErrNobody = errors.New("rpc: nobody serves the operation")

	// ErrGone: every server that got the request has gone without an answer, or the link
	// to its destination is lost. The operation may have been carried out. The error also
	// wraps the reason of the last server or of the link, if it had one.
	ErrGone = errors.New("rpc: the server has gone without an answer; the operation may have been carried out")

	// ErrUnreachable: the destination of a call is not within reach: see [At]. The
	// operation was not carried out. The error also wraps the reason.
	ErrUnreachable = errors.New("rpc: the destination is not within reach")

	// ErrNoTimer: a call with a deadline needs package timer, and no timer.Driver or
	// timer.Relay serves where the call is made. The operation may have been carried out.
	ErrNoTimer = errors.New("rpc: a call with a deadline needs a timer driver")

	// ErrUnknown: a call by name is about an operation that the program does not define.
	ErrUnknown = errors.New("rpc: the program does not define this operation")

	// ErrType: a call by name has an argument of another type than the operation.
	ErrType = errors.New("rpc: argument of another type than that of the operation")
)

func init() {
	for name, err := range map[string]error{"rpc.ErrNobody": ErrNobody, "rpc.ErrGone": ErrGone, "rpc.ErrUnreachable": ErrUnreachable, "rpc.ErrNoTimer": ErrNoTimer, "rpc.ErrUnknown": ErrUnknown, "rpc.ErrType": ErrType} {
		world.RegisterErrorKind(name, err)
	}
}

// nobody returns the error of a call for which there is no server.
func nobody(op string) error { return fmt.Errorf("%w: %s", ErrNobody, op) }

// gone returns the error of a call whose last server has gone.
func gone(op string, reason error) error {
	if reason == nil {
		return fmt.Errorf("%w: %s", ErrGone, op)
	}
	return fmt.Errorf("%w: %s: %w", ErrGone, op, reason)
}

// unreachable returns the error of a call whose destination is not within reach.
func unreachable(op string, reason error) error {
	return fmt.Errorf("%w: %s: %w", ErrUnreachable, op, reason)
}
