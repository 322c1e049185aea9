package tcp

import (
	"errors"
	"strings"

	"github.com/go-marketplace/marketplace/world"
)

// Reasons with which connections end. They are the Kind of a [*world.Error] that
// names the address; use [errors.Is].
var (
	// ErrSlowConsumer says that the peer took data too slowly, and the queue of
	// the connection was full. It is world.ErrSlowConsumer.
	ErrSlowConsumer = world.ErrSlowConsumer

	// ErrUnclaimed says that no process took part in an incoming connection
	// within Config.ClaimLimit.
	ErrUnclaimed = errors.New("tcp: nobody has published or subscribed to a flow of the connection in time")

	// ErrInterrupted says that a connection was open when the machine ended. A
	// machine that goes on from its journal goes on without the connection.
	ErrInterrupted = errors.New("tcp: the connection did not survive a restart of the machine")

	// ErrDriver says that the driver has ended, and with it its connections.
	ErrDriver = errors.New("tcp: the driver has ended")

	// ErrIdle says that no byte has come or gone on a connection for
	// Config.IdleLimit.
	ErrIdle = errors.New("tcp: nothing has come or gone for too long")

	// ErrSettings says that an address names TLS settings that the driver does
	// not have, or that a server cannot use.
	ErrSettings = errors.New("tcp: there are no such TLS settings")

	// ErrHandshake says that the TLS handshake has failed. The text says why.
	ErrHandshake = errors.New("tcp: the TLS handshake has failed")

	// ErrCertificate says that the TLS handshake has failed because of a
	// certificate; it also matches [ErrHandshake]. The certificate of the peer is
	// not valid (it has expired, is for another host, or its signer is unknown)
	// or missing, or the peer has rejected ours. The text says which. A client
	// may hear only after the handshake that its certificate was rejected.
	ErrCertificate error = &failure{"tcp: a certificate has been refused", []error{ErrHandshake}}
)

// A failure is an error with a text of its own that also matches its causes.
type failure struct {
	text   string
	causes []error
}

// newFailure returns a failure of a kind. Its text is that of the kind, followed by
// the given text.
func newFailure(kind error, text string, cause error) error {
	f := &failure{kind.Error() + ": " + text, []error{kind}}
	if cause != nil {
		f.causes = append(f.causes, cause)
	}
	return f
}

func (f *failure) Error() string   { return f.text }
func (f *failure) Unwrap() []error { return f.causes }

// lost returns the error for a connection that an earlier ground has kept, and that
// is gone with it.
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
