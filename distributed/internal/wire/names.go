package wire

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/internal/unsealed"
	"github.com/go-marketplace/marketplace/journal/codec"
	"github.com/go-marketplace/marketplace/world"
)

// Why a type or a value does not go over the wire.
var (
	// ErrUnknownType says that no type is registered in the reading program under the name.
	ErrUnknownType = errors.New("distributed: the type is not registered here; does the program import the package that has it?")

	// ErrSchema says that the programs of both sides have different types under the name.
	ErrSchema = errors.New("distributed: the type has another form here; the programs are of different versions")

	// ErrUnsendable says that a message or a role means something in one machine alone, or
	// cannot be encoded.
	ErrUnsendable = errors.New("distributed: it cannot be sent to another machine")

	// ErrTooLarge says that an item needs more than [MaxBody] bytes.
	ErrTooLarge = errors.New("distributed: it is too large")
)

// maxTypes is how many types may be introduced in a session.
const maxTypes = 1 << 11

// Sent are the types that a side has introduced in a session. It is a value: to introduce
// a type makes another one. Its fields are exported for the codec alone.
type Sent struct {
	Types []Introduced // in the order of their names
}

// Introduced is a type that was introduced.
type Introduced struct {
	Name   string
	Number uint64
}

// number returns the number of a type, or 0 if it was not introduced.
func (s Sent) number(name string) uint64 {
	if i, ok := s.find(name); ok {
		return s.Types[i].Number
	}
	return 0
}

func (s Sent) find(name string) (int, bool) {
	return slices.BinarySearchFunc(s.Types, name, func(i Introduced, name string) int { return strings.Compare(i.Name, name) })
}

// with returns s with one type more.
func (s Sent) with(name string) Sent {
	i, _ := s.find(name)
	return Sent{slices.Insert(slices.Clone(s.Types), i, Introduced{name, uint64(len(s.Types) + 1)})}
}

// Known are the types that the other side has introduced in a session. It is a value, as
// [Sent] is.
type Known struct {
	Types []Heard // that with number n is at n-1
}

// Heard is a type that the other side has introduced.
type Heard struct {
	Name string
	Ok   bool // there is a type of that name and form here
}

// with returns k with one type more, unless it was introduced before.
func (k Known) with(name string, f codec.Fingerprint) (Known, error) {
	switch {
	case len(k.Types) == maxTypes:
		return k, malformed("more than %d types are introduced", maxTypes)
	case name == "":
		return k, malformed("a type without a name is introduced")
	case slices.ContainsFunc(k.Types, func(h Heard) bool { return h.Name == name }):
		return k, malformed("the type %q is introduced twice", name)
	}
	h := Heard{Name: name}
	if t, ok := world.Registered(name); ok {
		here := formOf(t)
		h.Ok = here.err == nil && here.print == f
	}
	return Known{append(slices.Clip(k.Types), h)}, nil
}

// typeOf returns the type with a number that is not 0. The error is a [*TypeError] if the
// values of the type cannot be read here, and an [ErrMalformed] if it was not introduced.
func (k Known) typeOf(n uint64) (reflect.Type, error) {
	if n == 0 || n > uint64(len(k.Types)) {
		return nil, malformed("the type with number %d was not introduced", n)
	}
	h := k.Types[n-1]
	t, ok := world.Registered(h.Name)
	switch {
	case !ok:
		return nil, &TypeError{h.Name, ErrUnknownType}
	case !h.Ok:
		return nil, &TypeError{h.Name, ErrSchema}
	}
	return t, nil
}

// A TypeError says which type the reader cannot read, or which value of a type, and why.
type TypeError struct {
	Name string // under which the type is registered there
	Err  error  // ErrUnknownType, ErrSchema, or what is wrong with the value
}

// Error returns the text of the error.
func (e *TypeError) Error() string { return fmt.Sprintf("%v: %s", e.Err, e.Name) }

// Unwrap returns the reason.
func (e *TypeError) Unwrap() error { return e.Err }

// A form is what the package has found out about a type.
type form struct {
	name  string // as registered
	print codec.Fingerprint
	err   error // why its values cannot be sent
}

var forms sync.Map // of type *form

// formOf returns the form of a type.
func formOf(t reflect.Type) *form {
	if f, ok := forms.Load(t); ok {
		return f.(*form)
	}
	f := new(form)
	name, ok := world.NameOf(t)
	if !ok {
		// The type may be registered later.
		f.err = fmt.Errorf("%w: the type %v is not registered; use world.Register", ErrUnsendable, t)
		return f
	}
	f.name = name
	switch path, found := find(pidType, t, map[reflect.Type]bool{}); {
	case len(name) > MaxName:
		f.err = fmt.Errorf("%w: the name of the type %v has more than %d bytes", ErrUnsendable, t, MaxName)
	case found:
		f.err = fmt.Errorf("%w: %v%s is a PID, which means another process there; give the process a name", ErrUnsendable, t, path)
	case unsealed.In(t):
		f.err = fmt.Errorf("%w: the type %v has a sealed value, which only a journal encrypts; send its content, if it may leave the machine", ErrUnsendable, t)
	case isUnsendable(t):
		f.err = fmt.Errorf("%w: the type %v has an Unsendable", ErrUnsendable, t)
	default:
		if f.print, f.err = codec.FingerprintOf(t); f.err != nil {
			f.err = fmt.Errorf("%w: %w", ErrUnsendable, f.err)
		}
	}
	forms.Store(t, f)
	return f
}

// Unsendable in a type makes its values stay in their machine.
type Unsendable struct{}

var pidType, unsendableType = reflect.TypeFor[actions.PID](), reflect.TypeFor[Unsendable]()

func isUnsendable(t reflect.Type) bool {
	_, found := find(unsendableType, t, map[reflect.Type]bool{})
	return found
}

// find returns the path of a part with the type what in the values of type t.
func find(what, t reflect.Type, seen map[reflect.Type]bool) (path string, found bool) {
	if t == what {
		return "", true
	}
	if seen[t] {
		return "", false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Map:
		if path, found := find(what, t.Key(), seen); found {
			return "[key]" + path, true
		}
		fallthrough
	case reflect.Slice, reflect.Array:
		path, found = find(what, t.Elem(), seen)
		return "[]" + path, found
	case reflect.Pointer:
		return find(what, t.Elem(), seen)
	case reflect.Struct:
		for f := range t.Fields() {
			if path, found := find(what, f.Type, seen); found {
				return "." + f.Name + path, true
			}
		}
	}
	return "", false
}
