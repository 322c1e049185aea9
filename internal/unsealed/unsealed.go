// Package unsealed is the way into the values of package sealed, for the packages of this
// library that encode them. It is internal, so no other code can see or make the content of
// such a value but by its methods.
package unsealed

import (
	"reflect"
	"strings"
)

// Access is what the method Unseal of [Value] takes. Only this library can name it.
type Access struct{}

// Value is implemented by pointers to the values of package sealed.
type Value interface {
	// Unseal returns pointers to the subject, to whether there is a content, and to the
	// content, a *T.
	Unseal(Access) (subject *string, held *bool, content any)
}

// Is reports whether a type is a sealed.Value of any type. A type that embeds one is not.
func Is(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && strings.HasPrefix(t.Name(), "Value[") &&
		t.PkgPath() == path && reflect.PointerTo(t).Implements(reflect.TypeFor[Value]())
}

const path = "github.com/go-marketplace/marketplace/sealed"

// In reports whether values of a type have sealed values in them, as far as the type says: it
// does not know what is in interfaces.
func In(t reflect.Type) bool { return in(t, map[reflect.Type]bool{}) }

func in(t reflect.Type, seen map[reflect.Type]bool) bool {
	if Is(t) {
		return true
	}
	if seen[t] {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Map:
		return in(t.Key(), seen) || in(t.Elem(), seen)
	case reflect.Slice, reflect.Array, reflect.Pointer:
		return in(t.Elem(), seen)
	case reflect.Struct:
		for f := range t.Fields() {
			if in(f.Type, seen) {
				return true
			}
		}
	}
	return false
}

// Content returns the type of the content of values of type t, which [Is] a sealed one.
func Content(t reflect.Type) reflect.Type {
	_, _, content := reflect.New(t).Interface().(Value).Unseal(Access{})
	return reflect.TypeOf(content).Elem()
}
