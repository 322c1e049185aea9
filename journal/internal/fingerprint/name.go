package fingerprint

import (
	"crypto/sha256"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// module is the prefix of the names of this library in V1.
const module = "github.com/go-marketplace/marketplace/"

// library has the names of types of this library that are not registered. They never
// change, even if a type is moved or renamed.
var library = map[reflect.Type]string{
	reflect.TypeFor[actions.AddEndpoint]():      "actions.AddEndpoint",
	reflect.TypeFor[actions.ReplaceEndpoint]():  "actions.ReplaceEndpoint",
	reflect.TypeFor[actions.DeleteEndpoint]():   "actions.DeleteEndpoint",
	reflect.TypeFor[actions.SendMessage]():      "actions.SendMessage",
	reflect.TypeFor[actions.SpawnProcess]():     "actions.SpawnProcess",
	reflect.TypeFor[actions.QuitProcess]():      "actions.QuitProcess",
	reflect.TypeFor[actions.YieldTurn]():        "actions.YieldTurn",
	reflect.TypeFor[actions.FreshName]():        "actions.FreshName",
	reflect.TypeFor[actions.OpenDevice]():       "actions.OpenDevice",
	reflect.TypeFor[actions.TellDevice]():       "actions.TellDevice",
	reflect.TypeFor[actions.CloseDevice]():      "actions.CloseDevice",
	reflect.TypeFor[actions.FlowControl]():      "actions.FlowControl",
	reflect.TypeFor[actions.MonitorProcess]():   "actions.MonitorProcess",
	reflect.TypeFor[actions.UnmonitorProcess](): "actions.UnmonitorProcess",
	reflect.TypeFor[actions.MetaLevel]():        "actions.MetaLevel",
	reflect.TypeFor[actions.Tree]():             "actions.Tree",
	reflect.TypeFor[actions.Event]():            "actions.Event",
	reflect.TypeFor[actions.PID]():              "actions.PID",
	reflect.TypeFor[topic.Message]():            "topic.Message",
	reflect.TypeFor[topic.Role]():               "topic.Role",
	reflect.TypeFor[topic.Topic]():              "topic.Topic",
	reflect.TypeFor[topic.Tuple]():              "topic.Tuple",
	reflect.TypeOf(topic.Wild):                  "topic.wildcard",
	reflect.TypeFor[vm.FreshID]():               "vm.FreshID",
	reflect.TypeFor[vm.PanicError]():            "vm.PanicError",
	reflect.TypeFor[vm.Path]():                  "vm.Path",
}

// nameOf returns the name by which [V2] identifies a type, as the package comment
// describes.
func nameOf(t reflect.Type) string {
	if name, ok := givenName(t); ok {
		return name
	}
	switch t.Kind() {
	case reflect.Pointer:
		return "*" + partName(t.Elem())
	case reflect.Slice:
		return "[]" + partName(t.Elem())
	case reflect.Map:
		return "map[" + partName(t.Key()) + "]" + partName(t.Elem())
	}
	return partName(t)
}

// partName returns the name of a type of parts of other values. It has only the kind of a
// type that refers to values, so that the name is finite.
func partName(t reflect.Type) string {
	if name, ok := givenName(t); ok {
		return name
	}
	switch t.Kind() {
	case reflect.Array:
		return "[" + strconv.Itoa(t.Len()) + "]" + partName(t.Elem())
	case reflect.Struct:
		var b strings.Builder
		b.WriteString("struct{")
		for _, f := range fieldsOf(t) {
			if f.IsExported() {
				b.WriteString(strconv.Quote(writtenName(f)))
			}
			b.WriteString(" " + partName(f.Type) + ";")
		}
		return b.String() + "}"
	}
	return t.Kind().String()
}

// registeredName returns the name under which a type is registered. The types that world
// registers for Go, and tuples, keep the names that they had before they were registered.
func registeredName(t reflect.Type) (name string, ok bool) {
	predeclared := t.PkgPath() == "" && t.Name() != ""
	switch {
	case predeclared, t == reflect.TypeFor[[]byte](), t == reflect.TypeFor[time.Time](), t == reflect.TypeFor[time.Duration](), t == reflect.TypeFor[topic.Tuple]():
		return "", false
	}
	return world.NameOf(t)
}

// givenName returns the name that was given to a type, or the word for what its values
// stand for.
func givenName(t reflect.Type) (name string, ok bool) {
	if name, ok := registeredName(t); ok {
		return strconv.Quote(name), true
	}
	if name, ok := library[t]; ok {
		return name, true
	}
	s := specialOf(t)
	return s.word, s.word != ""
}

// headOf returns the beginning of the bytes of a value of a type in an interface.
func headOf(v Version, t reflect.Type) []byte {
	if v == V1 {
		return appendText([]byte{isThere}, goName(t))
	}
	sum := sha256.Sum256([]byte(nameOf(t)))
	return append([]byte{isThere}, sum[:8]...)
}

// typeText returns the text that represents a type as a value.
func typeText(v Version, t reflect.Type) string {
	if v == V1 {
		return goName(t)
	}
	if name, ok := givenName(t); ok {
		return name
	}
	return t.Kind().String()
}

// fieldsOf returns the fields of a struct that are not left out.
func fieldsOf(t reflect.Type) []reflect.StructField {
	var fields []reflect.StructField
	for f := range t.Fields() {
		if f.Name != "_" && f.Tag.Get("fingerprint") != "-" {
			fields = append(fields, f)
		}
	}
	return fields
}

// writtenName returns the name under which package codec encodes a field.
func writtenName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("cbor"), ",")
	if name == "" || name == "-" {
		return f.Name
	}
	return name
}

// goName returns the name by which [V1] identifies a type: the name with which it is
// registered, or else its name with the whole path of its package. Types of this library
// keep their former paths.
func goName(t reflect.Type) string {
	if name, ok := registeredName(t); ok {
		return name
	}
	if name, ok := library[t]; ok {
		return module + name
	}
	if t.Name() != "" {
		if t.PkgPath() == "" {
			return t.Name()
		}
		return t.PkgPath() + "." + t.Name()
	}
	switch t.Kind() {
	case reflect.Pointer:
		return "*" + goName(t.Elem())
	case reflect.Slice:
		return "[]" + goName(t.Elem())
	case reflect.Array:
		return "[" + strconv.Itoa(t.Len()) + "]" + goName(t.Elem())
	case reflect.Map:
		return "map[" + goName(t.Key()) + "]" + goName(t.Elem())
	}
	return t.String()
}
