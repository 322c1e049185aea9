package actions

import (
	"fmt"
	"reflect"
	"sync"
)

// A Local is a kind of value that a library keeps for a process, beside the state of
// the process, whose type the library does not know: package rpc keeps the calls of a
// process that have no answer yet. A process has at most one value of each Local at
// each level: see [AtMeta]. It has none at first.
//
// A Local is declared once, in a package variable:
//
//	var clients = actions.DefineLocal("rpc.client", client.open)
//
// A library can mark its endpoints as passive ([AddEndpoint.Passive]): they do not keep
// a process, so it is as if they were not there when the machine removes processes to
// which nothing can happen any more. A process that has local values and only passive
// endpoints quits, unless the type *L of a value has a method Busy() bool that returns
// true. While a process is there, its passive endpoints at a meta-level keep the nested
// machine in which it lives.
//
// Values are pointers to an L. They are immutable, like states: a function that
// updates one returns another pointer. They end with the process.
type Local[L any] struct{ typ *Type }

// locals are all Locals, by their names.
var locals sync.Map

// DefineLocal declares a Local. Its name identifies it in saved machines, so it must
// never change, and is unique in the program. Open returns the endpoints that a process
// has because of a value, as [Type.Open] does for a state, at the level of the value.
// Their handlers are for any state.
//
// DefineLocal panics if the name is empty or taken, or open is nil.
func DefineLocal[L any](name string, open func(L) Action) Local[L] {
	t := reflect.TypeFor[L]()
	switch {
	case name == "":
		panic(fmt.Sprintf("actions: DefineLocal[%v] with an empty name: give it a name such as \"rpc.client\"", t))
	case open == nil:
		panic(fmt.Sprintf("actions: DefineLocal[%v](%q) with a nil function", t, name))
	}
	typ := &Type{Name: name, State: reflect.TypeFor[*L](), Open: func(value any) Action { return open(*value.(*L)) }}
	if _, taken := locals.LoadOrStore(name, typ); taken {
		panic(fmt.Sprintf("actions: two DefineLocal with the name %q", name))
	}
	return Local[L]{typ}
}

// LocalNamed returns the type of the [Local] with a name, for packages that save
// machines. Its values have the type State.
func LocalNamed(name string) (*Type, bool) {
	t, ok := locals.Load(name)
	if !ok {
		return nil, false
	}
	return t.(*Type), true
}

// Type returns the type of the values. Its functions Encode and Decode may be set
// where the Local is declared, as in a [Type].
func (l Local[L]) Type() *Type { return l.typ }

// Update continues the process at once with its value of l, which is nil if it has
// none. The function f returns the next value, or nil for none, and actions, which the
// process performs next, in its own machine: to act at the level of the value, f returns
// them with [AtLevel]. It must be pure.
func (l Local[L]) Update(f func(v *L, level int) (*L, Action)) *UpdateLocal {
	return &UpdateLocal{Local: l.typ, Update: updater[L](f)}
}

// Handler returns a handler that gets the local value of the process for the level of
// its endpoint, and returns the next one. Both are nil if there is none. The machine
// performs the actions as those of any handler: to act at the level of the endpoint, f
// returns them with [AtLevel]. A handler that returns [Local.Update] has the same effect,
// but the value changes only in the next turn of the process, and at a higher cost. The
// function f must be pure.
func (l Local[L]) Handler(f func(v *L, ev *Event) (*L, Action)) *Handler {
	return &Handler{Local: l.typ, Run: func(value any, ev *Event) (any, Action) {
		v, _ := value.(*L)
		next, a := f(v, ev)
		if next == nil {
			return nil, a
		}
		return next, a
	}}
}

type updater[L any] func(v *L, level int) (*L, Action)

func (f updater[L]) Update(state, value any, level int) (any, any, Action) {
	v, _ := value.(*L)
	next, a := f(v, level)
	if next == nil {
		return state, nil, a
	}
	return state, next, a
}

// UpdateWith is [Local.Update] for a function that also gets and returns the state of
// the process. The process fails if its state has another type.
func UpdateWith[S, L any](l Local[L], f func(s S, v *L, level int) (Transition[S], *L)) *UpdateLocal {
	return &UpdateLocal{Local: l.typ, State: reflect.TypeFor[S](), Update: stateUpdater[S, L](f)}
}

type stateUpdater[S, L any] func(s S, v *L, level int) (Transition[S], *L)

func (f stateUpdater[S, L]) Update(state, value any, level int) (any, any, Action) {
	s, _ := state.(S)
	v, _ := value.(*L)
	t, next := f(s, v, level)
	if next == nil {
		return t.State, nil, t.Actions
	}
	return t.State, next, t.Actions
}
