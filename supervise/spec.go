package supervise

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-marketplace/marketplace/actions"
)

// A Strategy says which children a supervisor starts again when one of them has to be
// started again. Those of them that run are ended first, the last one first, with the
// reason [ErrRestart].
type Strategy uint8

// The strategies.
const (
	OneForOne  Strategy = iota // that child alone
	RestForOne                 // that child, and those after it
	OneForAll                  // all children
)

// A Restart says when a child is started again after its end.
type Restart uint8

// When a child is started again.
const (
	Permanent Restart = iota // always
	Transient                // if it has ended with a reason
	Temporary                // never
)

// A Child describes a child of a supervisor.
type Child struct {
	// Name names the child among those of its supervisor. The names of children and
	// their number are in saved machines and in presence.
	Name string

	// Start starts the child, each time: spawn a process type ([actions.Definition])
	// or a machine (vm.Nested). It has no continuation and no monitor.
	Start actions.SpawnProcess

	// Restart says when the child is started again.
	Restart Restart
}

// A Spec says what a supervisor does. The zero Spec is ready to use.
type Spec struct {
	Strategy Strategy

	// Intensity is the number of restarts that there may be within Period. Zero stands
	// for 3; with a negative number, the first restart is one too many.
	Intensity int

	// Period is how long a restart counts. Zero stands for 5 seconds.
	Period time.Duration

	// Backoff says how long a supervisor waits before a restart. The zero Backoff is
	// not to wait.
	Backoff Backoff
}

// A Backoff is a time that doubles with each restart in a period: Min for the first,
// and at most Max.
type Backoff struct {
	Min time.Duration
	Max time.Duration // zero stands for Min
}

// before returns how long to wait before restart n of a period, which counts from 1.
func (b Backoff) before(n int) time.Duration {
	d := b.Min
	for ; n > 1 && d < b.Max; n-- {
		d = min(2*d, b.Max)
	}
	return d
}

// A Definition is a type of supervisors. Its Type is registered like that of any
// process: see [actions.Definition].
type Definition[T any] struct {
	actions.Type
	spec     Spec
	children []Child
	open     actions.Definition[supervisor[T]]
}

// Define returns a type of supervisors. The name identifies it in saved machines, so it
// must never change: see [actions.Type]. T is any Go type that is used for this
// definition alone: it tells its processes from others.
//
// Define panics if the name is empty, if there are no children, if one has no name, the
// name of another one, no Start, or a Start with a continuation or a monitor, or if a
// duration or a constant is out of range.
func Define[T any](name string, spec Spec, children ...Child) *Definition[T] {
	if spec.Intensity == 0 {
		spec.Intensity = 3
	}
	if spec.Period == 0 {
		spec.Period = 5 * time.Second
	}
	spec.Backoff.Max = max(spec.Backoff.Max, spec.Backoff.Min)
	if fault := faultOf(spec, children); fault != "" {
		panic(fmt.Sprintf("supervise: Define(%q): %s", name, fault))
	}
	d := &Definition[T]{spec: spec, children: slices.Clone(children)}
	d.open = actions.CodedAs(actions.Define(name, d.endpoints), func(s supervisor[T]) supervisor[T] { return s }, d.check)
	d.Type = d.open.Type
	return d
}

func faultOf(spec Spec, children []Child) string {
	switch {
	case spec.Strategy > OneForAll:
		return fmt.Sprintf("there is no strategy %d", spec.Strategy)
	case spec.Period < 0 || spec.Backoff.Min < 0 || spec.Backoff.Max > spec.Backoff.Min && spec.Backoff.Min == 0:
		return fmt.Sprintf("a negative duration, or a Backoff with a Max and no Min: %+v", spec)
	case len(children) == 0:
		return "no children"
	}
	names := map[string]bool{}
	for i, c := range children {
		switch {
		case c.Name == "":
			return fmt.Sprintf("child %d has no name", i)
		case names[c.Name]:
			return fmt.Sprintf("two children are called %q", c.Name)
		case c.Start.Boot == nil:
			return fmt.Sprintf("child %q has no Start: spawn a process with actions.Spawn", c.Name)
		case c.Start.Then != nil || c.Start.Monitor != nil:
			return fmt.Sprintf("the Start of child %q has a continuation or a monitor, which the supervisor needs for itself", c.Name)
		case c.Restart > Temporary:
			return fmt.Sprintf("child %q has no Restart %d", c.Name, c.Restart)
		}
		names[c.Name] = true
	}
	return ""
}

// Spawn spawns a supervisor.
func (d *Definition[T]) Spawn() actions.SpawnProcess {
	s := actions.SpawnFunc(func(self actions.PID) actions.Process {
		s := supervisor[T]{Self: self}
		for _, c := range d.children {
			s.Children = append(s.Children, child{Name: c.Name})
		}
		s, settle := d.later(s)
		return d.open.Process(s, settle)
	})
	return s.Named(d.Name[strings.LastIndex(d.Name, ".")+1:])
}

// check returns an error if s, which was saved, is not of the definition.
func (d *Definition[T]) check(s supervisor[T]) (supervisor[T], error) {
	same := slices.EqualFunc(s.Children, d.children, func(a child, b Child) bool { return a.Name == b.Name })
	if !same {
		return s, fmt.Errorf("supervise: the children of a saved %s are other ones, or in another order: %+v", d.Name, s.Children)
	}
	for _, r := range s.Restarts {
		if r.Child < 0 || r.Child >= len(s.Children) {
			return s, fmt.Errorf("supervise: a saved %s has a restart of child %d, and %d children", d.Name, r.Child, len(s.Children))
		}
	}
	return s, nil
}
