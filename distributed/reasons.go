package distributed

import (
	"errors"
	"fmt"

	"github.com/go-marketplace/marketplace/distributed/internal/session"
	"github.com/go-marketplace/marketplace/distributed/internal/wire"
	"github.com/go-marketplace/marketplace/world"
)

// Why endpoints at other places are absent, and why something is refused. All of them are
// registered, so [errors.Is] recognises them on both sides of a link.
var (
	// ErrLost says that the link is lost. What was sent last may have arrived or not; a
	// call may have been carried out.
	ErrLost = session.ErrLost

	// ErrGap, ErrLease, ErrCut, ErrReplaced, ErrNoSession and ErrNoAnswer say why a link is
	// lost: each is an [ErrLost], too.
	ErrGap       = session.ErrGap       // frames are missing
	ErrLease     = session.ErrLease     // nothing was heard for longer than the lease
	ErrCut       = session.ErrCut       // the connection has ended
	ErrReplaced  = session.ErrReplaced  // the client has begun a later session
	ErrNoSession = session.ErrNoSession // the other side has given up the session
	ErrNoAnswer  = session.ErrNoAnswer  // the home has not answered

	// ErrLeft says that the other side has left, and that everything it has sent has
	// arrived.
	ErrLeft = session.ErrLeft

	// ErrRefused says that the home does not agree to a link. ErrVersion, ErrNoPlace and
	// ErrStale are ErrRefused, too.
	ErrRefused = session.ErrRefused
	ErrVersion = session.ErrVersion // no version of the protocol in common
	ErrNoPlace = session.ErrNoPlace // there is no such place
	ErrStale   = session.ErrStale   // the life of the place that is meant is over

	// ErrProtocol says that the other side does not keep to the protocol.
	ErrProtocol = wire.ErrMalformed

	// ErrUnknownType says that a type is not registered in the program at the other side.
	ErrUnknownType = wire.ErrUnknownType

	// ErrSchema says that the programs of both sides have different types under one name.
	ErrSchema = wire.ErrSchema

	// ErrUnsendable says that a message or a role means something in one machine alone, or
	// cannot be encoded.
	ErrUnsendable = wire.ErrUnsendable

	// ErrTooLarge says that a message or a role is too large for a frame: 256 KiB.
	ErrTooLarge = wire.ErrTooLarge

	// ErrNotAdmitted says that the [Admission] of a place does not allow something.
	ErrNotAdmitted = errors.New("distributed: the place does not admit it")

	// ErrNoMailbox says that there is no [Mailbox] with the name to which a letter goes.
	ErrNoMailbox = errors.New("distributed: there is no mailbox of that name")

	// ErrUnreachable says that a place could not be reached for as long as a lease.
	ErrUnreachable = errors.New("distributed: the place cannot be reached")

	// errInterrupted says that a link did not survive the restart of the machine.
	errInterrupted = fmt.Errorf("%w: the machine was restarted", session.ErrLost)
)

func init() {
	world.RegisterErrorKind("distributed.ErrNotAdmitted", ErrNotAdmitted)
	world.RegisterErrorKind("distributed.ErrNoMailbox", ErrNoMailbox)
	world.RegisterErrorKind("distributed.ErrUnreachable", ErrUnreachable)
}

func noPlace(h home) error { return fmt.Errorf("%w: %v", ErrNoPlace, h) }
