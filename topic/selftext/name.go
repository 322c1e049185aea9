package selftext

import (
	"fmt"
	"reflect"
)

// kept has the types that keep a name in texts, and keptBy the types by these names.
// Packages add to them while they are initialised; from then on they are only read.
var (
	kept   = map[reflect.Type]string{}
	keptBy = map[string]reflect.Type{}
)

// Keep makes all texts call a type by a name, such as "vm.FreshID", even if the type
// is moved or renamed later. Snapshots of machines contain such texts for topics and for
// the names of endpoints, and are compared with what a program opens: a program in which
// such a type has another name refuses them, unless the type keeps its first name.
//
//	func init() { selftext.Keep(reflect.TypeFor[Utterance](), "chat.Says") }
//
// The package of the type calls Keep during its initialisation; Keep is not safe for
// use after that. Keep of a type does not affect the pointer type. It panics if the
// name is empty, if the type keeps another name, or if another type keeps this one.
func Keep(t reflect.Type, name string) {
	old, named := kept[t]
	other, taken := keptBy[name]
	switch {
	case name == "":
		panic(fmt.Sprintf("selftext: Keep of %v with an empty name", t))
	case named && old != name:
		panic(fmt.Sprintf("selftext: %v keeps the name %q, and cannot keep %q", t, old, name))
	case taken && other != t:
		panic(fmt.Sprintf("selftext: %v keeps the name %q, so %v cannot", other, name, t))
	}
	kept[t], keptBy[name] = name, t
}

// NameOf returns the name of a type in texts: the one of [Keep] or, if there is none,
// its Go name with the name of its package.
func NameOf(t reflect.Type) string {
	if name, ok := kept[t]; ok {
		return name
	}
	return t.String()
}
