// Package world is what lies outside a machine: the devices that a process can
// hold open, the clock, and the network. In the metaphor of the other packages, in which actions are the system
// calls and vm is the kernel, world is the devices.
//
// A process never does anything; it returns values. So it does not open a
// socket either: it says that it wants to hold a [Device], which is plain data
// that says what should be opened. The ground, the outermost loop around a
// machine, opens it. What the resulting [Handle] receives comes to the process
// as events, and what the process tells the device is handed to the handle as
// commands:
//
//	process                      ground                     outside
//	   | -- Alarm{clock, 5s} ------> |                          |
//	   |                             | -- Open(ctx, env) -----> |
//	   | <----------------- AlarmSet | <---------------- Recv --|
//	   | <---------------- AlarmRang | <---------------- Recv --|
//	   | <------- end, with a reason | <-------- Recv: io.EOF --|
//
// Devices are values so that a journal can record that one was opened, a replay
// can check that the same one is opened again, and a restart can open it anew.
// For the same reason everything that comes in is data that a codec can write:
// values have types with stable names ([Register]), and errors are brought down
// to what can be restored ([Reduce], [Error]).
//
// Drivers take the outside as a parameter: a [Clock], a [Network] or a
// [PacketNetwork]. A program passes [SystemClock], [SystemNetwork] and
// [SystemPacketNetwork]. A test passes a [ManualClock], and a simulated network
// from package [github.com/go-marketplace/marketplace/world/simnet].
package world
