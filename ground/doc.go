// Package ground runs a virtual machine: it opens the devices that processes hold,
// gives their values to the machine, and carries out the commands of the machine.
//
//	err := ground.Run(ctx, tcp.Driver(), serve(addr))
//
// Run returns when nothing can happen in the machine any more, or when ctx is done
// and the machine has stopped. A [Ground] has the options: the logger, limits, a
// journal.
//
// Goroutines, clocks and the operating system are in this package and in devices.
// The machine, of package vm, is pure: a ground gives it inputs, one after another,
// and carries out its commands. So the inputs determine the run, and a [Journal] that
// keeps them can restore the machine.
//
// # Devices
//
// A process opens a device by an action, which [endpoint.Device] makes. The ground
// opens the device in another goroutine, so no transition function ever waits.
//
// The values of a device enter the machine one after another. While many actions are
// in the queues of the machine, they stay outside, such as in the buffers of sockets.
//
// After the machine has worked, the ground gives each device its commands, in order
// and many at once. If the outside of a device does not take them, and too many bytes
// wait, the device ends with [world.ErrSlowConsumer]. It does not delay other devices.
//
// # Failure
//
// A process that panics ends, and the log says where. A device that fails ends, and
// its holder gets the reason. Run returns an error if the first process fails, if a
// process ends the program with an error ([endpoint.Exit]), or if the journal fails.
package ground
