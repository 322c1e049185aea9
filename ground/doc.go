// Package ground runs a virtual machine: it opens the devices that processes
// hold, gives the machine what comes from them, and carries out what the machine
// wants done outside.
//
//	err := ground.Run(ctx, tcp.Driver(), serve(addr))
//
// Run returns when nothing can happen in the machine any more, or when ctx is done
// and the machine has stopped in good order. A [Ground] has what can be chosen: the
// logger, bounds, a journal.
//
// A ground is where goroutines, clocks and the system are. The machine, of package
// vm, is pure: a ground gives it inputs, one after another, and takes its commands.
// So the inputs determine the run, and a [Journal] that keeps them can bring the
// machine back.
//
// # Devices
//
// A process asks for a device by an action ([endpoint.Device] makes it). The ground
// opens the device in another goroutine, so no transition function ever waits. The
// values of a device enter the machine one after another, and only while little
// waits there: what a flooded machine does not take waits in sockets. What a
// device is told is written after the machine has worked, in order, many commands
// at once. A device whose outside does not take what it is told ends with
// [world.ErrSlowConsumer]; it never holds up the others.
//
// # Failure
//
// A process that panics ends, and the log says where. A device that fails ends,
// with a reason that its holder hears. Run returns an error if the first process
// fails, if a process says so with [endpoint.Exit], or if the ground itself cannot
// go on because its journal has failed.
package ground
