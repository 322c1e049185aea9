package image

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/vm"
)

// Types is a set of process types. [NewTypes] makes one; the zero Types is the empty
// set. It never changes.
type Types struct {
	byName map[string]actions.Type
	byType map[reflect.Type]actions.Type
}

// NewTypes returns the set of the given process types. It returns an error if one
// lacks its name, its State or its Open, has only one of Encode and Decode, has earlier
// versions that do not lead to its own, has the name or the State of another one, or is for
// the state of virtual machines.
func NewTypes(all ...actions.Type) (Types, error) {
	set := Types{map[string]actions.Type{}, map[reflect.Type]actions.Type{}}
	for i, t := range all {
		switch {
		case t.Name == "":
			return Types{}, fmt.Errorf("image: type %d (of state %v) has no name", i, t.State)
		case t.State == nil:
			return Types{}, fmt.Errorf("image: type %q has no State", t.Name)
		case t.Open == nil:
			return Types{}, fmt.Errorf("image: type %q has no Open", t.Name)
		case (t.Encode == nil) != (t.Decode == nil):
			return Types{}, fmt.Errorf("image: type %q has one of Encode and Decode without the other", t.Name)
		case t.CheckVersions() != nil:
			return Types{}, fmt.Errorf("image: type %q: %w", t.Name, t.CheckVersions())
		case t.State == nested:
			return Types{}, fmt.Errorf("image: type %q is for virtual machines, which need none", t.Name)
		}
		if _, twice := set.byName[t.Name]; twice {
			return Types{}, fmt.Errorf("image: two types are called %q", t.Name)
		}
		if other, twice := set.byType[t.State]; twice {
			return Types{}, fmt.Errorf("image: types %q and %q have states of one Go type, %v, so they cannot be told apart: give each a Go type of its own", other.Name, t.Name, t.State)
		}
		set.byName[t.Name], set.byType[t.State] = t, t
	}
	return set, nil
}

// ByName returns the type with a name. It reports false if there is none.
func (ts Types) ByName(name string) (actions.Type, bool) {
	t, ok := ts.byName[name]
	return t, ok
}

// ByState returns the type of processes with states of Go type t. It reports false if
// there is none.
func (ts Types) ByState(t reflect.Type) (actions.Type, bool) {
	known, ok := ts.byType[t]
	return known, ok
}

// nested is the type of the states of virtual machines.
var nested = vm.Nested().StateType()

// unregistered returns an UnregisteredError if there are processes of no known type.
func (ts Types) unregistered(parts *vm.Parts) error {
	var e UnregisteredError
	for i, c := range parts.Processes {
		if _, known := ts.byType[c.Type]; !known && !c.Nested {
			e.Processes = append(e.Processes, Unregistered{parts.Path(i), c.Name, c.Type})
		}
	}
	if len(e.Processes) == 0 {
		return nil
	}
	return &e
}

// An UnregisteredError says that a machine cannot be saved, because it has processes
// of no known type.
type UnregisteredError struct {
	Processes []Unregistered // all of them, in the order of their paths
}

// Unregistered is a process of no known type.
type Unregistered struct {
	Path  vm.Path
	Name  string
	State reflect.Type // the Go type of its state
}

// Error implements error. It names each process.
func (e *UnregisteredError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "image: the machine cannot be saved, because processes in it are of no known type (make one with actions.Define): %d", len(e.Processes))
	for i, p := range e.Processes {
		sep := ", "
		if i == 0 {
			sep = ": "
		}
		fmt.Fprintf(&b, "%s%s with state %v", sep, vm.Label(p.Path, p.Name), p.State)
	}
	return b.String()
}
