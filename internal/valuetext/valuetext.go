// Package valuetext has texts for people of values of any type. They are the same
// on every run and every platform, and hide what the types of the values hide.
package valuetext

import (
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"github.com/go-marketplace/marketplace/internal/selftext"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// Of returns v as Go has it, more or less, in one line that is the same on every
// run: it follows pointers, and has no addresses in it. A part whose type has a
// text for people (see package selftext) is shown by that text, also in a field
// that is not exported.
func Of(v any) string { return Part(reflect.ValueOf(v)) }

// Own returns [Of] of v. It reports whether that has anything to do with texts of
// types, or would be the same without them.
func Own(v any) (text string, own bool) {
	var p printer
	p.value(reflect.ValueOf(v), true, 0)
	return p.String(), p.own
}

// Part is [Of] for a part of another value. If it comes from a field that is not
// exported, its own text is not used, because its methods cannot be called.
func Part(v reflect.Value) string {
	var p printer
	p.value(v, true, 0)
	return p.String()
}

type printer struct {
	strings.Builder
	own bool // a type has given a text
}

// value writes v, with the name of its type if nobody could know it otherwise.
func (p *printer) value(v reflect.Value, named bool, depth int) {
	const deepest = 12 // it could go round in circles
	if s, own, ok := described(v); ok {
		p.own = p.own || own
		p.WriteString(s)
		return
	}
	if s, ok := Basic(v); ok {
		if name := v.Type().Name(); named && v.Type().PkgPath() != "" && name != "" {
			s = selftext.NameOf(v.Type()) + "(" + s + ")"
		}
		p.WriteString(s)
		return
	}
	if depth == deepest {
		p.WriteString("…")
		return
	}
	if k := v.Kind(); named && v.Type().Name() != "" && k != reflect.Pointer && k != reflect.Interface {
		p.WriteString(selftext.NameOf(v.Type()))
	}
	switch v.Kind() {
	case reflect.Pointer:
		if Known(v.Type()) {
			p.WriteString(selftext.NameOf(v.Type()))
			return
		}
		p.WriteByte('&')
		p.value(v.Elem(), named, depth+1)
	case reflect.Interface:
		p.value(v.Elem(), true, depth+1)
	case reflect.Struct:
		if !v.CanAddr() && v.CanInterface() {
			c := reflect.New(v.Type()).Elem()
			c.Set(v)
			v = c
		}
		p.list("{}", v.NumField(), func(i int) {
			p.WriteString(v.Type().Field(i).Name + ": ")
			p.value(field(v, i), false, depth+1)
		})
	case reflect.Map:
		var entries []string
		for k, e := range v.Seq2() {
			var q printer
			q.value(k, false, depth+1)
			q.WriteString(": ")
			q.value(e, false, depth+1)
			entries = append(entries, q.String())
			p.own = p.own || q.own
		}
		slices.Sort(entries)
		p.list("{}", len(entries), func(i int) { p.WriteString(entries[i]) })
	default: // slices and arrays
		p.list("[]", v.Len(), func(i int) { p.value(v.Index(i), false, depth+1) })
	}
}

// field returns field i of the struct v. If v has a place in memory, the methods
// of the field can be called, also if it is not exported: a field is no less
// secret for that.
func field(v reflect.Value, i int) reflect.Value {
	f := v.Field(i)
	if f.CanInterface() || !f.CanAddr() {
		return f
	}
	return reflect.NewAt(f.Type(), unsafe.Pointer(f.UnsafeAddr())).Elem()
}

func (p *printer) list(brackets string, n int, element func(i int)) {
	p.WriteByte(brackets[0])
	for i := range n {
		if i > 0 {
			p.WriteString(", ")
		}
		element(i)
	}
	p.WriteByte(brackets[1])
}

// described returns what v says of itself, if it does, and whether that is a text
// of its type.
func described(v reflect.Value) (s string, own, ok bool) {
	switch {
	case !v.IsValid():
		return "nil", false, true
	case (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) && v.IsNil():
		return "nil", false, true
	case !v.CanInterface():
		return "", false, false
	}
	switch x := v.Interface().(type) {
	case time.Time:
		return x.Format(time.RFC3339Nano), false, true
	case world.Device:
		return x.DeviceName(), false, true
	}
	if v.Kind() == reflect.Interface {
		return "", false, false // what is in it is
	}
	s, ok = selftext.Of(v)
	return s, ok, ok
}

// Basic returns a text that tells v from all others of its type, if v has no
// parts. Of functions it tells where they are in the program.
func Basic(v reflect.Value) (s string, ok bool) {
	switch v.Kind() {
	case reflect.Bool:
		return strconv.FormatBool(v.Bool()), true
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.FormatInt(v.Int(), 10), true
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return strconv.FormatUint(v.Uint(), 10), true
	case reflect.Float32, reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'g', -1, v.Type().Bits()), true
	case reflect.Complex64, reflect.Complex128:
		return strconv.FormatComplex(v.Complex(), 'g', -1, v.Type().Bits()), true
	case reflect.String:
		return strconv.Quote(v.String()), true
	case reflect.Func, reflect.Chan, reflect.UnsafePointer, reflect.Map, reflect.Slice:
		if v.IsNil() {
			return "nil", true
		}
	}
	switch v.Kind() {
	case reflect.Func:
		return "func " + runtime.FuncForPC(v.Pointer()).Name(), true
	case reflect.Chan, reflect.UnsafePointer:
		return v.Kind().String(), true
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return strconv.Quote(string(v.Bytes())), true
		}
	}
	return "", false
}

// Known reports whether a pointer of type t stands for what it points to: for
// something that belongs to the outside, whose inside is nobody's business, or
// that is made once for all.
func Known(t reflect.Type) bool {
	return t.Implements(reflect.TypeFor[world.Clock]()) || t.Implements(reflect.TypeFor[world.Network]()) ||
		t.Implements(reflect.TypeFor[reflect.Type]()) || t == reflect.TypeFor[*time.Location]() ||
		t.Elem().PkgPath() == reflect.TypeFor[topic.Topic]().PkgPath() && t.Elem().Name() == "layout"
}
