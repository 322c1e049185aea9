package world

import "errors"

// Reasons that the ground gives.
var (
	// ErrStopped says that the ground is stopping.
	ErrStopped = errors.New("world: the ground is stopping")

	// ErrSlowConsumer says that the queue of a device is full, because the outside
	// did not take the commands of the device fast enough.
	ErrSlowConsumer = errors.New("world: the queue of the device is full: it was told more than the outside takes; tell it less, or wait for it to answer")

	// ErrNotKept says that a [Ref] names no resource that the ground keeps: a
	// device has taken it before, or the ground has closed it because no device
	// took it in time, or it belonged to an earlier run. If a device fails to open
	// with this error, the ground does not retry: see [Reopened].
	ErrNotKept = errors.New("world: nothing is kept under this reference: it was taken or closed before")

	// ErrDrained says that a device delivers no more values, but stays open.
	ErrDrained = errors.New("world: nothing more comes from the device")

	// ErrClosed says that a device is closed. Methods of its handle return it.
	ErrClosed = errors.New("world: the device is closed")

	// ErrNotRecordable says that the journal of the machine cannot store a value.
	// The device that delivered the value ends, and this is the reason.
	ErrNotRecordable = errors.New("world: value cannot be journalled")
)

// Errors for failures for which the standard library has no error value.
var (
	// ErrHostNotFound stands for a [net.DNSError] about a name that does not
	// exist.
	ErrHostNotFound error = &kindError{text: "world: no such host"}

	// ErrLookupTimeout stands for a [net.DNSError] about a name server that did
	// not answer in time. It is a timeout.
	ErrLookupTimeout error = &kindError{text: "world: looking up a name took too long", timeout: true}

	// ErrLookupFailed stands for every other [net.DNSError].
	ErrLookupFailed error = &kindError{text: "world: looking up a name failed"}

	// ErrTimeout stands for an error whose Timeout method returns true, if no
	// other kind fits it.
	ErrTimeout error = &kindError{text: "world: timeout", timeout: true}
)

// kindError is the type of sentinel errors with a Timeout method.
type kindError struct {
	text    string
	timeout bool
}

func (e *kindError) Error() string { return e.text }
func (e *kindError) Timeout() bool { return e.timeout }

// An Error is an error reduced to data that a journal can store and restore without
// the type of the original. [Reduce] makes it. Two Errors with equal fields are
// the same error. The fields must not change.
//
// If the original matched a well-known error by [errors.Is], so does the Error: its
// Kind stands for the well-known error. So a handler may ask
//
//	errors.Is(reason, syscall.ECONNREFUSED)
//
// in the first run, in a replay, and on another operating system, where the number
// of the error differs.
type Error struct {
	// Kind is the name of the well-known error that this error matches, such as
	// "ECONNREFUSED", "io.EOF" or a name given to [RegisterErrorKind]; empty if
	// there is none.
	Kind string

	// Op is the operation that failed, such as "dial" or "open"; empty if it is
	// unknown.
	Op string

	// Addr is the object of the operation: a network address, host name or file
	// path; empty if it is unknown.
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

// Is reports whether target is an Error with equal fields. By Unwrap, [errors.Is]
// also matches the error that the Kind stands for.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t != nil && *t == *e
}

// Timeout reports whether the error that the Kind stands for is a timeout.
func (e *Error) Timeout() bool {
	t, ok := sentinelOf(e.Kind).(interface{ Timeout() bool })
	return ok && t.Timeout()
}

// Temporary returns the result of the Temporary method of the error that the Kind
// stands for. It makes Error a [net.Error]; prefer Timeout, whose meaning is clear.
func (e *Error) Temporary() bool {
	t, ok := sentinelOf(e.Kind).(interface{ Temporary() bool })
	return ok && t.Temporary()
}
