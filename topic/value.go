package topic

import (
	"fmt"
	"reflect"
	"strconv"
	"unsafe"
)

// Values that are equal can still look different: zero and minus zero do.
// Patterns hold settled values, which look the same if they are equal, so that
// equal patterns have the same text. This file settles values, and writes them.

// settled returns v with plain zeros.
func settled(v any) any {
	if v == nil || !canDiffer(reflect.TypeOf(v)) {
		return v
	}
	c := addressable(reflect.ValueOf(v))
	settle(c)
	return c.Interface()
}

// canDiffer reports whether equal values of type t can look different.
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

// settle settles the addressable value v in its place.
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

// addressable returns a copy of v that has a place in memory.
func addressable(v reflect.Value) reflect.Value {
	c := reflect.New(v.Type()).Elem()
	c.Set(v)
	return c
}

// part returns field i of the addressable struct v, also if it is not exported.
func part(v reflect.Value, i int) reflect.Value {
	f := v.Field(i)
	return reflect.NewAt(f.Type(), unsafe.Pointer(f.UnsafeAddr())).Elem()
}

// valueText is the text of a value in a place of static type typ, which is nil
// for a place of no type.
func valueText(v any, typ reflect.Type) string {
	if v == nil {
		return "nil"
	}
	return string(appendText(nil, addressable(reflect.ValueOf(v)), typ))
}

// appendText appends the text of the addressable value v. It names the type
// where that is not typ. A value that can describe itself does so; a pointer is
// no more than its address, because that is what it is compared by.
func appendText(b []byte, v reflect.Value, typ reflect.Type) []byte {
	t := v.Type()
	end := ")"
	switch k := t.Kind(); {
	case k == reflect.Interface:
		if v.IsNil() {
			return append(b, "nil"...)
		}
		return appendText(b, addressable(v.Elem()), t)
	case t == typ || t == reflect.TypeFor[string]() || t == reflect.TypeFor[int]() || t == reflect.TypeFor[bool]():
		end = ""
	case isComposite(t):
		b, end = append(b, t.String()...), ""
	default:
		b = append(append(b, t.String()...), '(')
	}
	switch k := t.Kind(); {
	case k == reflect.String:
		b = strconv.AppendQuote(b, v.String())
	case k == reflect.Pointer || k == reflect.Chan || k == reflect.UnsafePointer:
		b = appendAddress(b, v.UnsafePointer())
	case describesItself(t):
		b = fmt.Append(b, v.Interface())
	case isHandle(t) && !part(v, 0).IsNil():
		b = appendText(b, part(v, 0).Elem(), t.Field(0).Type.Elem())
	case isHandle(t):
		b = append(b, "nil"...)
	case k == reflect.Struct || k == reflect.Array:
		b = append(appendParts(append(b, '{'), v), '}')
	default:
		b = fmt.Append(b, v.Interface())
	}
	return append(b, end...)
}

// appendParts appends the text of what is in v, a struct or an array.
func appendParts(b []byte, v reflect.Value) []byte {
	sep := ""
	if v.Kind() == reflect.Array {
		for i := range v.Len() {
			b, sep = appendText(append(b, sep...), v.Index(i), v.Type().Elem()), ", "
		}
		return b
	}
	for i := range v.NumField() {
		if f := v.Type().Field(i); f.Name != "_" {
			b = append(append(append(b, sep...), f.Name...), ": "...)
			b, sep = appendText(b, part(v, i), f.Type), ", "
		}
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
func isComposite(t reflect.Type) bool {
	return (t.Kind() == reflect.Struct || t.Kind() == reflect.Array) && !isWhole(t)
}

// isWhole reports whether values of type t should not be taken to pieces.
func isWhole(t reflect.Type) bool { return describesItself(t) || isHandle(t) }

func describesItself(t reflect.Type) bool {
	return t.Implements(reflect.TypeFor[fmt.Stringer]()) || t.Implements(reflect.TypeFor[error]())
}

// isHandle reports whether t is a [unique.Handle], which stands for a value.
func isHandle(t reflect.Type) bool {
	return t.PkgPath() == "unique" && t.Kind() == reflect.Struct && t.NumField() == 1 && t.Field(0).Type.Kind() == reflect.Pointer
}
