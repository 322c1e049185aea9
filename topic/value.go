package topic

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"unsafe"

	"github.com/go-marketplace/marketplace/topic/selftext"
)

// Equal values can have different texts: zero and minus zero have. Patterns hold
// settled values, in which each zero is positive, so that equal patterns have the
// same text. This file settles values, and writes them.

// settled returns v with positive zeros.
func settled(v any) any {
	if v == nil || !canDiffer(reflect.TypeOf(v)) {
		return v
	}
	c := addressable(reflect.ValueOf(v))
	settle(c)
	return c.Interface()
}

// canDiffer reports whether equal values of type t can have different texts.
func canDiffer(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128, reflect.Interface:
		return true
	case reflect.Array:
		return canDiffer(t.Elem())
	case reflect.Struct:
		for f := range fields(t) {
			if canDiffer(f.Type) {
				return true
			}
		}
	}
	return false
}

// settle makes the zeros in the addressable value v positive.
func settle(v reflect.Value) {
	switch v.Kind() {
	case reflect.Float32, reflect.Float64:
		if v.Float() == 0 {
			v.SetFloat(0)
		}
	case reflect.Complex64, reflect.Complex128:
		re, im := real(v.Complex()), imag(v.Complex())
		if re == 0 {
			re = 0
		}
		if im == 0 {
			im = 0
		}
		v.SetComplex(complex(re, im))
	case reflect.Interface:
		if !v.IsNil() {
			v.Set(reflect.ValueOf(settled(v.Elem().Interface())))
		}
	case reflect.Array:
		for i := range v.Len() {
			settle(v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			settle(part(v, i))
		}
	}
}

// addressable returns an addressable copy of v.
func addressable(v reflect.Value) reflect.Value {
	c := reflect.New(v.Type()).Elem()
	c.Set(v)
	return c
}

// part returns field i of the addressable struct v, exported or not.
func part(v reflect.Value, i int) reflect.Value {
	f := v.Field(i)
	return reflect.NewAt(f.Type(), unsafe.Pointer(f.UnsafeAddr())).Elem()
}

// A style says who reads a text.
type style bool

const (
	shown style = false // people: values describe themselves, and can hide secrets
	exact style = true  // machines: texts of different values differ, as [Topic.Canonical] says
)

// valueText returns the text of v. The reader knows that v has the type typ; typ
// is nil if the reader does not know the type.
func (s style) valueText(v any, typ reflect.Type) string {
	if v == nil {
		return "nil"
	}
	return string(s.appendText(nil, addressable(reflect.ValueOf(v)), typ))
}

// appendText appends the text of the addressable value v. It names the type of v
// unless that is typ, string, int or bool.
//
// A pointer, also one with a String method, is written as its address, because ==
// compares addresses. All other values that describe themselves do so in the shown
// style. In the exact style only those with a String or Error method do, and
// strings never: they are written as they are.
func (s style) appendText(b []byte, v reflect.Value, typ reflect.Type) []byte {
	t := v.Type()
	end := ")"
	switch k := t.Kind(); {
	case k == reflect.Interface:
		if v.IsNil() {
			return append(b, "nil"...)
		}
		return s.appendText(b, addressable(v.Elem()), t)
	case t == typ || t == reflect.TypeFor[string]() || t == reflect.TypeFor[int]() || t == reflect.TypeFor[bool]():
		end = ""
	case s.isComposite(t):
		b, end = append(b, selftext.NameOf(t)...), ""
	default:
		b = append(append(b, selftext.NameOf(t)...), '(')
	}
	switch k := t.Kind(); {
	case k == reflect.Pointer || k == reflect.Chan || k == reflect.UnsafePointer:
		b = appendAddress(b, v.UnsafePointer())
	case k == reflect.String:
		text := v.String()
		if s == shown && describesItself(t) {
			text, _ = selftext.Of(v)
		}
		b = strconv.AppendQuote(b, text)
	case s == shown && describesItself(t):
		text, _ := selftext.Of(v)
		b = append(b, text...)
	case s == exact && hasText(t):
		b = fmt.Append(b, v.Interface())
	case isHandle(t) && !part(v, 0).IsNil():
		b = s.appendText(b, part(v, 0).Elem(), t.Field(0).Type.Elem())
	case isHandle(t):
		b = append(b, "nil"...)
	case k == reflect.Map:
		b = append(s.appendEntries(append(b, '{'), v), '}')
	case s.isComposite(t):
		b = append(s.appendParts(append(b, '{'), v), '}')
	default:
		b = fmt.Append(b, v.Interface())
	}
	return append(b, end...)
}

// appendParts appends the fields or elements of v, a struct, an array or a slice.
func (s style) appendParts(b []byte, v reflect.Value) []byte {
	sep := ""
	if v.Kind() != reflect.Struct {
		for i := range v.Len() {
			b, sep = s.appendText(append(b, sep...), v.Index(i), v.Type().Elem()), ", "
		}
		return b
	}
	for i := range v.NumField() {
		if f := v.Type().Field(i); f.Name != "_" {
			b = append(append(append(b, sep...), f.Name...), ": "...)
			b, sep = s.appendText(b, part(v, i), f.Type), ", "
		}
	}
	return b
}

// appendEntries appends the entries of the map v, in the order of their texts.
func (s style) appendEntries(b []byte, v reflect.Value) []byte {
	entries := make([]string, 0, v.Len())
	for key, value := range v.Seq2() {
		entry := append(s.appendText(nil, addressable(key), v.Type().Key()), ": "...)
		entries = append(entries, string(s.appendText(entry, addressable(value), v.Type().Elem())))
	}
	slices.Sort(entries)
	for i, entry := range entries {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = append(b, entry...)
	}
	return b
}

func appendAddress(b []byte, p unsafe.Pointer) []byte {
	if p == nil {
		return append(b, "nil"...)
	}
	return strconv.AppendUint(append(b, "0x"...), uint64(uintptr(p)), 16)
}

// isComposite reports whether the text of values of type t is in braces.
func (s style) isComposite(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Slice:
		return t.Elem().Kind() != reflect.Uint8 && !s.isWhole(t)
	case reflect.Struct, reflect.Array, reflect.Map:
		return !s.isWhole(t)
	}
	return false
}

// isWhole reports whether values of type t are written as a whole, and not part by
// part.
func (s style) isWhole(t reflect.Type) bool {
	if s == exact {
		return hasText(t) || isHandle(t)
	}
	return describesItself(t) || isHandle(t)
}

// describesItself reports whether type t has a method that describes its values for
// people.
func describesItself(t reflect.Type) bool { return selftext.Has(t) }

// hasText reports whether canonical texts have values of type t in the words of
// their String or Error method. Journals hold canonical texts, so this never
// changes.
func hasText(t reflect.Type) bool {
	return t.Implements(reflect.TypeFor[fmt.Stringer]()) || t.Implements(reflect.TypeFor[error]())
}

// isHandle reports whether t is a [unique.Handle]. Its text is that of its value.
func isHandle(t reflect.Type) bool {
	return t.PkgPath() == "unique" && t.Kind() == reflect.Struct && t.NumField() == 1 && t.Field(0).Type.Kind() == reflect.Pointer
}
