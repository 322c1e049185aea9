package timer

import (
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
)

// Set asks for an [Expired] with its label. If a timer with that label is
// pending already, the new one takes its place, and the old one does not expire
// any more. If nobody subscribes to the Expired, the Set is [Refused].
//
// The processes of a machine share its labels. One that does not know all the
// others begins its labels with a name of its own.
type Set struct {
	Label string // not empty

	// At is when the timer expires: at once if that is past. If it is the zero
	// time, that is After from now.
	At time.Time

	// After is how long from now the timer expires: at once if it is zero or
	// negative. If At is given, it is zero.
	After time.Duration

	// Every, if it is not zero, has the timer expire again and again, with
	// that interval from one time to the next; At or After say the first time.
	// It is not negative. If several of these times have passed before the
	// driver could see to it, because the machine was busy or did not run,
	// there is one Expired for all of them, and the next one comes at its time.
	Every time.Duration
}

// Cancel takes back the timer with its label, if it is pending. If it answers the
// Expired of another timer, it may come too late for one that was due at the same
// time.
type Cancel struct{ Label string }

// Read asks for a [Time] with its label.
type Read struct{ Label string }

// Expired says that the time of a timer has come.
type Expired struct {
	Label string
	Now   time.Time // in UTC; not before the time that was asked for
}

// Time is what the clock says.
type Time struct {
	Label string
	Now   time.Time // in UTC; not before the time of the Read
}

// Refused says that a [Set], a [Cancel] or a [Read] was not carried out.
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

// Refusing is the topic of refusals of what was asked for with a label.
func Refusing(label string) topic.Pattern[Refused] { return topic.Where(RefusedLabel.Is(label)) }

// After sets a timer that expires when d has passed; at once if d is zero or
// negative. It panics if the label is empty.
func After(label string, d time.Duration) actions.Action {
	mustHaveLabel("After", label)
	return actions.Send(Set{Label: label, After: d})
}

// At sets a timer that expires at t; at once if that is past. It panics if the
// label is empty, or if t is the zero time, which is what a variable holds that
// was never set.
func At(label string, t time.Time) actions.Action {
	mustHaveLabel("At", label)
	if t.IsZero() {
		panic("timer: At(" + quote(label) + ") at the zero time: give it a time; for one that has passed, After with 0 will do")
	}
	return actions.Send(Set{Label: label, At: plain(t)})
}

// Every sets a timer that expires when the interval has passed, and again each
// time that it has passed once more, until it is stopped. It panics if the label
// is empty, or if the interval is not positive.
func Every(label string, interval time.Duration) actions.Action {
	mustHaveLabel("Every", label)
	if interval <= 0 {
		panic("timer: Every(" + quote(label) + ", " + interval.String() + "): the interval has to be positive: for a timer that expires once use After")
	}
	return actions.Send(Set{Label: label, After: interval, Every: interval})
}

// Stop takes back a timer that is pending. It panics if the label is empty.
func Stop(label string) actions.Action {
	mustHaveLabel("Stop", label)
	return actions.Send(Cancel{label})
}

// Now asks what time it is; the answer is a [Time]. It panics if the label is
// empty.
func Now(label string) actions.Action {
	mustHaveLabel("Now", label)
	return actions.Send(Read{label})
}

// plain returns t in the form that a journal restores: without the monotonic
// reading, and without the pointer to a place on earth.
func plain(t time.Time) time.Time { return t.Round(0).UTC() }
