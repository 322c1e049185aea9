package fingerprint

import (
	"reflect"
	"time"
	"unsafe"

	"github.com/go-marketplace/marketplace/internal/unsealed"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// A special represents values of a type by what they stand for.
type special struct {
	word   string // for what they stand for; empty if the type is not special
	flat   bool   // as in a plan
	append func(Version) appender
}

// namers are the types and interfaces whose values are represented by a text. The first
// that matches counts.
var namers = []struct {
	word string
	typ  reflect.Type
	text func(v any) string
}{
	{"location", reflect.TypeFor[*time.Location](), func(v any) string { return v.(*time.Location).String() }},
	{"clock", reflect.TypeFor[world.Clock](), func(v any) string { return v.(world.Clock).ClockName() }},
	{"network", reflect.TypeFor[world.Network](), func(v any) string { return v.(world.Network).NetworkName() }},
	{"network", reflect.TypeFor[world.PacketNetwork](), func(v any) string { return v.(world.PacketNetwork).NetworkName() }},
	{"device", reflect.TypeFor[world.Device](), func(v any) string { return v.(world.Device).DeviceName() }},
	{"error", reflect.TypeFor[error](), func(v any) string { return v.(error).Error() }},
}

// topicPackage is the package with the layouts of message types. A layout is a table, one
// for each type.
var topicPackage = reflect.TypeFor[topic.Topic]().PkgPath()

// specialOf returns the special for a type; its word is empty if the type is not special.
func specialOf(t reflect.Type) special {
	always := func(f appender) func(Version) appender { return func(Version) appender { return f } }
	switch path := t.PkgPath(); {
	case t.Kind() == reflect.Interface:
		return special{}
	case t == reflect.TypeFor[time.Time]():
		return special{"time", true, always(appendTime)}
	case unsealed.Is(t):
		return special{"sealed", true, always(appendSubject(t))}
	case path == "sync" || path == "internal/sync" || path == "hash/maphash":
		return special{"nothing", true, always(appendNothing)}
	case t.Kind() == reflect.Pointer && t.Elem().PkgPath() == topicPackage && t.Elem().Name() == "layout":
		return special{"layout", true, always(appendIsNil)}
	case t == reflect.TypeFor[*world.Error]():
		return special{}
	case t == reflect.TypeFor[*vm.PanicError]():
		return special{"panic", false, func(v Version) appender { return v.appendPanic }}
	case t == reflect.TypeFor[reflect.Value]():
		return special{"value", false, func(v Version) appender { return v.appendValue }}
	case t.Implements(reflect.TypeFor[reflect.Type]()) && !mayBePromoted(t, reflect.TypeFor[reflect.Type]()):
		return special{"type", true, func(v Version) appender {
			return appendName(t, func(x any) string { return typeText(v, x.(reflect.Type)) })
		}}
	}
	for _, n := range namers {
		if t == n.typ || n.typ.Kind() == reflect.Interface && t.Implements(n.typ) && !mayBePromoted(t, n.typ) {
			return special{n.word, true, always(appendName(t, n.text))}
		}
	}
	return special{}
}

// mayBePromoted reports whether a type may have the methods of an interface only from an
// embedded field, so that they say nothing about the other fields.
func mayBePromoted(t, methods reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return false
	}
	for f := range t.Fields() {
		if f.Anonymous && (f.Type.Implements(methods) || reflect.PointerTo(f.Type).Implements(methods)) {
			return true
		}
	}
	return false
}

// appendName returns the appender that represents values of type t by a text.
func appendName(t reflect.Type, text func(any) string) appender {
	return func(dst []byte, at unsafe.Pointer, _ *walk) []byte {
		v := reflect.NewAt(t, at).Elem()
		if v.Kind() == reflect.Pointer && v.IsNil() {
			return append(dst, isNil)
		}
		s, ok := callText(text, v.Interface())
		if !ok {
			return append(dst, isBroken)
		}
		return appendText(append(dst, isThere), s)
	}
}

// callText calls text, which calls foreign code, and reports whether it returned without a
// panic.
func callText(text func(any) string, v any) (s string, ok bool) {
	defer func() { _ = recover() }()
	return text(v), true
}

// appendSubject returns the appender for sealed values of type t. It leaves out the content,
// which could be guessed from a digest, and whether there is one, because it may be erased.
func appendSubject(t reflect.Type) appender {
	return func(dst []byte, at unsafe.Pointer, _ *walk) []byte {
		subject, _, _ := reflect.NewAt(t, at).Interface().(unsealed.Value).Unseal(unsealed.Access{})
		return appendText(dst, *subject)
	}
}

func appendTime(dst []byte, at unsafe.Pointer, _ *walk) []byte {
	t := (*time.Time)(at)
	s := t.Unix()
	return appendUint(signed[int64](dst, unsafe.Pointer(&s), nil), uint64(t.Nanosecond()))
}

func (v Version) appendPanic(dst []byte, at unsafe.Pointer, w *walk) []byte {
	e := *(**vm.PanicError)(at)
	if e == nil {
		return append(dst, isNil)
	}
	return v.appendAny(append(dst, isThere), e.Value, w)
}

func (v Version) appendValue(dst []byte, at unsafe.Pointer, w *walk) []byte {
	x := *(*reflect.Value)(at)
	if !x.IsValid() || !x.CanInterface() {
		return append(dst, isNil)
	}
	return v.appendAny(append(dst, isThere), x.Interface(), w)
}
