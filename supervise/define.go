package supervise

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-marketplace/marketplace/actions"
)

// A Definition is a type of supervisors. Its Type is registered like that of any
// process: see [actions.Definition].
type Definition[T any] struct {
	actions.Type
	kind *kind[T]
}

// Define returns a type of supervisors. The name identifies it in saved machines, so it
// must never change: see [actions.Type]. T is any Go type that is used for this
// definition alone: it tells its processes from others.
//
// Define panics if the name is empty, if there are no children, if one has no name, the
// name of another one, no Start, or a Start with a continuation or a monitor, or if a
// duration or a constant is out of range.
func Define[T any](name string, spec Spec, children ...Child) *Definition[T] {
	spec, fault := settled(spec, children)
	if fault != "" {
		panic(fmt.Sprintf("supervise: Define(%q): %s", name, fault))
	}
	p := plan{spec, slices.Clone(children), ""}
	k := &kind[T]{plan: func(T) plan { return p }}
	k.open = actions.CodedAs(actions.Define(name, k.endpoints),
		func(s supervisor[T]) state { return s.state },
		func(saved state) (s supervisor[T], err error) {
			s.state = saved
			return s, k.check(s)
		})
	k.Type = k.open.Type
	return &Definition[T]{k.Type, k}
}

// Spawn spawns a supervisor.
func (d *Definition[T]) Spawn() actions.SpawnProcess {
	var none T
	return d.kind.spawn(none)
}

// A Template is a type of supervisors, each of which has an argument that says what its
// children are. So a process can start a supervisor for whatever it learns of while it
// runs, such as a customer. Its Type is registered like that of any process.
type Template[A any] struct {
	actions.Type
	kind *kind[A]
}

// DefineTemplate returns a type of supervisors with an argument. The name identifies it in
// saved machines, as the argument does, so A is a type that can be saved, and has a name of
// its own. The function returns what a supervisor with an argument does. It must be pure,
// and for equal arguments its children have the same names, also in later versions of the
// program.
//
// DefineTemplate panics if the name is empty, or children is nil.
func DefineTemplate[A any](name string, children func(A) (Spec, []Child)) *Template[A] {
	if children == nil {
		panic(fmt.Sprintf("supervise: DefineTemplate(%q) without a function", name))
	}
	k := &kind[A]{plan: func(a A) plan {
		spec, all := children(a)
		spec, fault := settled(spec, all)
		if fault != "" {
			fault = fmt.Sprintf("supervise: the children of a %s with the argument %+v: %s", name, a, fault)
		}
		return plan{spec, all, fault}
	}}
	k.open = actions.CodedAs(actions.Define(name, k.endpoints),
		func(s supervisor[A]) writtenTemplate[A] { return writtenTemplate[A]{s.Arg, s.state} },
		func(w writtenTemplate[A]) (supervisor[A], error) {
			s := supervisor[A]{w.Arg, w.State}
			return s, k.check(s)
		})
	k.Type = k.open.Type
	return &Template[A]{k.Type, k}
}

// A writtenTemplate is the written form of a supervisor with an argument.
type writtenTemplate[A any] struct {
	Arg   A
	State state
}

// Spawn spawns a supervisor with an argument. The process that performs it fails, and has
// no supervisor, if its children are not as [Define] demands.
func (t *Template[A]) Spawn(a A) actions.SpawnProcess { return t.kind.spawn(a) }

// A kind is what the supervisors of a type have in common.
type kind[A any] struct {
	actions.Type
	plan func(A) plan
	open actions.Definition[supervisor[A]]
}

// A plan is what a supervisor is to do.
type plan struct {
	spec     Spec
	children []Child
	fault    string // what is wrong with them, or ""
}

// settled returns a Spec with its defaults, and what is wrong with it or the children.
func settled(spec Spec, children []Child) (_ Spec, fault string) {
	if spec.Intensity == 0 {
		spec.Intensity = 3
	}
	if spec.Period == 0 {
		spec.Period = 5 * time.Second
	}
	spec.Backoff.Max = max(spec.Backoff.Max, spec.Backoff.Min)
	return spec, faultOf(spec, children)
}

func faultOf(spec Spec, children []Child) string {
	switch {
	case spec.Strategy > OneForAll:
		return fmt.Sprintf("there is no strategy %d", spec.Strategy)
	case spec.Period < 0 || spec.Backoff.Min < 0 || spec.Backoff.Max > spec.Backoff.Min && spec.Backoff.Min == 0:
		return fmt.Sprintf("a negative duration, or a Backoff with a Max and no Min: Period %v, Backoff %+v", spec.Period, spec.Backoff)
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

// spawn spawns a supervisor.
func (d *kind[A]) spawn(a A) actions.SpawnProcess {
	return actions.SpawnFunc(func(self actions.PID) actions.Process {
		s := supervisor[A]{a, state{Self: self}}
		p := d.plan(a)
		if p.fault != "" {
			panic(p.fault)
		}
		for _, c := range p.children {
			s.Children = append(s.Children, child{Name: c.Name})
		}
		s, settle := d.later(s)
		return d.open.Process(s, settle)
	}).Named(d.Name[strings.LastIndex(d.Name, ".")+1:])
}

// check returns an error if s, which was saved, is not of the kind.
func (d *kind[A]) check(s supervisor[A]) error {
	p := d.plan(s.Arg)
	if p.fault != "" {
		return errors.New(p.fault)
	}
	same := slices.EqualFunc(s.Children, p.children, func(a child, b Child) bool { return a.Name == b.Name })
	if !same {
		return fmt.Errorf("supervise: the children of a saved %s are other ones, or in another order: %+v", d.Name, s.Children)
	}
	for _, r := range s.Restarts {
		if r.Child < 0 || r.Child >= len(s.Children) {
			return fmt.Errorf("supervise: a saved %s has a restart of child %d, and %d children", d.Name, r.Child, len(s.Children))
		}
	}
	return nil
}
