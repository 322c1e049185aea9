// Package vmtest tests processes without sockets, goroutines or waiting.
//
// It puts the processes into a machine that has no outside but the test, and
// that has come to rest whenever the test looks at it. So a test is a script:
// something happens, and then something can be expected.
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
// A [Probe] is an endpoint whose handlers are the test: it keeps what it is
// told, in order, until the test expects it. There is one for each constructor
// of package endpoint, [Subscriber], [Publisher], [ObservePublishers] and
// [ObserveSubscribers], and each probe is a process of its own. Probes can be
// put into nested machines as well: see [Door].
//
// Besides, [Machine.Perform] has any action performed, such as a Spawn or a
// Kill in the middle of a test.
//
// # Devices
//
// What processes hold open outside, the test plays. No device is ever opened;
// [Machine.Device] gives access to one that is held:
//
//	alarm := m.Device(world.Alarm{Clock: clock, After: time.Second})
//	alarm.Value(world.AlarmSet{Now: noon}, world.AlarmRang{Now: noon.Add(time.Second)})
//	alarm.End(nil)
//
// and, the other way, [Device.ExpectCommands] says what it should have been
// told.
//
// # The trace
//
// All that happens is written down, one line for each event, in a form that is
// the same on every run: see [Describe]. Together with [Golden] it makes a test
// of a whole protocol in one line,
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
// Values are compared by what they lead to, not by where they are. Two
// functions count as equal if they come from the same place in the program:
// which variables they have captured cannot be seen. Channels count as equal
// if both are nil, or neither is. The process in an actions.Spawn is compared
// by its first state and actions. A clock, a network and a type are what they
// are, and nobody looks inside.
//
// What goes unnoticed: a difference that two calls do not happen to show, such
// as the order of a map with two keys (raise [Config.Runs]), or a clock that
// stands still; values of more than 65536 parts; and what is written outside and
// never read, such as a counter in a handler. The test itself is better off with
// a [Probe] than with such a variable: each handler runs twice.
//
// # Types
//
// Processes of a known type, see [actions.Type], can be written down and made
// anew. Config.Types has each of them looked at whenever the machine is at rest:
// the test fails if it has an endpoint or a device that its kind does not give
// for its state. Where all processes are of known types, but for those of this
// package, the whole machine is made anew, and compared. A first process without
// state that stays, and a probe that was told to open more than it is, are of no
// known type.
//
// # Crashes
//
// When the test is over, it fails if a process has panicked, or was ended by
// the machine for something that it has done wrong, unless the test has called
// [Machine.AllowCrashes].
//
// # Unheard messages
//
// A message that nobody hears is no failure, since processes come and go. Where
// it should be one, set Config.Heard: the test fails, too, if nobody has heard
// any message of a type, or if something about one was nearly right, such as a
// pointer where subscribers want the value.
package vmtest
