// Package world is what lies outside a machine: the devices that a process can
// hold open, the clock, and the network. In the metaphor of the other packages, in which actions are the system
// calls and vm is the kernel, world is the devices.
//
// A process never does anything; it returns values. So it does not open a socket
// either: it asks for a [Device], which is plain data that says what to open. The
// ground, the outermost loop around a machine, opens the device. The process gets
// the values that the resulting [Handle] receives as events, and the handle gets
// what the process tells the device as commands:
//
//	process                      ground                     outside
//	   | -- Alarm{clock, 5s} ------> |                          |
//	   |                             | -- Open(ctx, env) -----> |
//	   | <----------------- AlarmSet | <---------------- Recv --|
//	   | <---------------- AlarmRang | <---------------- Recv --|
//	   | <------- end, with a reason | <-------- Recv: io.EOF --|
//
// Devices are values so that a journal can record their opening, a replay can check
// that the machine opens the same device again, and a restart can open it anew.
// For the same reason all input is data that a codec can write: types of values
// have stable names ([Register]), and errors are reduced to data that a journal
// can restore ([Reduce], [Error]).
//
// Drivers take the outside as a parameter: a [Clock], a [Network] or a
// [PacketNetwork]. A program passes [SystemClock], [SystemNetwork] and
// [SystemPacketNetwork]. A test passes a [ManualClock], and a simulated network
// from package [github.com/go-marketplace/marketplace/world/simnet].
package world
