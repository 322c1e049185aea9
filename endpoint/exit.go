package endpoint

import (
	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/world"
)

// Exit ends the program, from a process at any depth of nested machines. The ground
// stops the machine, as it does when its context is done, and its Run returns err,
// reduced to a [*world.Error], or nil. The first Exit of a program counts. A journal
// keeps the stop, so a program that is started again continues after it.
//
// The action opens a [world.Result], tells it the error, and closes it. Without a
// ground, as in package vmtest, nothing else happens.
func Exit(err error) actions.Action {
	d := world.Result{}
	return actions.Group(actions.OpenDevice{Device: d}, actions.Tell(d, world.ExitWith(err)), actions.Close(d))
}
