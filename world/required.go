package world

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
)

// required are the types that must be registered before a journal begins.
var required struct {
	sync.Mutex
	types []requirement
}

type requirement struct {
	typ reflect.Type
	by  string
}

// RequireRegistered says that values of type t may enter journals, because of what the
// text by names, such as "the result of operation bank.add". A package that declares such
// things calls it during its initialisation, when t itself need not be registered yet.
// [CheckRequired] finds the types that are not registered in the end.
func RequireRegistered(t reflect.Type, by string) {
	required.Lock()
	defer required.Unlock()
	required.types = append(required.types, requirement{t, by})
}

// CheckRequired returns an error that names all types that are required
// ([RequireRegistered]) and not registered. A journal calls it when it begins, so that a
// program learns of the mistake when it starts.
func CheckRequired() error {
	required.Lock()
	defer required.Unlock()
	var all []error
	for _, r := range required.types {
		if _, ok := NameOf(r.typ); !ok {
			all = append(all, fmt.Errorf("world: type %v is not registered, but values of it may enter a journal (%s): use world.Register[%v](name)", r.typ, r.by, r.typ))
		}
	}
	return errors.Join(all...)
}
