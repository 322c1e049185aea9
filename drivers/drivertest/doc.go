// Package drivertest tests a driver against the promises that every driver makes,
// whatever it drives.
//
// A driver is a process that turns demand into devices and messages. The author of
// a driver describes it in a [Driver]: how a process asks for what the driver
// serves, and how to make something happen in a simulated outside. [Test] does the
// rest:
//
//	func TestDriver(t *testing.T) {
//		drivertest.Test(t, func(t testing.TB) drivertest.Driver {
//			radio := newSimulatedRadio()
//			return drivertest.Driver{
//				Boot:   actions.Spawn(stations(radio)),
//				Things: 2,
//				Demand: func(i int) actions.Action { return endpoint.Subscriber(On(frequency(i))) },
//				Happen: func(i, n int) []any {
//					text := fmt.Sprintf("news number %d", n)
//					radio.broadcast(frequency(i), text)
//					return []any{News{frequency(i), text}}
//				},
//				Fail: func(i int) (func(), error) { return radio.jam(frequency(i)), ErrJammed },
//				Open: radio.tuned,
//			}
//		})
//	}
//
// # The promises
//
// Test runs a subtest for each law. The laws are:
//
//   - The driver opens nothing before somebody wants it. It opens a thing for the
//     first user that wants it, and not again for the second. It also serves a
//     demand that is older than the driver.
//   - The driver closes a thing when the last demand for it has gone: not when the
//     first user leaves, and not when one process hands its demand over to
//     another. A demand that goes before the driver has served it leaves nothing
//     open. A user that crashes is a user that leaves.
//   - The driver shows that it is ready. It tells users what happens: those who
//     asked, and no others. It reports a failure and its reason, without harm to
//     other users. It opens again what was closed, and what failed and has been
//     mended.
//   - A machine in which nobody wants anything ends. A machine that is stopped, at
//     any moment, ends too, and leaves nothing behind: no goroutine, and nothing
//     open outside.
//   - All this holds at the ground and in nested machines, with the driver in the
//     machine of its users or, if there is a relay, with the driver at the ground
//     and a relay at each level.
//   - The processes of the driver are pure: its inputs alone determine what it
//     does.
//   - The processes are of the types in Driver.Types, if that is set. All that
//     they have open follows from their states, which can be saved.
//   - Devices have names that tell them apart and that are the same in the next
//     run. All values and commands are of types registered with package world.
//     Handles can be closed at any time, and twice. A handle that waits in Do,
//     because the outside takes nothing, returns from Do when it is closed.
//
// # Time
//
// All tests run in a bubble of testing/synctest, in which time passes only while
// all goroutines wait. So a driver may use [world.SystemClock], and a test that
// waits for minutes is over at once. The simulated outside may wait only for
// channels, conditions and timers made in the bubble, so each run asks for a fresh
// [Driver].
package drivertest
