package endpoint

import (
	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/world"
)

// Exit ends the program that the process is part of, at whatever depth: the
// ground stops the machine, and its Run returns err, reduced to a [*world.Error],
// or nil. Others still have their last word, as at any stop. If there are several
// Exits, the first counts. A journal keeps the stop, so a program that is started
// again goes on from there.
//
// Where there is no ground, as in package vmtest, Exit opens a [world.Result],
// tells it, and closes it.
func Exit(err error) actions.Action {
	d := world.Result{}
	return actions.Group(actions.OpenDevice{Device: d}, actions.Tell(d, world.ExitWith(err)), actions.Close(d))
}
