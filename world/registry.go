package world

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"
)

// registry is the table of types that have names. Packages add to it during their
// initialisation.
var registry = struct {
	sync.RWMutex
	types map[string]reflect.Type
	names map[reflect.Type]string

	instances map[reflect.Type][]instance // by their type arguments, which have no names yet
}{types: make(map[string]reflect.Type), names: make(map[reflect.Type]string), instances: make(map[reflect.Type][]instance)}

// An instance is a type made of a generic type.
type instance struct {
	typ     reflect.Type
	generic string
}

func init() {
	Register[AlarmSet]("world.AlarmSet")
	Register[AlarmRang]("world.AlarmRang")
	Register[Ref]("world.Ref")
	Register[*Error]("world.Error")
	registerBasic()
}

// registerBasic registers types that belong to no package of ours under their names in
// Go, so that they can stand in an interface. No uintptr and no complex number can be
// written down.
func registerBasic() {
	Register[bool]("bool")
	Register[string]("string")
	Register[int]("int")
	Register[int8]("int8")
	Register[int16]("int16")
	Register[int32]("int32")
	Register[int64]("int64")
	Register[uint]("uint")
	Register[uint8]("uint8")
	Register[uint16]("uint16")
	Register[uint32]("uint32")
	Register[uint64]("uint64")
	Register[float32]("float32")
	Register[float64]("float64")
	Register[[]byte]("[]byte")
	Register[time.Time]("time.Time")
	Register[time.Duration]("time.Duration")
	Register[struct{}]("struct{}")
}

// Register registers the type T under a name, by which journals and other machines
// identify it: its values can be encoded, and traces of journals tell T from
// other types of the same structure. The package that owns a type registers it,
// during its initialisation. Journals store the name, so it must never change, even
// if the type is renamed or moves. Begin it with the name of the package, as in
// "tcp.Data". A pointer type and its base type are two types. The basic types of Go
// (bool, string, integers, floats), []byte, [time.Time] and [time.Duration] are
// registered under their names in Go.
//
// Register panics if the name is empty or registered for another type, if T is
// registered under another name, and if T is an interface type, which is not the
// dynamic type of any value. Registering the same pair again has no effect.
func Register[T any](name string) {
	t := reflect.TypeFor[T]()
	if name == "" {
		panic(fmt.Sprintf("world: Register[%v]: empty name; give the type a name such as \"mypackage.Thing\"", t))
	}
	if t.Kind() == reflect.Interface {
		panic(fmt.Sprintf("world: Register[%v](%q): the type is an interface; register the types of the values in it", t, name))
	}
	registry.Lock()
	defer registry.Unlock()
	register(t, name)
}

// RegisterInstance registers the type T, which a library has made of a generic type and
// the type A, under the name of the generic type followed by that of A in brackets, as in
// "rpc.Request[bank.Change]". If A is not registered yet, T is registered together with
// it, so the order in which packages and their variables are initialised does not matter.
// T stays without a name if A is never registered. Registering the same pair again has no
// effect.
//
// RegisterInstance panics like [Register].
func RegisterInstance[T, A any](generic string) {
	t, arg := reflect.TypeFor[T](), reflect.TypeFor[A]()
	if generic == "" {
		panic(fmt.Sprintf("world: RegisterInstance[%v, %v]: empty name; give the generic type a name such as \"mypackage.Thing\"", t, arg))
	}
	if t.Kind() == reflect.Interface {
		panic(fmt.Sprintf("world: RegisterInstance[%v, %v](%q): the type is an interface; register the types of the values in it", t, arg, generic))
	}
	registry.Lock()
	defer registry.Unlock()
	i := instance{t, generic}
	if name, ok := registry.names[arg]; ok {
		register(t, i.name(name))
	} else if !slices.Contains(registry.instances[arg], i) {
		registry.instances[arg] = append(registry.instances[arg], i)
	}
}

// name returns the name of i if its type argument has a name.
func (i instance) name(arg string) string { return i.generic + "[" + arg + "]" }

// register adds t to the registry, which is locked, and the instances that wait for it.
func register(t reflect.Type, name string) {
	if other, ok := registry.types[name]; ok && other != t {
		panic(fmt.Sprintf("world: Register[%v](%q): the name stands for %v; choose another name", t, name, other))
	}
	if other, ok := registry.names[t]; ok && other != name {
		panic(fmt.Sprintf("world: Register[%v](%q): the type is registered as %q already; a type has one name, in the package that owns it", t, name, other))
	}
	registry.types[name] = t
	registry.names[t] = name
	waiting := registry.instances[t]
	delete(registry.instances, t)
	for _, i := range waiting {
		register(i.typ, i.name(name))
	}
}

// Registered returns the type that is registered under a name, and whether there is
// one.
func Registered(name string) (reflect.Type, bool) {
	registry.RLock()
	defer registry.RUnlock()
	t, ok := registry.types[name]
	return t, ok
}

// NameOf returns the name under which a type is registered, and whether there is
// one.
func NameOf(t reflect.Type) (string, bool) {
	registry.RLock()
	defer registry.RUnlock()
	name, ok := registry.names[t]
	return name, ok
}

// RegisteredNames returns the names of all registered types, sorted.
func RegisteredNames() []string {
	registry.RLock()
	defer registry.RUnlock()
	return slices.Sorted(maps.Keys(registry.types))
}
