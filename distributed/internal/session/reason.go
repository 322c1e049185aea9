package session

import (
	"errors"

	"github.com/go-marketplace/marketplace/distributed/internal/wire"
	"github.com/go-marketplace/marketplace/world"
)

// Why a session ends. All but ErrLeft and ErrRefused are reasons of [ErrLost], as
// [errors.Is] says, except that the other side can give a reason of its own.
var (
	// ErrLost says that the link is lost. What was sent last may have arrived or not.
	ErrLost = errors.New("distributed: the link is lost")

	// ErrGap says that frames were lost on the way.
	ErrGap error = because(ErrLost, "frames are missing")

	// ErrLease says that a side has heard nothing from the other for longer than its lease.
	ErrLease error = because(ErrLost, "nothing was heard for longer than the lease")

	// ErrCut says that the connection has ended below the session.
	ErrCut error = because(ErrLost, "the connection has ended")

	// ErrReplaced says that the client has begun a later session.
	ErrReplaced error = because(ErrLost, "there is a later session")

	// ErrNoSession says that the other side knows of no such session any more.
	ErrNoSession error = because(ErrLost, "the other side has no such session any more")

	// ErrNoAnswer says that the home has not answered within the lease.
	ErrNoAnswer error = because(ErrLost, "there is no answer")

	// ErrLeft says that the other side has ended the session without another reason, and
	// that everything it has sent before has arrived.
	ErrLeft = errors.New("distributed: the other side has left")

	// ErrRefused says that the home does not agree to a session.
	ErrRefused = errors.New("distributed: the place refuses")

	// ErrVersion says that the two sides have no version of the protocol in common.
	ErrVersion error = because(ErrRefused, "no version of the protocol is spoken by both sides")

	// ErrNoPlace says that there is no such place on that node.
	ErrNoPlace error = because(ErrRefused, "there is no such place")

	// ErrStale says that the client wants a place in a life that is over.
	ErrStale error = because(ErrRefused, "that life of the place is over")
)

// A cause is a sentinel that is a kind of another one.
type cause struct {
	of   error
	text string
}

func because(of error, text string) *cause { return &cause{of, text} }

func (c *cause) Error() string { return c.of.Error() + ": " + c.text }
func (c *cause) Unwrap() error { return c.of }

func init() {
	for name, err := range map[string]error{
		"ErrLost": ErrLost, "ErrGap": ErrGap, "ErrLease": ErrLease, "ErrCut": ErrCut, "ErrReplaced": ErrReplaced,
		"ErrNoSession": ErrNoSession, "ErrNoAnswer": ErrNoAnswer, "ErrLeft": ErrLeft, "ErrRefused": ErrRefused,
		"ErrVersion": ErrVersion, "ErrNoPlace": ErrNoPlace, "ErrStale": ErrStale,
		"ErrMalformed": wire.ErrMalformed, "ErrUnknownType": wire.ErrUnknownType, "ErrSchema": wire.ErrSchema,
		"ErrUnsendable": wire.ErrUnsendable, "ErrTooLarge": wire.ErrTooLarge,
	} {
		world.RegisterErrorKind("distributed."+name, err)
	}
}
