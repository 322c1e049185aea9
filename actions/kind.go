package actions

import (
	"fmt"
	"reflect"
)

// A Kind is a sort of process that can be written down and made anew from what
// was written: everything about it follows from its state. A machine whose
// processes are all of known kinds can be saved, and brought back without its
// history.
//
// What kind a process is of shows in the type of its state, so each Kind has a
// type of state of its own. [KindOf] makes a Kind from typed functions.
type Kind struct {
	// Name is what the kind is called in what is written down, so it must
	// never change; begin it with the name of the package, as in "chat.session".
	Name string

	// State is the type of the state.
	State reflect.Type

	// Open returns the actions that open the endpoints and devices that a
	// process of the kind has in a state, under their names, with their roles
	// and handlers: AddEndpoint, OpenDevice, and AtMeta of AddEndpoint. It need
	// not say which devices are paused. Anonymous endpoints come in the order in
	// which they were opened. It may give more than the process has: what it has
	// deleted is left out. It is pure.
	Open func(self PID, state any) Action

	// Encode and Decode write the state and restore it. If they are nil, whoever
	// writes the machine down has a codec for plain data, which State has to be:
	// exported fields of basic types, and such.
	Encode func(state any) ([]byte, error)
	Decode func(data []byte) (state any, err error)
}

// KindOf returns the Kind of processes with states of type S. Its name is never
// to be changed. Open is as in [Kind]. KindOf panics if the name is empty, open
// is nil, or S is struct{}, which is the type of all states that are not there.
func KindOf[S any](name string, open func(self PID, s S) Action) Kind {
	t := reflect.TypeFor[S]()
	switch {
	case name == "":
		panic(fmt.Sprintf("actions: KindOf[%v] with an empty name: give the kind a name such as \"chat.session\"", t))
	case open == nil:
		panic(fmt.Sprintf("actions: KindOf[%v](%q) with a nil function", t, name))
	case t == reflect.TypeFor[struct{}]():
		panic(fmt.Sprintf("actions: KindOf[struct{}](%q): the processes of a kind are told from others by the type of their state: give them a type of their own, such as struct type session struct{}", name))
	}
	return Kind{Name: name, State: t, Open: func(self PID, state any) Action {
		s, _ := state.(S)
		return open(self, s)
	}}
}

// Coded returns k with functions that write the state and restore it, for states
// that are more than plain data. It panics if S is not the type of the state.
func Coded[S any](k Kind, encode func(S) ([]byte, error), decode func([]byte) (S, error)) Kind {
	if t := reflect.TypeFor[S](); t != k.State {
		panic(fmt.Sprintf("actions: Coded of kind %q with functions for %v: its states are %v", k.Name, t, k.State))
	}
	k.Encode = func(state any) ([]byte, error) {
		s, _ := state.(S)
		return encode(s)
	}
	k.Decode = func(data []byte) (any, error) { return decode(data) }
	return k
}
