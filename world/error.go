package world

import "errors"

// Reasons of the ground's own.
var (
	// ErrStopped says that the ground is stopping.
	ErrStopped = errors.New("world: the ground is stopping")

	// ErrSlowConsumer says that what a device was told was not taken fast
	// enough outside, so that the device's queue is full.
	ErrSlowConsumer = errors.New("world: the queue of the device is full: it was told more than the outside takes; tell it less, or wait for it to answer")

	// ErrNotKept says that a [Ref] names nothing that the ground keeps: it was
	// taken before, or closed because nobody took it in time, or kept by a ground
	// that is gone. A device that fails to open with it is not tried again: see
	// [Reopened].
	ErrNotKept = errors.New("world: nothing is kept under this reference: it was taken or closed before")

	// ErrDrained says that nothing more comes from a device that stays open.
	ErrDrained = errors.New("world: nothing more comes from the device")

	// ErrClosed says that a device is closed, to whoever still uses its handle.
	ErrClosed = errors.New("world: the device is closed")

	// ErrNotRecordable says that a value cannot be written into the journal of the
	// machine. The device that it came from ends, for that reason.
	ErrNotRecordable = errors.New("world: value cannot be journalled")
)

// Kinds of failure for which the standard library has no error value that could
// be compared.
var (
	// ErrHostNotFound is what a [net.DNSError] about a name that does not
	// exist becomes.
	ErrHostNotFound error = &kindError{text: "world: no such host"}

	// ErrLookupTimeout is what a [net.DNSError] about a name server that did
	// not answer in time becomes. It is a timeout.
	ErrLookupTimeout error = &kindError{text: "world: looking up a name took too long", timeout: true}

	// ErrLookupFailed is what every other [net.DNSError] becomes.
	ErrLookupFailed error = &kindError{text: "world: looking up a name failed"}

	// ErrTimeout is what an error becomes that says of itself that it is a
	// timeout, when it is of no more specific kind.
	ErrTimeout error = &kindError{text: "world: timeout", timeout: true}
)

// kindError is the type of sentinels that know whether they are timeouts.
type kindError struct {
	text    string
	timeout bool
}

func (e *kindError) Error() string { return e.text }
func (e *kindError) Timeout() bool { return e.timeout }

// An Error is an error brought down to what a journal can write and restore
// without knowing the type it had. [Reduce] makes it. Two Errors with equal
// fields are the same error, and nobody changes one after it is made.
//
// What matched a well-known error by [errors.Is] before still does: the Kind
// stands for that error. So a handler may ask
//
//	errors.Is(reason, syscall.ECONNREFUSED)
//
// on the first run, in a replay, and on another operating system, where the
// number is a different one.
type Error struct {
	// Kind is the name of the well-known error that this error is, such as
	// "ECONNREFUSED", "io.EOF" or a name given to [RegisterErrorKind]; empty
	// if it is none.
	Kind string

	// Op is the operation that failed, such as "dial" or "open"; empty if
	// unknown.
	Op string

	// Addr is what the operation was about, a network address, host name or
	// file path; empty if unknown.
	Addr string

	// Text is the whole text of the original error.
	Text string
}

// Error returns the text of the original error.
func (e *Error) Error() string {
	if e.Text != "" {
		return e.Text
	}
	text := e.Op
	for _, part := range []string{e.Addr, e.Kind} {
		if text != "" && part != "" {
			text += ": "
		}
		text += part
	}
	if text == "" {
		return "world: unknown error"
	}
	return text
}

// Unwrap returns the well-known error that the Kind stands for. It is nil when
// the Kind is empty or is not registered in this program.
func (e *Error) Unwrap() error { return sentinelOf(e.Kind) }

// Is reports whether target is an Error with equal fields. That the Error also
// matches what its Kind stands for is Unwrap's doing.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t != nil && *t == *e
}

// Timeout reports whether the error is a timeout: whether what its Kind stands
// for is one.
func (e *Error) Timeout() bool {
	t, ok := sentinelOf(e.Kind).(interface{ Timeout() bool })
	return ok && t.Timeout()
}

// Temporary reports what the error that the Kind stands for says of itself. It
// is here so that an Error is a [net.Error]; ask Timeout, whose meaning is
// clear.
func (e *Error) Temporary() bool {
	t, ok := sentinelOf(e.Kind).(interface{ Temporary() bool })
	return ok && t.Temporary()
}
