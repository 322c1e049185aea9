package actions

import (
	"fmt"
	"reflect"
	"strings"
)

// A Type is a process type: the state of a process of the type determines its
// endpoints and devices, with their handlers. So package image can save a machine
// whose processes are all of known types, and restore it without its history.
//
// The Go type of the state tells process types apart, so each Type has its own.
// [Define] makes a Type from typed functions.
type Type struct {
	// Name identifies the type in saved machines, so it must never change. Begin it
	// with the name of the package, as in "chat.session".
	Name string

	// State is the Go type of the state.
	State reflect.Type

	// Open returns the actions that open the endpoints and devices that a process
	// of the type has in a state, with their names, roles and handlers: AddEndpoint,
	// OpenDevice, MonitorProcess, and AtMeta of AddEndpoint. Anonymous endpoints must be in the order
	// in which the process opened them. Open may return more endpoints, devices and
	// monitors than the process has: those that the process has closed are not restored.
	// Open need not say which devices are paused. It must be pure.
	Open func(state any) Action

	// Encode and Decode write the state and read it. If they are nil, the codec of
	// the program that saves the machine does it, and the state must be plain data:
	// exported fields of basic types, and structs, slices and maps of these.
	Encode func(state any) ([]byte, error)
	Decode func(data []byte) (state any, err error)

	// Version is the version of the states, and Former says how states of earlier versions
	// are brought up to date, the oldest first: see [Versions].
	Version uint64
	Former  []Former
}

// A Definition is a process type with states of type S. It is declared once, and
// makes processes:
//
//	var sessions = actions.Define("chat.session", session.open)
//
//	sessions.Spawn(session{Name: "tony"})
type Definition[S any] struct{ Type }

// Define returns the process type with states of type S. Its name must never
// change: see [Type]. Open returns the endpoints and devices for a state: see
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

// Process returns a process of the type with state s. It performs [Type.Open] of s,
// and then the actions.
func (d Definition[S]) Process(s S, as ...Action) Process {
	return Next(s, Group(d.Open(s), Group(as...)))
}

// Spawn spawns a process of the type with state s, as [Definition.Process] returns
// it. The name of the process is that of the type, without the part up to the last
// dot; [SpawnProcess.Named] gives it another.
func (d Definition[S]) Spawn(s S, as ...Action) SpawnProcess {
	return Spawn(d.Process(s, as...)).Named(d.Name[strings.LastIndex(d.Name, ".")+1:])
}

// Coded returns d with functions that write the state and read it, for states that
// are not plain data.
func Coded[S any](d Definition[S], encode func(S) ([]byte, error), decode func([]byte) (S, error)) Definition[S] {
	d.Encode = func(state any) ([]byte, error) {
		s, _ := state.(S)
		return encode(s)
	}
	d.Decode = func(data []byte) (any, error) { return decode(data) }
	return d
}
