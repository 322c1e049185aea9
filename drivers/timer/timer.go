package timer

import (
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
)

// Set asks for an [Expired] with its label. If a timer with that label is pending,
// the new one replaces it, and the old one does not expire. If nobody subscribes to
// the Expired, the driver refuses the Set, with a [Refused].
//
// The processes of a machine share its labels. A process that does not know all
// the others begins its labels with a name of its own.
type Set struct {
	Label string // not empty

	// At is the time at which the timer expires; a time in the past means at
	// once. If At is the zero time, After counts.
	At time.Time

	// After is how long from now the timer expires; zero or less means at once.
	// It is zero if At is not.
	After time.Duration

	// Every, if not zero, is the interval at which the timer expires again and
	// again; At or After give the first time. It is not negative. If several of
	// these times pass before the driver runs, because the machine is busy or
	// stopped, there is one Expired for all of them, and the next one comes at
	// its time.
	Every time.Duration
}

// Cancel cancels the timer with its label, if it is pending. A Cancel in answer to
// the Expired of another timer may come too late for a timer that is due at the
// same time.
type Cancel struct{ Label string }

// Read asks for the time. The answer is a [Time] with the same label.
type Read struct{ Label string }

// Expired says that a timer has expired.
type Expired struct {
	Label string
	Now   time.Time // in UTC; not before the time for which the timer was set
}

// Time is the time of the clock, in answer to a [Read].
type Time struct {
	Label string
	Now   time.Time // in UTC; not before the time of the Read
}

// Refused says that the driver does not carry out a [Set], a [Cancel] or a [Read].
type Refused struct {
	Label  string
	Reason error // one of ErrNobodyWaits, ErrNoLabel, ErrTwoTimes and ErrNegative
}

// The labels of [Expired], [Time] and [Refused], which topics can pin.
var (
	Label        = topic.FieldOf(func(e *Expired) *string { return &e.Label })
	TimeLabel    = topic.FieldOf(func(t *Time) *string { return &t.Label })
	RefusedLabel = topic.FieldOf(func(r *Refused) *string { return &r.Label })
)

// Expiring is the topic of the expirations of the timer with a label.
func Expiring(label string) topic.Pattern[Expired] { return topic.Where(Label.Is(label)) }

// Telling is the topic of answers to a [Read] with a label.
func Telling(label string) topic.Pattern[Time] { return topic.Where(TimeLabel.Is(label)) }

// Refusing is the topic of refusals of the requests with a label.
func Refusing(label string) topic.Pattern[Refused] { return topic.Where(RefusedLabel.Is(label)) }

// After sets a timer that expires when d has passed; at once if d is zero or
// negative. It panics if the label is empty.
func After(label string, d time.Duration) actions.Action {
	mustHaveLabel("After", label)
	return actions.Send(Set{Label: label, After: d})
}

// At sets a timer that expires at t; at once if t is in the past. It panics if the
// label is empty, or if t is the zero time, which most likely was never set.
func At(label string, t time.Time) actions.Action {
	mustHaveLabel("At", label)
	if t.IsZero() {
		panic("timer: At(" + quote(label) + ") with the zero time: pass the time at which the timer expires; to let it expire at once, use After with 0")
	}
	return actions.Send(Set{Label: label, At: plain(t)})
}

// Every sets a timer that expires after each interval, until [Stop] cancels it. It
// panics if the label is empty, or if the interval is not positive.
func Every(label string, interval time.Duration) actions.Action {
	mustHaveLabel("Every", label)
	if interval <= 0 {
		panic("timer: Every(" + quote(label) + ", " + interval.String() + "): the interval must be positive; for a timer that expires once, use After")
	}
	return actions.Send(Set{Label: label, After: interval, Every: interval})
}

// Stop cancels a timer that is pending. It panics if the label is empty.
func Stop(label string) actions.Action {
	mustHaveLabel("Stop", label)
	return actions.Send(Cancel{label})
}

// Now asks for the time; the answer is a [Time]. It panics if the label is empty.
func Now(label string) actions.Action {
	mustHaveLabel("Now", label)
	return actions.Send(Read{label})
}

// plain returns t in the form that a journal restores: without a monotonic
// reading, and in UTC.
func plain(t time.Time) time.Time { return t.Round(0).UTC() }
