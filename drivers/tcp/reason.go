package tcp

import (
	"errors"
	"strings"

	"github.com/go-marketplace/marketplace/world"
)

// Reasons for which connections end. They are the Kind of a [*world.Error] that
// names the address; use [errors.Is].
var (
	// ErrSlowConsumer says that the peer did not take what was sent fast
	// enough, so that too much was waiting. It is that of package world.
	ErrSlowConsumer = world.ErrSlowConsumer

	// ErrUnclaimed says that nobody took part in a connection that came in.
	ErrUnclaimed = errors.New("tcp: nobody has published or subscribed to a flow of the connection in time")

	// ErrInterrupted says that a connection was open when the machine ended,
	// and that the machine has gone on without it.
	ErrInterrupted = errors.New("tcp: the connection did not survive a restart of the machine")

	// ErrIdle says that nothing has come or gone on a connection for as long as
	// Config.IdleLimit.
	ErrIdle = errors.New("tcp: nothing has come or gone for too long")

	// ErrSettings says that an address has TLS settings that the driver does
	// not know, or that a server cannot work with.
	ErrSettings = errors.New("tcp: there are no such TLS settings")

	// ErrHandshake says that the two sides did not come to speak TLS with each
	// other. The text says why.
	ErrHandshake = errors.New("tcp: the TLS handshake has failed")

	// ErrCertificate is the [ErrHandshake] that is due to a certificate, and
	// matches both: that of the peer is not valid (it has expired, is for
	// another host, or nobody knows who has signed it), or there is none, or
	// the peer has rejected ours. The text says which. A client may hear only
	// after the handshake that its certificate was rejected.
	ErrCertificate error = &failure{"tcp: a certificate has been refused", []error{ErrHandshake}}
)

// A failure is an error with a text of its own that is also what has caused it.
type failure struct {
	text   string
	causes []error
}

// newFailure returns a failure of a kind. The text goes on where that of the kind
// ends.
func newFailure(kind error, text string, cause error) error {
	f := &failure{kind.Error() + ": " + text, []error{kind}}
	if cause != nil {
		f.causes = append(f.causes, cause)
	}
	return f
}

func (f *failure) Error() string   { return f.text }
func (f *failure) Unwrap() []error { return f.causes }

// lost returns why something cannot be taken that was kept when the machine
// heard of it: the ground that has kept it is gone.
func lost(err error) error {
	return &failure{ErrInterrupted.Error(), []error{ErrInterrupted, err}}
}

// blame returns err as a reason that names an address.
func blame(err error, addr string) error {
	if err == nil || errors.Is(err, world.ErrStopped) {
		return err
	}
	reason, ok := world.Reduce(err).(*world.Error)
	if !ok || reason.Addr != "" {
		return reason
	}
	named := *reason
	named.Addr = addr
	named.Text = "tcp: " + addr + ": " + strings.TrimPrefix(reason.Error(), "tcp: ")
	return &named
}
