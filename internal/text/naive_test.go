package text

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/go-marketplace/marketplace/topic/selftext"
	"github.com/go-marketplace/marketplace/world"
)

// naive returns the text that the zero Printer must have for v, as simply as
// possible. Journals keep such texts, so this never changes.
func naive(v reflect.Value, named bool, depth int) string {
	switch {
	case !v.IsValid(), (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) && v.IsNil():
		return "nil"
	case v.CanInterface():
		switch x := v.Interface().(type) {
		case time.Time:
			return x.Format(time.RFC3339Nano)
		case world.Device:
			return deviceName(x)
		}
		if v.Kind() != reflect.Interface {
			if s, ok := selftext.Of(v); ok {
				return s
			}
		}
	}
	if s, ok := Basic(v); ok {
		if named && v.Type().PkgPath() != "" && v.Type().Name() != "" {
			return selftext.NameOf(v.Type()) + "(" + s + ")"
		}
		return s
	}
	if depth == 12 {
		return "…"
	}
	name := ""
	if named && v.Type().Name() != "" {
		name = selftext.NameOf(v.Type())
	}
	var parts []string
	switch v.Kind() {
	case reflect.Pointer:
		if Known(v.Type()) {
			return selftext.NameOf(v.Type())
		}
		return "&" + naive(v.Elem(), named, depth+1)
	case reflect.Interface:
		return naive(v.Elem(), true, depth+1)
	case reflect.Struct:
		if !v.CanAddr() && v.CanInterface() {
			c := reflect.New(v.Type()).Elem()
			c.Set(v)
			v = c
		}
		for i := range v.NumField() {
			parts = append(parts, v.Type().Field(i).Name+": "+naive(field(v, i), false, depth+1))
		}
	case reflect.Map:
		for k, e := range v.Seq2() {
			parts = append(parts, naive(k, false, depth+1)+": "+naive(e, false, depth+1))
		}
		slices.Sort(parts)
	default:
		for i := range v.Len() {
			parts = append(parts, naive(v.Index(i), false, depth+1))
		}
		return name + "[" + strings.Join(parts, ", ") + "]"
	}
	return name + "{" + strings.Join(parts, ", ") + "}"
}
