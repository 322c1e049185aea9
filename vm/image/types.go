package image

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/vm"
)

// Kinds is a set of kinds of process. [NewKinds] makes one; the zero Kinds is
// the empty set. It never changes.
type Kinds struct {
	byName map[string]actions.Kind
	byType map[reflect.Type]actions.Kind
}

// NewKinds returns the set of the given kinds. It is an error if a kind lacks
// its name, its type of state or its Open, has one of Encode and Decode without
// the other, or has the name or the type of state of another one.
func NewKinds(ks ...actions.Kind) (Kinds, error) {
	set := Kinds{map[string]actions.Kind{}, map[reflect.Type]actions.Kind{}}
	for i, k := range ks {
		switch {
		case k.Name == "":
			return Kinds{}, fmt.Errorf("image: kind %d (of state %v) has no name", i, k.State)
		case k.State == nil:
			return Kinds{}, fmt.Errorf("image: kind %q has no type of state", k.Name)
		case k.Open == nil:
			return Kinds{}, fmt.Errorf("image: kind %q has no Open", k.Name)
		case (k.Encode == nil) != (k.Decode == nil):
			return Kinds{}, fmt.Errorf("image: kind %q has one of Encode and Decode without the other", k.Name)
		case k.State == nested:
			return Kinds{}, fmt.Errorf("image: kind %q is for virtual machines, which need none", k.Name)
		}
		if _, twice := set.byName[k.Name]; twice {
			return Kinds{}, fmt.Errorf("image: two kinds are called %q", k.Name)
		}
		if other, twice := set.byType[k.State]; twice {
			return Kinds{}, fmt.Errorf("image: kinds %q and %q have states of one type, %v, by which kinds are told apart: give each a type of its own", other.Name, k.Name, k.State)
		}
		set.byName[k.Name], set.byType[k.State] = k, k
	}
	return set, nil
}

// ByName returns the kind of that name, if there is one.
func (k Kinds) ByName(name string) (actions.Kind, bool) {
	kind, ok := k.byName[name]
	return kind, ok
}

// ByState returns the kind of processes with states of type t, if there is one.
func (k Kinds) ByState(t reflect.Type) (actions.Kind, bool) {
	kind, ok := k.byType[t]
	return kind, ok
}

// nested is the type of the states of virtual machines.
var nested = vm.Nested().StateType()

// unregistered returns an error if there are processes of no known kind.
func (k Kinds) unregistered(parts *vm.Parts) error {
	var e UnregisteredError
	for i, c := range parts.Processes {
		if _, known := k.byType[c.Type]; !known && !c.Nested {
			e.Processes = append(e.Processes, Unregistered{parts.Path(i), c.Name, c.Type})
		}
	}
	if len(e.Processes) == 0 {
		return nil
	}
	return &e
}

// An UnregisteredError says that a machine cannot be written down, because it
// has processes that are of no known kind.
type UnregisteredError struct {
	Processes []Unregistered // all of them, in the order of their paths
}

// Unregistered is a process of no known kind.
type Unregistered struct {
	Path  vm.Path
	Name  string
	State reflect.Type // by which its kind is looked for
}

// Error implements error. It names each process.
func (e *UnregisteredError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "image: a machine cannot be written down because of the processes in it that are of no known kind (make one with actions.KindOf): %d", len(e.Processes))
	for i, p := range e.Processes {
		sep := ", "
		if i == 0 {
			sep = ": "
		}
		fmt.Fprintf(&b, "%s%s with state %v", sep, vm.Label(p.Path, p.Name), p.State)
	}
	return b.String()
}
