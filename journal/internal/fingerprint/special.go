package fingerprint

import (
	"reflect"
	"time"
	"unsafe"

	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// namers are the interfaces of values that stand for something which a text
// tells, the first that fits.
var namers = []struct {
	typ  reflect.Type
	text func(v any) string
}{
	{reflect.TypeFor[reflect.Type](), func(v any) string { return NameOf(v.(reflect.Type)) }},
	{reflect.TypeFor[*time.Location](), func(v any) string { return v.(*time.Location).String() }},
	{reflect.TypeFor[world.Clock](), func(v any) string { return v.(world.Clock).ClockName() }},
	{reflect.TypeFor[world.Network](), func(v any) string { return v.(world.Network).NetworkName() }},
	{reflect.TypeFor[world.PacketNetwork](), func(v any) string { return v.(world.PacketNetwork).NetworkName() }},
	{reflect.TypeFor[world.Device](), func(v any) string { return v.(world.Device).DeviceName() }},
	{reflect.TypeFor[error](), func(v any) string { return v.(error).Error() }},
}

// topicPackage is where message types have layouts. They are tables, of which
// there is one for each type.
var topicPackage = reflect.TypeFor[topic.Topic]().PkgPath()

// special has the plan tell values by what they stand for, if their type is one
// for which that is known.
func (p *plan) special() bool {
	t := p.typ
	p.flat = true
	switch path := t.PkgPath(); {
	case t.Kind() == reflect.Interface:
	case t == reflect.TypeFor[time.Time]():
		p.append = appendTime
		return true
	case path == "sync" || path == "internal/sync" || path == "hash/maphash":
		p.append = appendNothing
		return true
	case t.Kind() == reflect.Pointer && t.Elem().PkgPath() == topicPackage && t.Elem().Name() == "layout":
		p.append = appendPresence
		return true
	case t == reflect.TypeFor[*world.Error]():
	case t == reflect.TypeFor[*vm.PanicError]():
		p.flat, p.append = false, appendPanic
		return true
	case t == reflect.TypeFor[reflect.Value]():
		p.flat, p.append = false, appendValue
		return true
	default:
		for _, n := range namers {
			if t == n.typ || n.typ.Kind() == reflect.Interface && t.Implements(n.typ) && !promoted(t, n.typ) {
				p.append = func(dst []byte, at unsafe.Pointer, _ *walk) []byte {
					return appendName(dst, reflect.NewAt(t, at).Elem(), n.text)
				}
				return true
			}
		}
	}
	p.flat = false
	return false
}

// promoted reports whether a type may have the methods of an interface from an
// embedded field only, so that they say nothing of the other fields.
func promoted(t, methods reflect.Type) bool {
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

// appendName appends the text of v.
func appendName(dst []byte, v reflect.Value, text func(any) string) []byte {
	if v.Kind() == reflect.Pointer && v.IsNil() {
		return append(dst, isNil)
	}
	s, ok := guarded(text, v.Interface())
	if !ok {
		return append(dst, isBroken)
	}
	return appendText(append(dst, isThere), s)
}

// guarded calls a method, which is foreign code, and reports whether it
// returned.
func guarded(text func(any) string, v any) (s string, ok bool) {
	defer func() { _ = recover() }()
	return text(v), true
}

func appendTime(dst []byte, at unsafe.Pointer, _ *walk) []byte {
	t := (*time.Time)(at)
	s := t.Unix()
	return appendUint(signed[int64](dst, unsafe.Pointer(&s), nil), uint64(t.Nanosecond()))
}

func appendPanic(dst []byte, at unsafe.Pointer, w *walk) []byte {
	e := *(**vm.PanicError)(at)
	if e == nil {
		return append(dst, isNil)
	}
	return appendAny(append(dst, isThere), e.Value, w)
}

func appendValue(dst []byte, at unsafe.Pointer, w *walk) []byte {
	v := *(*reflect.Value)(at)
	if !v.IsValid() || !v.CanInterface() {
		return append(dst, isNil)
	}
	return appendAny(append(dst, isThere), v.Interface(), w)
}
