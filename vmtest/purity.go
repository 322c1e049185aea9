package vmtest

import (
	"fmt"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/vm"
)

// An inspector checks that transition functions are pure.
type inspector struct {
	runs   int
	states map[string]*survey // of each process, after its last transition
	said   map[string]bool    // the keys of reports, each of which is made once
	found  []string           // reports that take has not returned yet
}

func newInspector(runs int) inspector {
	return inspector{runs: runs, states: map[string]*survey{}, said: map[string]bool{}}
}

// inspect makes a call several times. It returns the results of the first run.
func (in *inspector) inspect(c *vm.Call) (state any, as actions.Action) {
	path := c.Path.String()
	before, given := stateOf(c.State), givenTo(c)
	if last, ok := in.states[path]; ok {
		in.compare(c, last, before, "its state has changed since its last transition", nowAndThen, aliased)
	}
	wrote := func() bool {
		return in.compare(c, before, stateOf(c.State), "it has written to the state that it was given", nowAndThen, written) ||
			in.compare(c, given, givenTo(c), "it has written to what it was told", nowAndThen, written)
	}
	delete(in.states, path)
	state, as = c.Run()
	defer func() { in.states[path] = stateOf(state) }()
	if wrote() {
		return state, as // another run would start from another state
	}
	first := outcomeOf(state, as)
	for range in.runs - 1 {
		again, more, panicked := attempt(c.Run)
		if panicked != nil {
			in.report(c, "it has panicked in a second run with the same arguments", fmt.Sprintf("panic: %v", panicked), dependent)
			break
		}
		if wrote() ||
			in.compare(c, first, outcomeOf(again, more), "two runs with the same arguments differ", "%s is %s in one run, and %s in the other", dependent) ||
			in.compare(c, first, outcomeOf(state, as), "the second run has written to what the first one returned", nowAndThen, written) {
			break
		}
	}
	return state, as
}

const (
	nowAndThen = "%s was %s, and is %s now"

	dependent = "Likely causes: the time, randomness, the order of a map, a global counter, a variable captured by the function. Get time and randomness from devices, keep what you remember in the state, and sort the keys of maps."
	written   = "Likely causes: writing into a slice or a map of the old state or of the message, or append to a slice that has room left. Copy before you write: slices.Clone, maps.Clone, append(slices.Clip(s), x)."
	aliased   = "Likely causes: a pointer, slice or map that the process shares with another process, with a message that it has sent, with a captured variable or with the test, one of which writes to it."
)

func stateOf(state any) *survey {
	s := newSurvey()
	s.spare = true
	s.whole("state", state)
	return s
}

// givenTo surveys the event that is an argument of a transition function.
func givenTo(c *vm.Call) *survey {
	s := newSurvey()
	s.spare = true
	if c.Event != nil {
		s.whole("message", c.Event.Message.Value())
		s.whole("value", c.Event.Value)
	}
	return s
}

func outcomeOf(state any, as actions.Action) *survey {
	s := newSurvey()
	s.boots = true
	s.outcome("", state, as)
	return s
}

// compare reports a difference between two surveys, and whether there is one.
func (in *inspector) compare(c *vm.Call, a, b *survey, verdict, format, causes string) bool {
	path, x, y, differ := difference(a, b)
	if differ {
		in.report(c, verdict, fmt.Sprintf(format, path, x, y), causes)
	}
	return differ
}

// report reports a verdict, once for each transition function.
func (in *inspector) report(c *vm.Call, verdict, detail, causes string) {
	what := c.What
	switch {
	case c.Endpoint != nil:
		what += " of " + c.Endpoint.String()
	case c.Event != nil && c.What == "handler":
		what += " of a device"
	}
	if c.Event != nil {
		what += ", for events of kind " + c.Event.Kind.String()
	}
	key := c.Name + "\n" + what + "\n" + verdict
	if in.said[key] {
		return
	}
	in.said[key] = true
	told := ""
	if c.Event != nil {
		told = "\n\ttold: " + c.Event.String()
	}
	in.found = append(in.found, fmt.Sprintf("not pure: %s\n\tprocess: %s\n\tcall: %s%s\n\t%s\n%s", verdict, vm.Label(c.Path, c.Name), what, told, detail, causes))
}

// take returns the reports since the last call.
func (in *inspector) take() []string {
	found := in.found
	in.found = nil
	return found
}

// forget removes the data of a process that has gone.
func (in *inspector) forget(path vm.Path) { delete(in.states, path.String()) }
