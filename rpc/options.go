package rpc

import "time"

// Options says how a call is made. It is plain data.
type Options struct {
	Limited bool          // the call has a deadline: see [Within]
	Within  time.Duration // the time until the deadline
	Patient bool          // see [Patient]
	At      Destination   // where it is made: see [At]. nil for the machine of the caller
	Key     string        // identifies the call among those of other code: see package door
}

// An Option changes how a call is made.
type Option func(*Options)

// Within makes the call fail with [context.DeadlineExceeded] if there is no answer
// within d. A server that answers later is not told; its reply becomes a [Stray]. The
// time is that of the timer driver of the machine in which the call is made, and the
// call fails with [ErrNoTimer] if there is none; the operation may have been carried
// out all the same. If the driver ends and another one comes, d counts from then. If d is
// zero or negative, the call fails at once, and nothing is sent.
func Within(d time.Duration) Option {
	return func(o *Options) { o.Within, o.Limited = d, true }
}

// Patient makes the call wait for a server if there is none, instead of failing with
// [ErrNobody]. Use it with [Within], or the call can wait for ever.
func Patient() Option { return func(o *Options) { o.Patient = true } }

// With sets all options at once.
func With(all Options) Option { return func(o *Options) { *o = all } }
