package world

import (
	"context"
	"io"
	"log/slog"
	"strconv"
)

// A Device describes something outside that the ground can open: a listener on an
// address, an alarm after a duration. It is pure data. Its dynamic type must be
// comparable, because a holder names the device by its value. The value must not
// change.
//
// A process that has the value may open the device: the value is the authority.
type Device interface {
	// DeviceName returns the name of the device. Names are injective: two devices
	// of any types have the same name only if they are equal, so a name starts
	// with the type, and quotes free text. Names are stable: another run of the
	// same program gives the same name. DeviceName is called often. It must be
	// cheap and must not block.
	DeviceName() string

	// Open opens the device and returns a handle whose first value is the
	// opening value. It may block. If the holder closes the device before Open
	// returns, the ground cancels ctx; Open must then return soon, with an error
	// or with a handle, which the ground closes. After Open has returned, ctx has
	// no meaning.
	//
	// Opening the same device again gives another handle. If the outside does not
	// allow two (a port in use), Open fails and says so.
	Open(ctx context.Context, env Env) (Handle, error)
}

// A Handle is an open device. It belongs to the ground, which calls its methods
// from its own goroutines: Recv from one at a time, Try and Do together from one
// at a time, Close from any.
type Handle interface {
	// Recv waits for the next value from outside and returns it. The first is the
	// opening value, which says what was opened (the bound address, the time).
	// The ground exerts back-pressure by not calling Recv: the device should then
	// leave further input outside.
	//
	// An error ends the device, and the ground does not call Recv again. [io.EOF]
	// is the regular end, with a nil reason; any other error is the reason of the
	// end. The ground ignores a value that comes with an error.
	Recv() (value any, err error)

	// Try carries out commands in order, as far as possible without blocking, and
	// returns the number n of commands that are complete. It may have carried out
	// a part of commands[n]: the handle then keeps the rest of that command, and
	// counts it only when it is complete. The ground continues with the same
	// command, in Do or as the first of the next Try.
	//
	// A non-nil error means that commands[n] has failed. The ground does not try
	// it again, and continues with the next command. A nil error with n less than
	// len(commands) means that commands[n] would block.
	//
	// The handle must not retain the slice.
	Try(commands []any) (n int, err error)

	// Do carries out one command, and may block. If Try has carried out a part of
	// the command, Do carries out the rest. An error means that the command has
	// failed. The device stays open: Recv reports its end.
	Do(command any) error

	// Close closes the device. It unblocks Recv and Do, which must then return
	// promptly, since the end of a machine waits for them; the ground ignores
	// their errors. Close returns when the outside can open the same device
	// again. A goroutine that is stuck in a system call may outlive Close if it
	// holds nothing that the next opening needs. Close is idempotent: a second
	// call does nothing and returns nil.
	Close() error
}

// An Aborter is a Handle that can close so that the peer notices that data is
// missing: a TCP connection sends a reset. The ground calls Abort instead of Close
// when it discards commands, because the queue of the device was full or the time
// for closing has passed. So a clean end means that everything was sent.
type Aborter interface {
	Handle

	// Abort closes the device as Close does, and tells the peer that this is not
	// a clean end. A later Close does nothing.
	Abort() error
}

// A Duplex is a handle from which the ground receives although much waits to be written.
// From others it then receives nothing, so that a peer that reads slowly is answered
// slowly. If both peers did that, each could wait for the other: so one of them is a
// Duplex.
type Duplex interface {
	Handle

	// Duplex does nothing. It marks the type.
	Duplex()
}

// An Env is what the ground offers to a device that it opens. Any goroutine may call
// its methods, until the device is closed.
type Env interface {
	// Keep hands a resource that came from outside, such as an accepted socket,
	// to the ground, and returns a reference with which another device can take
	// it. The resource may outlive the device that kept it. The ground closes a
	// resource that no device takes within a time limit, or before the ground
	// stops.
	Keep(resource io.Closer) Ref

	// Take returns the resource of a reference. The caller then owns the resource
	// and must close it. Each resource can be taken once. If it was taken, was
	// closed, or never existed, the error is [ErrNotKept].
	Take(ref Ref) (io.Closer, error)

	// Logger returns a logger for facts that an operator should see and that no
	// process gets as an event. It is never nil.
	Logger() *slog.Logger
}

// Reopened reports whether env belongs to a device that was open before a restart of
// the machine, and that the ground now opens again. If that fails, the ground
// retries, and the holder does not hear of the failure. So a device that cannot
// continue after a restart, such as a connection, must fail with an error that
// wraps [ErrNotKept]: then the ground does not retry, and the holder gets the
// error.
func Reopened(env Env) bool {
	r, ok := env.(interface{ Reopened() bool })
	return ok && r.Reopened()
}

// A Ref names a resource that came from outside, and that the ground keeps until a
// device takes it: see [Env]. It is data: a value of a device carries it to a
// process, and the process makes another device with it. A Ref is never used
// again for another resource.
type Ref struct {
	Device     string // name of the device that kept the resource
	Generation uint64 // number of that device's opening
	Number     uint64 // number of the resource within that opening, from 1
}

// String returns a text for people: the device with generation and number.
func (r Ref) String() string {
	return r.Device + "#" + strconv.FormatUint(r.Generation, 10) + "." + strconv.FormatUint(r.Number, 10)
}

// A Reporter is a command whose completion the holder can get as an event. A holder
// uses this for flow control: it tells the next command when the last is
// complete.
type Reporter interface {
	// Reports reports whether the holder gets the event. The result never
	// changes.
	Reports() bool
}

// A Sizer is a command, or a value of a device, that knows its size.
//
// The size of a command counts against the limit of the queue of its device: see
// DeviceQueue in package ground. Every command counts as at least 64 bytes there,
// and a command that is not a Sizer as 64.
//
// When the machine is overloaded, short values enter it before long ones. A value
// that is not a Sizer is short.
type Sizer interface {
	// Size returns the size of the command or value in bytes, such as the length
	// of the data to write. It is at least 0 and never changes.
	Size() int
}

// An Urgent value enters an overloaded machine immediately, while other values
// wait. Use it for values that lose their worth when they are late, such as the
// time, and only if the device has few of them.
type Urgent interface {
	// Urgent does nothing. It marks the type.
	Urgent()
}

// A RestWaiter is a device whose values can wait until the machine is at rest. Those
// values, all but the opening value, enter the machine when it has done all its
// work. If the machine never rests, they enter it late.
type RestWaiter interface {
	Device

	// WaitsForRest reports whether the values of the device wait until the machine
	// is at rest. The result never changes.
	WaitsForRest() bool
}
