// Package timer lets processes wait until a time, for a while, or at intervals.
//
// A timer has a label. A process subscribes to its expiration, and then sets it:
//
//	endpoint.Subscriber(timer.Expiring("tea"),
//		endpoint.OnPresence(func(timer.Expired) actions.Action {
//			return timer.After("tea", 3*time.Minute)
//		}),
//		endpoint.OnMessage(func(e timer.Expired) actions.Action { … }),
//	)
//
// The [Driver], a process of the same machine, does the rest. Its presence shows
// that it serves, as above. A process that knows this can set timers at any time
// once it has subscribed. [After] sets a timer for a while from now, [At] for a
// time, and [Every] for intervals. [Stop] cancels a timer, and [Now] asks for the
// time.
//
// # How long a timer lives
//
// A timer ends when it has expired, when a process cancels it, when a process sets
// another one with its label, and when its last subscriber has gone: the endpoint
// was deleted, or the process has ended, for any reason. A handover from one
// process to another does not interrupt a timer. A process that sets a timer
// without a subscriber gets a [Refused].
//
// # Order
//
// Timers that are due expire together, the earliest first; those with the same
// time expire in the order in which they were set. No timer expires before its
// time: one that is set for a while counts from the moment it was set, or later.
//
// # Nested machines
//
// In a nested machine, a [Relay] makes the timers of the outer machine available,
// through any number of levels. Labels of one machine are independent of those of
// another.
//
// # Tests
//
// [DriverOn] takes a clock, such as a [world.ManualClock], which a test moves by
// hand. In a bubble of testing/synctest the clock of the system is that of the
// bubble. A test of a process that uses timers needs no driver: it can send the
// Expired itself.
package timer
