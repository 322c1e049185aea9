package node

import (
	"errors"

	"github.com/go-marketplace/marketplace/world"
)

// Reasons. Use errors.Is, on either side.
var (
	// ErrNoProgram says that a node does not run a program: it is not among those of its
	// [Config].
	ErrNoProgram = errors.New("node: the node has no such program")

	// ErrArguments says that the arguments of a program are not readable: the two nodes
	// are different versions of it.
	ErrArguments = errors.New("node: arguments that cannot be read")

	// ErrConflict says that a place runs another program already, or one with other
	// arguments, or is to be started again in another way.
	ErrConflict = errors.New("node: something else is wanted at the place")

	// ErrUnwanted says that a [Host] does not want a node or a place any more, for which
	// somebody waits.
	ErrUnwanted = errors.New("node: the host does not want it any more")

	// ErrEnded says that a program has ended without a reason when it was to start, or that
	// what is wanted has ended before, and is not started again while others want it, too.
	ErrEnded = errors.New("node: the program has ended")

	// ErrGivenUp says that a place or a node has ended too often in a short time, as its
	// [Restart] says, and is not started again while somebody wants it. The text of the
	// error that wraps it has the reasons.
	ErrGivenUp = errors.New("node: given up")

	// ErrDown says that the process of a node has ended. The text of the error that wraps it
	// has the exit status.
	ErrDown = errors.New("node: the process of the node has ended")

	// ErrLaunch says that a node could not be started.
	ErrLaunch = errors.New("node: the node cannot be started")
)

func init() {
	for name, err := range map[string]error{
		"node.ErrNoProgram": ErrNoProgram, "node.ErrArguments": ErrArguments, "node.ErrConflict": ErrConflict,
		"node.ErrUnwanted": ErrUnwanted, "node.ErrGivenUp": ErrGivenUp, "node.ErrEnded": ErrEnded, "node.ErrDown": ErrDown, "node.ErrLaunch": ErrLaunch,
	} {
		world.RegisterErrorKind(name, err)
	}
}
