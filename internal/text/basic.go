package text

import (
	"math"
	"reflect"
	"runtime"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// Basic returns a text of v, if v has no parts; different values of a type have
// different texts. The text of a function is its name, and that of a channel says
// nothing but that it is one.
func Basic(v reflect.Value) (s string, ok bool) {
	_, s, _, ok = basic(v, math.MaxInt)
	return s, ok
}

// basic returns the kind and the text of a node for v, if v has no parts. The text of a
// string or of bytes has little more than most bytes; more is how many are left out.
func basic(v reflect.Value, most int) (kind, s string, more int, ok bool) {
	switch v.Kind() {
	case reflect.Bool:
		return KindBool, strconv.FormatBool(v.Bool()), 0, true
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return KindNumber, strconv.FormatInt(v.Int(), 10), 0, true
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return KindNumber, strconv.FormatUint(v.Uint(), 10), 0, true
	case reflect.Float32, reflect.Float64:
		return KindNumber, strconv.FormatFloat(v.Float(), 'g', -1, v.Type().Bits()), 0, true
	case reflect.Complex64, reflect.Complex128:
		return KindNumber, strconv.FormatComplex(v.Complex(), 'g', -1, v.Type().Bits()), 0, true
	case reflect.String:
		s, more = quoted(v.String(), most)
		return KindText, s, more, true
	case reflect.Func, reflect.Chan, reflect.UnsafePointer, reflect.Map, reflect.Slice:
		if v.IsNil() {
			return KindNil, "nil", 0, true
		}
	}
	switch v.Kind() {
	case reflect.Func:
		return KindFunc, "func " + runtime.FuncForPC(v.Pointer()).Name(), 0, true
	case reflect.Chan, reflect.UnsafePointer:
		return KindOther, v.Kind().String(), 0, true
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			b := v.Bytes()
			n := len(b)
			if n-utf8.UTFMax > most {
				n = most + utf8.UTFMax // no need to copy more
			}
			s, more = quoted(string(b[:n]), most)
			return KindBytes, s, more + len(b) - n, true
		}
	}
	return "", "", 0, false
}

// quoted returns the beginning of s in quotes, with at most that many bytes between
// them, and how many bytes of s are left out.
func quoted(s string, most int) (q string, more int) {
	if len(s) <= most {
		if q = strconv.Quote(s); len(q)-2 <= most {
			return q, 0
		}
	}
	b := []byte{'"'}
	i := 0
	for size := 0; i < len(s); i += size {
		_, size = utf8.DecodeRuneInString(s[i:])
		n := len(b)
		if b = strconv.AppendQuote(b, s[i:i+size]); len(b)-3 > most {
			b = b[:n]
			break
		}
		b = append(b[:n], b[n+1:len(b)-1]...)
	}
	return string(append(b, '"')), len(s) - i
}

// Known reports whether texts do not follow a pointer of type t: it is a clock, a
// network or a device, which belong to the outside, or a type, a location or a layout, each of
// which exists once.
func Known(t reflect.Type) bool {
	return t.Implements(reflect.TypeFor[world.Clock]()) || t.Implements(reflect.TypeFor[network]()) || t.Implements(reflect.TypeFor[world.Device]()) ||
		t.Implements(reflect.TypeFor[reflect.Type]()) || t == reflect.TypeFor[*time.Location]() ||
		t.Elem().PkgPath() == reflect.TypeFor[topic.Topic]().PkgPath() && t.Elem().Name() == "layout"
}

// A network is a [world.Network], or that of another package: it has a name in the same way.
type network interface{ NetworkName() string }
