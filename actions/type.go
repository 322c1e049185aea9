package actions

import (
	"fmt"
	"reflect"
	"strings"
)

// A Type is a process type: everything about a process of the type follows from
// its state. So a machine whose processes are all of known types can be written
// down, and made anew without its history.
//
// The type of a process shows in the Go type of its state, so each Type has a Go
// type of its own. [Define] makes a Type from typed functions.
type Type struct {
	// Name identifies the type in what is written down, so it must never change.
	// Begin it with the name of the package, as in "chat.session".
	Name string

	// State is the Go type of the state.
	State reflect.Type

	// Open returns the actions that open the endpoints and devices that a process
	// of the type has in a state, under their names, with their roles and
	// handlers: AddEndpoint, OpenDevice, and AtMeta of AddEndpoint. It need not say
	// which devices are paused. Anonymous endpoints come in the order in which they
	// were opened. It may give more than the process has: what the process has
	// deleted is left out. It is pure.
	Open func(state any) Action

	// Encode and Decode write the state and restore it. If they are nil, whoever
	// writes the machine down has a codec for plain data, which State has to be:
	// exported fields of basic types, and such.
	Encode func(state any) ([]byte, error)
	Decode func(data []byte) (state any, err error)
}

// A Definition is a process type with states of type S. It is declared once, and
// makes processes:
//
//	var sessions = actions.Define("chat.session", session.open)
//
//	sessions.Spawn(session{Name: "tony"})
type Definition[S any] struct{ Type }

// Define returns the process type with states of type S. Its name must never
// change: see [Type]. Open gives what a process has open in a state: see
// [Type.Open].
//
// Define panics if the name is empty, open is nil, or S is struct{}, which is the
// state of all processes without one.
func Define[S any](name string, open func(S) Action) Definition[S] {
	t := reflect.TypeFor[S]()
	switch {
	case name == "":
		panic(fmt.Sprintf("actions: Define[%v] with an empty name: give the type a name such as \"chat.session\"", t))
	case open == nil:
		panic(fmt.Sprintf("actions: Define[%v](%q) with a nil function", t, name))
	case t == reflect.TypeFor[struct{}]():
		panic(fmt.Sprintf("actions: Define[struct{}](%q): the Go type of the state tells process types apart: give this one a Go type of its own, such as struct type session struct{}", name))
	}
	return Definition[S]{Type{Name: name, State: t, Open: func(state any) Action {
		s, _ := state.(S)
		return open(s)
	}}}
}

// Process returns a process of the type with state s, which opens what the type
// gives for s, and then performs the actions.
func (d Definition[S]) Process(s S, as ...Action) Process {
	return Next(s, Group(d.Open(s), Group(as...)))
}

// Spawn spawns a process of the type with state s, which opens what the type gives
// for s, and then performs the actions. Its name for people is that of the type,
// without the part up to the last dot; Named gives it another.
func (d Definition[S]) Spawn(s S, as ...Action) SpawnProcess {
	return Spawn(d.Process(s, as...)).Named(d.Name[strings.LastIndex(d.Name, ".")+1:])
}

// Coded returns d with functions that write the state and restore it, for states
// that are more than plain data.
func Coded[S any](d Definition[S], encode func(S) ([]byte, error), decode func([]byte) (S, error)) Definition[S] {
	d.Encode = func(state any) ([]byte, error) {
		s, _ := state.(S)
		return encode(s)
	}
	d.Decode = func(data []byte) (any, error) { return decode(data) }
	return d
}
