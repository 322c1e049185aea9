// Package selftext returns the texts of values whose types have a method for it, and the
// names of types in texts.
//
// A type hides a secret by such a method, so code that prints a value must use it, for
// every kind of value: [Of]. The names of types are part of the texts of topics, and so
// of snapshots: a program that renames or moves a type of messages calls [Keep].
package selftext

import (
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"sync"
)

// A way is the kind of method by which the values of a type describe themselves.
type way uint8

const (
	none      way = iota
	logged                 // LogValue
	printed                // Format, Error or String
	goSyntax               // GoString
	byPointer way = 1 << 7 // by a method of a pointer to the type
)

// methods are the interfaces by which a type describes its values; the first one that
// a type implements counts. LogValue comes first, because it hides most.
var methods = []struct {
	typ reflect.Type
	way way
}{
	{reflect.TypeFor[slog.LogValuer](), logged},
	{reflect.TypeFor[fmt.Formatter](), printed},
	{reflect.TypeFor[error](), printed},
	{reflect.TypeFor[fmt.Stringer](), printed},
	{reflect.TypeFor[fmt.GoStringer](), goSyntax},
}

// ways caches the results of wayOf, which depend on the type alone.
var ways sync.Map // reflect.Type → way

func wayOf(t reflect.Type) way {
	if t.PkgPath() == "" && t.Name() != "" {
		return none // a basic type
	}
	if w, ok := ways.Load(t); ok {
		return w.(way)
	}
	w := find(t)
	if w == none && t.Kind() != reflect.Pointer && t.Kind() != reflect.Interface {
		if w = find(reflect.PointerTo(t)); w != none {
			w |= byPointer
		}
	}
	ways.Store(t, w)
	return w
}

func find(t reflect.Type) way {
	for _, m := range methods {
		if t.Implements(m.typ) {
			return m.way
		}
	}
	return none
}

// Has reports whether values of type t describe themselves, by a method of the type
// or of a pointer to it.
func Has(t reflect.Type) bool { return wayOf(t) != none }

// Of returns the text by which v describes itself, by a method of its type or of a
// pointer to it. It reports false if there is no such method. If the method panics,
// the text says so. The value v must not come from a field that is not exported.
func Of(v reflect.Value) (text string, ok bool) {
	w := wayOf(v.Type())
	if w&byPointer != 0 {
		if !v.CanAddr() {
			c := reflect.New(v.Type()).Elem()
			c.Set(v)
			v = c
		}
		v, w = v.Addr(), w&^byPointer
	}
	switch w {
	case none:
		return "", false
	case logged:
		return logText(v), true
	case goSyntax:
		return fmt.Sprintf("%#v", v.Interface()), true
	}
	return fmt.Sprint(v.Interface()), true
}

// logText returns the text of v in logs.
func logText(v reflect.Value) (text string) {
	defer func() {
		if r := recover(); r != nil {
			text = fmt.Sprintf("%v(PANIC=LogValue method: %v)", v.Type(), r)
		}
	}()
	if v.Kind() == reflect.Pointer && v.IsNil() {
		return "<nil>"
	}
	return slogText(v.Interface().(slog.LogValuer).LogValue(), 0)
}

// deepest is the largest depth of LogValue methods and groups in a text.
const deepest = 12

func slogText(v slog.Value, depth int) string {
	if depth == deepest {
		return "…"
	}
	switch v.Kind() {
	case slog.KindLogValuer:
		return slogText(v.LogValuer().LogValue(), depth+1)
	case slog.KindGroup:
		parts := make([]string, len(v.Group()))
		for i, a := range v.Group() {
			parts[i] = a.Key + "=" + slogText(a.Value, depth+1)
		}
		return "[" + strings.Join(parts, " ") + "]"
	}
	return v.String()
}
