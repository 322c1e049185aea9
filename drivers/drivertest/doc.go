// Package drivertest finds out whether a driver keeps the promises that drivers
// make: the same ones for every driver, whatever it drives.
//
// A driver is a process that turns demand into devices and messages. Whoever
// writes one says in a [Driver] how to ask for what it serves, and how to make
// something happen in a simulated outside, and has [Test] do the rest:
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
// # What is promised
//
// Each of these is a subtest of its own:
//
//   - Nothing is opened before somebody wants it, and things are opened for the
//     first who does, not once more for the second. A demand that was there
//     before the driver counts as well.
//   - What is open is closed with the last demand: not with the first one to
//     leave, and not when a demand is handed from one process to another. A
//     demand that is gone before it has been served leaves nothing open, and a
//     user that crashes is a user that leaves.
//   - A driver shows that it is ready. It tells users what happens, those and
//     only those who asked. It says that something has failed, and why, without
//     harm to others; and it opens again what was closed, or what failed and has
//     been mended.
//   - A machine in which nobody wants anything comes to its end. One that is
//     stopped, at whatever moment, comes to its end as well, and then nothing is
//     left of it: no goroutine, and nothing open outside.
//   - All this is the same at the ground and in nested machines, with the driver
//     among its users or, if there is a relay, with the driver at the ground and
//     a relay at each level.
//   - The driver is pure on its machine side: its inputs determine what it does.
//   - Its processes are of the types that it says, if it does, and everything
//     about them follows from their states, which can be written down.
//   - Its devices have names that tell them apart and that are the same in the
//     next run, what crosses the border is registered with package world, and
//     handles can be closed at any time, and twice. One that waits in Do, because
//     the outside takes nothing, returns from it when it is closed.
//
// # Time
//
// All tests run in a bubble of testing/synctest, where time does not pass as
// long as there is something to do. So a driver may use [world.SystemClock], and
// a test that waits for minutes is over at once. What the simulated outside
// waits for are channels, conditions and timers that were made in the bubble,
// which is why each run asks for a fresh [Driver].
package drivertest
