package fingerprint

import (
	"bytes"
	"encoding/binary"
	"math"
	"reflect"
	"slices"
	"unsafe"
)

func appendUint(dst []byte, n uint64) []byte { return binary.AppendUvarint(dst, n) }

func appendText(dst []byte, s string) []byte {
	return append(appendUint(dst, uint64(len(s))), s...)
}

// basic returns the appender for values of a kind without parts.
func basic(k reflect.Kind) appender {
	switch k {
	case reflect.Bool:
		return func(dst []byte, at unsafe.Pointer, _ *walk) []byte {
			if *(*bool)(at) {
				return append(dst, 1)
			}
			return append(dst, 0)
		}
	case reflect.Int:
		return signed[int]
	case reflect.Int8:
		return signed[int8]
	case reflect.Int16:
		return signed[int16]
	case reflect.Int32:
		return signed[int32]
	case reflect.Int64:
		return signed[int64]
	case reflect.Uint:
		return unsigned[uint]
	case reflect.Uint8:
		return unsigned[uint8]
	case reflect.Uint16:
		return unsigned[uint16]
	case reflect.Uint32:
		return unsigned[uint32]
	case reflect.Uint64:
		return unsigned[uint64]
	case reflect.Float32:
		return func(dst []byte, at unsafe.Pointer, _ *walk) []byte {
			return appendFloat(dst, float64(*(*float32)(at)))
		}
	case reflect.Float64:
		return func(dst []byte, at unsafe.Pointer, _ *walk) []byte { return appendFloat(dst, *(*float64)(at)) }
	case reflect.Complex64:
		return func(dst []byte, at unsafe.Pointer, _ *walk) []byte {
			return appendComplex(dst, complex128(*(*complex64)(at)))
		}
	case reflect.Complex128:
		return func(dst []byte, at unsafe.Pointer, _ *walk) []byte { return appendComplex(dst, *(*complex128)(at)) }
	case reflect.String:
		return func(dst []byte, at unsafe.Pointer, _ *walk) []byte { return appendText(dst, *(*string)(at)) }
	case reflect.Func, reflect.Chan, reflect.UnsafePointer:
		return appendIsNil
	}
	return appendNothing // uintptr
}

func signed[T ~int | ~int8 | ~int16 | ~int32 | ~int64](dst []byte, at unsafe.Pointer, _ *walk) []byte {
	return binary.AppendVarint(dst, int64(*(*T)(at)))
}

func unsigned[T ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64](dst []byte, at unsafe.Pointer, _ *walk) []byte {
	return appendUint(dst, uint64(*(*T)(at)))
}

// appendFloat appends the bits of a float. It makes all NaNs alike, because their bits
// depend on the processor.
func appendFloat(dst []byte, f float64) []byte {
	if f != f {
		f = math.NaN()
	}
	return binary.BigEndian.AppendUint64(dst, math.Float64bits(f))
}

func appendComplex(dst []byte, c complex128) []byte {
	return appendFloat(appendFloat(dst, real(c)), imag(c))
}

func appendNothing(dst []byte, _ unsafe.Pointer, _ *walk) []byte { return dst }

// appendIsNil appends whether the pointer at an address is nil.
func appendIsNil(dst []byte, at unsafe.Pointer, _ *walk) []byte {
	if *(*unsafe.Pointer)(at) == nil {
		return append(dst, isNil)
	}
	return append(dst, isThere)
}

func appendBytes(dst []byte, at unsafe.Pointer, _ *walk) []byte {
	b := *(*[]byte)(at)
	if b == nil {
		return append(dst, isNil)
	}
	return append(appendUint(append(dst, isThere), uint64(len(b))), b...)
}

// appendInterface returns the appender for the values in an interface of type t.
func (v Version) appendInterface(t reflect.Type) appender {
	if t.NumMethod() == 0 {
		return func(dst []byte, at unsafe.Pointer, w *walk) []byte { return v.appendAny(dst, *(*any)(at), w) }
	}
	return func(dst []byte, at unsafe.Pointer, w *walk) []byte {
		return v.appendAny(dst, reflect.NewAt(t, at).Elem().Interface(), w)
	}
}

func (v Version) appendAny(dst []byte, x any, w *walk) []byte {
	if x == nil {
		return append(dst, isNil)
	}
	return v.planOf(reflect.TypeOf(x)).appendIn(dst, x, w)
}

// appendMap appends the number of pairs in a map, and the pairs in the order of their
// bytes.
func appendMap(dst []byte, m reflect.Value, key, elem *plan, w *walk) []byte {
	dst = appendUint(dst, uint64(m.Len()))
	if m.Len() == 0 {
		return dst
	}
	start := len(dst)
	spans := make([][2]int, 0, m.Len())
	k, e := reflect.New(key.typ), reflect.New(elem.typ)
	for i := m.MapRange(); i.Next(); {
		k.Elem().SetIterKey(i)
		e.Elem().SetIterValue(i)
		from := len(dst) - start
		dst = key.append(dst, k.UnsafePointer(), w)
		dst = elem.append(dst, e.UnsafePointer(), w)
		spans = append(spans, [2]int{from, len(dst) - start})
	}
	if len(spans) == 1 {
		return dst
	}
	all := slices.Clone(dst[start:])
	slices.SortFunc(spans, func(a, b [2]int) int { return bytes.Compare(all[a[0]:a[1]], all[b[0]:b[1]]) })
	dst = dst[:start]
	for _, s := range spans {
		dst = append(dst, all[s[0]:s[1]]...)
	}
	return dst
}
