// Package vmtest tests processes without sockets, goroutines or waiting.
//
// It runs the processes in a machine whose outside is the test. The machine is at
// rest whenever a call returns, so a test is a script: it makes something happen,
// and then says what it expects.
//
//	func TestRoom(t *testing.T) {
//		m := vmtest.Run(t, actions.Spawn(chat.Room()).Named("room"))
//
//		tony := vmtest.Publisher(m, topic.Where(Who.Is("tony")))
//		all := vmtest.Subscriber(m, topic.All[Says]())
//		all.ExpectPresence(Says{Who: "tony"})
//
//		tony.Send(Says{"tony", "hello"})
//		all.ExpectMessages(Says{"tony", "hello"})
//
//		tony.Close(errors.ErrUnsupported)
//		all.ExpectAbsence(Says{Who: "tony"}, errors.ErrUnsupported)
//		all.ExpectNothing()
//	}
//
// # Probes
//
// A [Probe] is an endpoint of the test: it keeps its events, in order, until the
// test expects them. [Subscriber], [Publisher], [ObservePublishers] and
// [ObserveSubscribers] make probes like the endpoints of package endpoint. Each
// probe is a process of its own. Probes also work in nested machines: see [Here].
//
// [Machine.Perform] performs any action, such as a Spawn or a Kill in the middle of
// a test.
//
// # Devices
//
// The test plays the devices. No device is ever opened; [Machine.Device] returns one
// that a process holds:
//
//	alarm := m.Device(world.Alarm{Clock: clock, After: time.Second})
//	alarm.Value(world.AlarmSet{Now: noon}, world.AlarmRang{Now: noon.Add(time.Second)})
//	alarm.End(nil)
//
// [Device.ExpectCommands] expects the commands that the device has got.
//
// # The trace
//
// [Machine.Trace] has a line for each thing that has happened, in a form that is the
// same on every run: see [Describe]. Together with [Golden] it tests a whole protocol
// in one line,
//
//	vmtest.Golden(t, "testdata/room.golden", m.Trace())
//
// and when a test has failed, the end of the trace is in its log.
//
// # Purity
//
// A transition function is pure: it reads nothing but its arguments, and does
// nothing but return. Machines rely on it for replay and snapshots, but cannot
// enforce it. So here each transition function is called twice, and the test
// fails if
//
//   - the two calls do not return the same state and actions;
//   - a call has written to the state or to the message that it was given, or
//     to anything that they lead to: through pointers, slices and maps, in
//     unexported fields, and in the memory between the length and the capacity
//     of a slice, where append writes;
//   - the state of a process has changed between two transitions, because
//     something else writes to it.
//
// The report names the process, the endpoint, and the first part that differs.
// The comparison follows pointers, and compares what they point to. Two functions
// count as equal if they are from the same place in the program, because the
// variables that they have captured cannot be read. Channels count as equal
// if both are nil, or neither is. The process in an actions.Spawn is compared
// by its first state and actions. Clocks, networks and types are compared by
// identity.
//
// The check misses a difference that two calls do not happen to show, such as the
// order of a map with two keys (raise [Config.Runs]) or a clock that stands still. It
// does not compare values of more than 65536 parts. It does not see a handler that
// only writes outside, such as to a counter; since each handler runs twice, use a
// [Probe] in place of such a counter.
//
// # Types
//
// Package image can save and restore processes of a known type: see [actions.Type].
// With Config.Types, each of them is checked whenever the machine is at rest: the test
// fails if the process has an endpoint or a device that the Open of its type does not
// return for its state. If all processes are of known types, apart from those of this
// package, the whole machine is saved, restored and compared. A first process without
// a state that stays in the machine, and a probe that has opened more than its
// endpoint, have no known type.
//
// # Crashes
//
// At its end, the test fails if a process has panicked, or if the machine has ended a
// process because an action could not be performed, unless the test has called
// [Machine.AllowCrashes].
//
// # Unheard messages
//
// A message that nobody hears is no failure, because processes come and go. With
// Config.Heard it is one: the test fails if nobody has heard any message of a type, or
// if an endpoint nearly heard one, such as a subscriber of the value where a pointer
// was sent.
package vmtest
