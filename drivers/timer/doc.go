// Package timer lets processes wait for a time.
//
// A timer has a label. A process that waits for it subscribes to its
// expiration, and then sets it:
//
//	endpoint.Subscriber(timer.Expiring("tea"),
//		endpoint.OnPresence(func(timer.Expired) actions.Action {
//			return timer.After("tea", 3*time.Minute)
//		}),
//		endpoint.OnMessage(func(e timer.Expired) actions.Action { … }),
//	)
//
// The [Driver], a process of the same machine, does the rest. That it is there is
// shown by presence, as above; a process that knows can set timers whenever it
// likes, once it has subscribed. Besides [After] there are [At] and [Every];
// [Stop] takes a timer back, and [Now] asks what the time is.
//
// # How long a timer lives
//
// A timer ends when it has expired, when it is taken back, when another one is
// set with its label, and when nobody is left who subscribes to its expiration:
// because the endpoint was deleted, or the process has ended, for whatever
// reason. A handover from one process to another does not interrupt it. Whoever
// sets a timer for which nobody waits gets a [Refused].
//
// # Order
//
// Timers that are due expire in one go, the earliest first, and those that are
// due at the same time in the order in which they were set. No timer expires
// before its time. What is set to expire after a while counts from a moment not
// before the one in which it was set.
//
// # Nested machines
//
// In a nested machine a [Relay] makes the timers of the machine around it
// available, through any number of levels. Labels in one machine have nothing to
// do with those in another.
//
// # Tests
//
// The clock is a value: [DriverOn] takes one that a test moves by hand, a
// [world.ManualClock], and in a bubble of testing/synctest that of the system is
// the bubble's. A process that uses timers needs no driver in its test: that can
// send the Expired itself.
package timer
