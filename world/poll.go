package world

// A Pollable is a handle that waits for a file descriptor, and for nothing else. A
// ground that polls, which waits for many descriptors at once, needs no goroutine
// for each, and receives the values of many devices together.
//
// Such a ground calls Recv for the opening value only, and then TryRecv. It does not
// call Do: when the descriptor is writable, it calls Try again. The rules of
// [Handle] apply to TryRecv as to Recv: the ground calls TryRecv from one goroutine
// at a time, Try from one at a time, and Close from any. The handle must not use
// the descriptor after it is closed, since the system may give the same number to
// another file.
//
// A device opens as a Pollable only if [Polls] reports true for its [Env].
type Pollable interface {
	Handle

	// Descriptor returns the file descriptor. The descriptor must be non-blocking
	// and stay the same until the handle is closed. Nothing else may wait for it,
	// as package net does for the descriptors of its connections.
	Descriptor() int

	// TryRecv is Recv without blocking. If there is no value, it returns nil and
	// no error. The error [ErrDrained] says that no more values will come,
	// although the device stays open. Other errors end the device, as those of
	// Recv do.
	TryRecv() (value any, err error)
}

// Polls reports whether the ground of env waits for descriptors of devices: see
// [Pollable]. The first call starts the pollers of the ground, so a device must call
// it only if it has a descriptor. In a bubble of testing/synctest, where no device
// should have one, a poller is never durably blocked, and so time would stand
// still.
func Polls(env Env) bool {
	p, ok := env.(interface{ Polls() bool })
	return ok && p.Polls()
}
