package supervise

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-marketplace/marketplace/world"
)

var (
	// ErrIntensity says that a supervisor has given up: there would have been more
	// restarts in a period than it allows. An [Error] wraps it.
	ErrIntensity = errors.New("supervise: too many restarts")

	// ErrRestart is the reason with which a supervisor ends a child to start it again,
	// because another child has ended: see [Strategy].
	ErrRestart = errors.New("supervise: started again with another child")
)

func init() {
	world.RegisterErrorKind("supervise.ErrIntensity", ErrIntensity)
	world.RegisterErrorKind("supervise.ErrRestart", ErrRestart)
}

// An Error is the reason with which a supervisor fails, and ends its children, when it
// gives up.
type Error struct {
	Supervisor string        // the name of its type
	Period     time.Duration // in which the failures were
	Failures   []Failure     // the ends of children in the period, the last one included
}

// A Failure is an end of a child after which it was to be started again.
type Failure struct {
	Child string

	// Reason is nil if the child has ended without one. It is reduced to data
	// ([world.Reduce]), because the supervisor keeps it in its state: [errors.Is] finds
	// errors that are known to package world, such as those of
	// [world.RegisterErrorKind].
	Reason error
}

// Error implements error. It names each child, with its reason.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "supervise: %s gives up after %d ends of children in %v: ", e.Supervisor, len(e.Failures), e.Period)
	for i, f := range e.Failures {
		if i > 0 {
			b.WriteString("; ")
		}
		if f.Reason == nil {
			fmt.Fprintf(&b, "%s ended", f.Child)
		} else {
			fmt.Fprintf(&b, "%s: %v", f.Child, f.Reason)
		}
	}
	return b.String()
}

// Unwrap returns the reasons of the failures, the last one first, and [ErrIntensity].
func (e *Error) Unwrap() []error {
	var all []error
	for i := len(e.Failures) - 1; i >= 0; i-- {
		if e.Failures[i].Reason != nil {
			all = append(all, e.Failures[i].Reason)
		}
	}
	return append(all, ErrIntensity)
}
