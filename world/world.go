package world

import (
	"context"
	"io"
	"log/slog"
	"strconv"
)

// A Device says what can be opened outside: a listener on an address, an alarm
// after a duration. It is pure data. Its dynamic type must be comparable,
// because a holder names the device by the value, and it must not change.
//
// Whoever has the value may open the device; having the value is the
// authority to do so.
type Device interface {
	// DeviceName returns the name of the device. Names are injective: two
	// devices have the same name only if they are equal, whatever their types,
	// so a name starts with the type and quotes what is free text. They are
	// stable: another run of the same program gives the same name. It is
	// called often and must be cheap, and must not block.
	DeviceName() string

	// Open opens the device and returns a handle whose first value is the
	// opening value. It may block. The context is cancelled when the holder
	// closes the device before it is open; Open then returns soon, and an
	// error or a handle will do, since the ground closes that handle at once.
	// The context says nothing about the time after Open has returned.
	//
	// Opening the same device again gives another handle. If the outside does
	// not allow two (a port that is taken), Open fails and says so.
	Open(ctx context.Context, env Env) (Handle, error)
}

// A Handle is an open device. It belongs to the ground, which calls its methods
// from goroutines of its own: Recv from one at a time, Try and Do together from
// one at a time, Close from any.
type Handle interface {
	// Recv blocks for the next value that comes from outside. The first is the
	// opening value, which tells what was opened (the bound address, the
	// time). It is a pull: that Recv is not called is back-pressure, and what
	// waits outside should then wait there.
	//
	// An error ends the device, and Recv is not called again: [io.EOF] means
	// that it ended of its own accord (a nil reason), any other error is the
	// reason. A value returned along with an error is ignored.
	Recv() (value any, err error)

	// Try carries out commands in their order as far as possible without ever
	// blocking, and returns how many are done. It may have begun command n: a
	// handle may keep the part of a command that is left, and counts it as
	// done only when it is complete. The ground then goes on with the same
	// command, in Do or as the first of the next Try, and never with another.
	//
	// A non-nil error is about command n, which counts as failed and is not
	// tried again; the commands after it are still to come. A nil error with n
	// short of len(commands) means that command n would block.
	//
	// The handle must not retain the slice.
	Try(commands []any) (n int, err error)

	// Do carries out one command and may block; it goes on with the command
	// that Try left unfinished, if there is one. An error means that the
	// command failed. The device stays open: whether it can go on is for Recv
	// to say.
	Do(command any) error

	// Close closes the device and unblocks Recv and Do, which then return
	// errors that nobody looks at, at once: the end of a machine waits for
	// them. A goroutine of the device that the system holds in a call may stay
	// behind, if it holds nothing that another opening needs. It returns when what was opened is free
	// again, so that the same device can be opened anew. It is idempotent: a
	// second call does nothing and returns nil.
	Close() error
}

// An Aborter is a Handle that can be closed such that the other side notices
// that something is missing: a TCP connection is reset. The ground calls Abort
// in place of Close when it has a command that it cannot carry out any more,
// because too much was waiting, or the time for closing is over. A clean end so
// means that everything was sent.
type Aborter interface {
	Handle

	// Abort is Close, but tells the other side that this is no clean end. After
	// it, Close does nothing.
	Abort() error
}

// An Env is what the ground offers to a device that it opens. Its methods may
// be called at any time until the device has been closed, from any goroutine.
type Env interface {
	// Keep gives a thing that the outside has handed in, such as an accepted
	// socket, to the ground, and returns the name under which a device can
	// take it. The thing may outlive the device that kept it. The ground closes
	// what nobody takes within a time that it sets, and the rest when it stops.
	Keep(thing io.Closer) Ref

	// Take takes back what was kept under the reference. The caller owns it
	// from then on and must close it. The error is [ErrNotKept] if the thing
	// is not there (any more): each can be taken once.
	Take(ref Ref) (io.Closer, error)

	// Logger returns a logger for what an operator should see and no process
	// hears of. It is never nil.
	Logger() *slog.Logger
}

// Reopened reports whether the device that env is of was open before the
// machine was restarted, and is opened again. If it cannot be, the ground tries
// again and again, and its holder does not hear of that. So a device that cannot
// go on after a restart, such as a connection, fails with an error that wraps
// [ErrNotKept], of which its holder does hear.
func Reopened(env Env) bool {
	r, ok := env.(interface{ Reopened() bool })
	return ok && r.Reopened()
}

// A Ref names a thing that the outside has handed in and that the ground keeps
// until a device takes it. It is data: a value from a device carries it to a
// process, and the process builds another device of it. A name is never used
// again.
type Ref struct {
	Device     string // name of the device that handed it in
	Generation uint64 // of that device's opening: which of its openings it was
	Number     uint64 // which of the things of that opening, from 1
}

// String returns a form for people: the device with generation and number.
func (r Ref) String() string {
	return r.Device + "#" + strconv.FormatUint(r.Generation, 10) + "." + strconv.FormatUint(r.Number, 10)
}

// A Reporter is a command of which the holder can want to hear that it has been
// carried out, which says more than that it was told: so it can wait with the
// next one.
type Reporter interface {
	// Reports reports whether the holder is to be told. It never changes.
	Reports() bool
}

// A Sizer is a command, or a value of a device, of which the ground should know
// how large it is. A command counts for its size against the limit of its
// device's queue; short values enter a machine that has much to do before long
// ones.
type Sizer interface {
	// Size returns how much the command or value counts for, in bytes: a write,
	// say, returns the length of its data. It is at least 0 and never changes.
	Size() int
}

// An Urgent value enters a machine at once, while others wait because the
// machine has much to do. It is what a clock says, and what else is worth little
// when it is late. A device has few of these.
type Urgent interface {
	// Urgent does nothing. It marks the type.
	Urgent()
}

// A Resting device may have values that say that the machine has come to rest: all
// but the opening value wait until the machine has done the work that it has. A
// machine that does not rest gets them nevertheless, but late.
type Resting interface {
	Device

	// WaitsForRest reports whether the values of the device wait. It never
	// changes.
	WaitsForRest() bool
}
