package world_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/world"
)

type (
	registeredOnce  struct{ N int }
	registeredOther struct{ N int }
	registeredPlain struct{ N int }
)

func TestRegister(t *testing.T) {
	world.Register[registeredOnce]("world_test.once")
	world.Register[registeredOnce]("world_test.once")
	world.Register[*registeredOnce]("world_test.pointer")

	got, ok := world.Registered("world_test.once")
	if !ok || got != reflect.TypeFor[registeredOnce]() {
		t.Errorf("Registered = %v, %v", got, ok)
	}
	name, ok := world.NameOf(reflect.TypeFor[*registeredOnce]())
	if !ok || name != "world_test.pointer" {
		t.Errorf("NameOf = %q, %v", name, ok)
	}
	if got, ok := world.Registered("world_test.nothing"); ok {
		t.Errorf("an unknown name stands for %v", got)
	}
	if name, ok := world.NameOf(reflect.TypeFor[registeredPlain]()); ok {
		t.Errorf("a type that is not registered has the name %q", name)
	}
	names := world.RegisteredNames()
	if !slices.IsSorted(names) {
		t.Errorf("names are not sorted: %q", names)
	}
	for _, want := range []string{"world.AlarmRang", "world.AlarmSet", "world.Error", "world.Ref", "world_test.once", "world_test.pointer"} {
		if _, ok := slices.BinarySearch(names, want); !ok {
			t.Errorf("%q is missing in %q", want, names)
		}
	}
}

func TestRegisterMistakes(t *testing.T) {
	world.Register[registeredOnce]("world_test.once")
	mustPanic(t, func() { world.Register[registeredOther]("") }, "registeredOther", "give the type a name")
	mustPanic(t, func() { world.Register[registeredOther]("world_test.once") }, "registeredOnce", "choose another name")
	mustPanic(t, func() { world.Register[registeredOnce]("world_test.twice") }, "world_test.once", "one name")
	mustPanic(t, func() { world.Register[world.Device]("world_test.device") }, "interface", "the values in it")
	if _, ok := world.NameOf(reflect.TypeFor[registeredOther]()); ok {
		t.Error("a refused type was registered")
	}
}

type (
	generic[A any] struct{ V A }
	argument       struct{ N int }
	another        struct{ N int }
)

// An instance of a generic type gets its name when its type argument has one, in any
// order, and once.
func TestRegisterInstance(t *testing.T) {
	expect := func(typ reflect.Type, want string) {
		t.Helper()
		if got, _ := world.NameOf(typ); got != want {
			t.Errorf("%v has the name %q, want %q", typ, got, want)
		}
		if got, ok := world.Registered(want); want != "" && (!ok || got != typ) {
			t.Errorf("%q stands for %v", want, got)
		}
	}
	one, two := reflect.TypeFor[generic[argument]](), reflect.TypeFor[generic[generic[argument]]]()
	for range 2 {
		world.RegisterInstance[generic[argument], argument]("world_test.generic")
		world.RegisterInstance[generic[generic[argument]], generic[argument]]("world_test.generic")
	}
	if _, again := world.NameOf(reflect.TypeFor[argument]()); !again { // the registry outlives a run of the test
		expect(one, "")
		expect(two, "")
	}
	world.Register[argument]("world_test.argument")
	expect(one, "world_test.generic[world_test.argument]")
	expect(two, "world_test.generic[world_test.generic[world_test.argument]]")
	world.Register[argument]("world_test.argument")
	world.RegisterInstance[generic[argument], argument]("world_test.generic")
	world.RegisterInstance[generic[string], string]("world_test.generic")
	expect(reflect.TypeFor[generic[string]](), "world_test.generic[string]")

	mustPanic(t, func() { world.RegisterInstance[generic[another], another]("") }, "empty name")
	mustPanic(t, func() { world.RegisterInstance[world.Device, another]("world_test.generic") }, "interface")
	mustPanic(t, func() { world.RegisterInstance[generic[argument], argument]("world_test.other") }, "one name")
}

// TestRegisterBasic: the types of Go that stand in messages without a type of their own
// are registered under their names in Go. G3.
func TestRegisterBasic(t *testing.T) {
	for _, v := range []any{
		false, "", 0, int8(0), int16(0), int32(0), int64(0), uint(0), uint8(0), uint16(0), uint32(0), uint64(0), float32(0), 0.0,
		time.Time{}, time.Duration(0),
	} {
		if name, ok := world.NameOf(reflect.TypeOf(v)); !ok || name != reflect.TypeOf(v).String() {
			t.Errorf("%T is registered as %q, %v", v, name, ok)
		}
	}
	if got, ok := world.Registered("[]byte"); !ok || got != reflect.TypeFor[[]byte]() {
		t.Errorf("[]byte stands for %v, %v", got, ok)
	}
}
