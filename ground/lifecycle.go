package ground

import "fmt"

// This file is the life cycle of a device, as a state machine without locks and I/O: a
// table that has, for each state and each event, the next state and the effects. The
// device carries out the effects.
//
//	          opened          closeAsked, ended          drained, limitOver
//	opening ---------> open -------------------> draining ---------------> closing
//	 |   ^ retried                                  ^                       |   | left
//	 |   |                                          | opened                |   v
//	 |  retrying                                    |                       |  closed
//	 |                 closeAsked                   |                       |
//	 +---------------------------------------> openingToDrain               |
//	                                                | drained, limitOver    |
//	                                                v    opened, openFailed |
//	                                            cancelled ------------------+
//
// For example, the holder tells a connection "bye" and closes it. The device goes from
// open to draining, because "bye" waits. When the socket has taken it, the device goes
// to closing, and calls Close; when Close has returned, it goes to closed. If the
// socket does not take "bye" within Ground.CloseLimit, the device also goes to closing,
// but calls Abort, because a command is lost. If nothing waits, drained follows
// closeAsked at once.
//
// The rules, which hold for every sequence of events:
//
//   - The handle is closed once, and nothing is written after that.
//   - It is closed, and not aborted, only if every command was accepted and written.
//   - An end is reported once, and only to a holder that has not closed the device.
//   - If Open has failed, there is nothing to close.

// A state is a state in the life cycle. In the states up to open, the holder has the
// device.
type state uint8

const (
	opening        state = iota // Open runs, or waits for the device before to be closed
	retrying                    // Open has failed, and is called again after a pause
	open                        // there is a handle
	openingToDrain              // the device must close, but commands wait for Open to return
	draining                    // the device must close, and commands wait to be written
	cancelled                   // nobody waits for Open any more, but it has not returned yet
	closing                     // the handle, if there is one, is being closed
	closed                      // the handle is closed, and Open does not run
	states
)

// An event is what happens to a device.
type event uint8

const (
	opened       event = iota // Open has returned a handle
	openFailed                // Open has failed, and is not called again
	openDeferred              // Open has failed, and may be called again
	retried                   // the pause before the next Open is over
	told                      // the machine tells a command
	missed                    // a command does not fit, and the device waits to be opened again
	overflowed                // a command does not fit: the device is too slow
	forgone                   // a command that the machine has told will not reach the device
	drained                   // no command waits
	ended                     // nothing comes from the handle any more, for a reason
	closeAsked                // the holder, or the end of the run, closes the device
	limitOver                 // CloseLimit is over
	left                      // the handle, if there is one, has been closed
	events
)

// Effects are what the device does because of an event.
type effects uint8

const (
	accept effects = 1 << iota // add the command to the output
	start                      // write the commands that wait, and receive
	drain                      // write the commands that wait, within CloseLimit
	cancel                     // cancel the context of Open, and drop the commands that wait
	leave                      // close the handle, or abort it if a command is lost; drop the commands that wait
	report                     // tell the machine that the device has ended
)

var stateNames = [states]string{"opening", "retrying", "open", "openingToDrain", "draining", "cancelled", "closing", "closed"}

func (s state) String() string { return stateNames[s] }

var eventNames = [events]string{
	"opened", "openFailed", "openDeferred", "retried", "told", "missed", "overflowed", "forgone", "drained", "ended", "closeAsked",
	"limitOver", "left",
}

func (e event) String() string { return eventNames[e] }

func (fx effects) has(some effects) bool { return fx&some != 0 }

// A life is the state of a device, and whether its end may be clean.
type life struct {
	state state
	lost  bool // a command was not carried out, and never will be
}

// wanted reports whether the holder has the device: it may send commands and get
// values.
func (l life) wanted() bool { return l.state <= open }

// writes reports whether commands go to the handle.
func (l life) writes() bool { return l.state == open || l.state == draining }

// A transition is the result of an event in a state.
type transition struct {
	next    state
	fx      effects
	loses   bool // a command is lost
	happens bool // the event can happen in the state
}

// next returns the life after an event, and the effects. It panics if the event
// cannot happen, which is a bug in device.
func (l life) next(e event) (life, effects) {
	t := &transitions[l.state][e]
	if !t.happens {
		panic(fmt.Sprintf("ground: a device has no transition from %q for %q", l.state, e))
	}
	return life{t.next, l.lost || t.loses}, t.fx
}

func to(next state, fx effects) transition     { return transition{next, fx, false, true} }
func losing(next state, fx effects) transition { return transition{next, fx, true, true} }

// transitions is the table. Events that are not in it cannot happen.
var transitions = [states][events]transition{
	opening: {
		opened:       to(open, start),
		openFailed:   to(closing, report|leave),
		openDeferred: to(retrying, 0),
		told:         to(opening, accept),
		missed:       losing(opening, 0),
		overflowed:   losing(cancelled, report|cancel),
		forgone:      losing(opening, 0),
		drained:      to(opening, 0),
		closeAsked:   to(openingToDrain, drain),
	},
	retrying: {
		openFailed: to(closing, report|leave),
		retried:    to(opening, 0),
		told:       to(retrying, accept),
		missed:     losing(retrying, 0),
		forgone:    losing(retrying, 0),
		drained:    to(retrying, 0),
		closeAsked: to(cancelled, cancel), // commands that wait do not delay the end of a device that cannot be opened
	},
	open: {
		told:       to(open, accept),
		overflowed: losing(closing, report|leave),
		forgone:    losing(open, 0),
		drained:    to(open, 0),
		ended:      to(draining, report|drain),
		closeAsked: to(draining, drain),
	},
	openingToDrain: {
		opened:       to(draining, start),
		openFailed:   to(closing, leave),
		openDeferred: to(cancelled, cancel),
		told:         losing(openingToDrain, 0),
		forgone:      losing(openingToDrain, 0),
		drained:      to(cancelled, cancel),
		closeAsked:   to(openingToDrain, 0),
		limitOver:    losing(cancelled, cancel),
	},
	draining: {
		told:       losing(draining, 0),
		forgone:    losing(draining, 0),
		drained:    to(closing, leave),
		ended:      to(draining, 0),
		closeAsked: to(draining, 0),
		limitOver:  losing(closing, leave),
	},
	cancelled: {
		opened:       to(closing, leave),
		openFailed:   to(closing, leave),
		openDeferred: to(cancelled, 0),
		retried:      to(cancelled, 0),
		told:         losing(cancelled, 0),
		forgone:      losing(cancelled, 0),
		drained:      to(cancelled, 0),
		closeAsked:   to(cancelled, 0),
		limitOver:    to(cancelled, 0),
	},
	closing: {
		told:       losing(closing, 0),
		forgone:    losing(closing, 0),
		drained:    to(closing, 0),
		ended:      to(closing, 0),
		closeAsked: to(closing, 0),
		limitOver:  to(closing, 0),
		left:       to(closed, 0),
	},
	closed: {
		told:       losing(closed, 0),
		forgone:    losing(closed, 0),
		drained:    to(closed, 0),
		ended:      to(closed, 0),
		closeAsked: to(closed, 0),
		limitOver:  to(closed, 0),
	},
}
