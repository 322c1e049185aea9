package timer

import (
	"errors"
	"strconv"

	"github.com/go-marketplace/marketplace/actions"
)

// The reasons of a [Refused].
var (
	// ErrNobodyWaits refuses a Set when nobody subscribes to its Expired.
	ErrNobodyWaits = errors.New("timer: Set with a label for which nobody waits: a timer ends with the endpoint that waits for it; subscribe to timer.Expiring first, and then set the timer")

	// ErrNoLabel refuses a request with an empty label.
	ErrNoLabel = errors.New("timer: Set, Cancel or Read without a label: nobody could tell the answer from others; give it a label")

	// ErrTwoTimes refuses a Set with both At and After.
	ErrTwoTimes = errors.New("timer: Set with both At and After: it expires at one time; leave one of them zero")

	// ErrNegative refuses a Set whose Every is negative.
	ErrNegative = errors.New("timer: Set with a negative Every: it is an interval; leave it zero for a timer that expires once")
)

// mistake returns what is wrong with s, or nil.
func (s Set) mistake() error {
	switch {
	case s.Label == "":
		return ErrNoLabel
	case !s.At.IsZero() && s.After != 0:
		return ErrTwoTimes
	case s.Every < 0:
		return ErrNegative
	}
	return nil
}

// refuse refuses a request with a label.
func refuse(label string, reason error) actions.Action {
	return actions.Send(Refused{label, reason})
}

func mustHaveLabel(function, label string) {
	if label == "" {
		panic("timer: " + function + " with an empty label: give it a label, which tells its answer from others")
	}
}

func quote(label string) string { return strconv.Quote(label) }
