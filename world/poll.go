package world

// A Pollable is a handle that waits for a file descriptor, and for nothing
// else. A ground that can wait for many of these at once needs no goroutine for
// each, and takes what has come for all of them in one go.
//
// Such a ground calls Recv for the opening value only, and TryRecv from then on;
// and it does not call Do, but Try once more when the descriptor can be written
// to. As ever, TryRecv is called from one goroutine at a time, Try from one at a
// time, and Close from any, so the handle has to see to it that nothing is done
// to a descriptor that has been closed.
//
// A device opens into a Pollable only if its [Env] [Polls].
type Pollable interface {
	Handle

	// Descriptor returns the file descriptor. It never blocks, nobody else
	// waits for it (package net does for those of its own connections), and it
	// stays the same until the handle is closed.
	Descriptor() int

	// TryRecv is Recv without waiting. If there is nothing it returns nil and
	// no error. [ErrDrained] says that nothing more will come, although the
	// device stays open; other errors end the device, as those of Recv do.
	TryRecv() (value any, err error)
}

// Polls reports whether the ground behind env waits for the descriptors of
// devices itself: see [Pollable]. To ask has the ground begin to, so ask for
// what has a descriptor only: in a bubble of testing/synctest, where nothing has
// one, who waits for descriptors would keep time from passing.
func Polls(env Env) bool {
	p, ok := env.(interface{ Polls() bool })
	return ok && p.Polls()
}
