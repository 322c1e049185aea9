package topic

import (
	"hash/maphash"
	"math"
	"reflect"
	"unsafe"
)

// A leaf is one of the basic values that a message type is made of. This file
// compares and hashes leaves, which happens for every message: it does so by kind,
// and mostly without reflection.
type leaf struct {
	path   string // as in Go: To.Port
	offset uintptr
	size   uintptr
	kind   leafKind
	typ    reflect.Type
}

type leafKind uint8

const (
	bits8 leafKind = iota
	bits16
	bits32
	bits64
	float32s
	float64s
	text
	memory    // an array of bytes or the like: equal if the bytes in memory are
	pointer   // equal if the addresses are
	anything  // an empty interface
	reflected // any other comparable kind, compared by reflection
	unpinnable
)

// isBits reports whether leaves of the kind are equal if their bits are, and
// have no more than 64 of them.
func (k leafKind) isBits() bool { return k <= bits64 || k == pointer }

// isLoose reports whether leaves of the kind can be equal and have different texts,
// or can hold values that cannot be compared.
func (k leafKind) isLoose() bool {
	return k == float32s || k == float64s || k == anything || k == reflected
}

func newLeaf(t reflect.Type, path string, offset uintptr) leaf {
	return leaf{path: path, offset: offset, size: t.Size(), kind: kindOf(t), typ: t}
}

func kindOf(t reflect.Type) leafKind {
	switch t.Kind() {
	case reflect.Bool, reflect.Int8, reflect.Uint8:
		return bits8
	case reflect.Int16, reflect.Uint16:
		return bits16
	case reflect.Int32, reflect.Uint32:
		return bits32
	case reflect.Int64, reflect.Uint64:
		return bits64
	case reflect.Int, reflect.Uint, reflect.Uintptr:
		if t.Size() == 4 {
			return bits32
		}
		return bits64
	case reflect.Float32:
		return float32s
	case reflect.Float64:
		return float64s
	case reflect.String:
		return text
	case reflect.Pointer, reflect.Chan, reflect.UnsafePointer:
		return pointer
	case reflect.Interface:
		if t.NumMethod() == 0 {
			return anything
		}
		return reflected
	case reflect.Array:
		if isMemory(t.Elem()) {
			return memory
		}
	}
	if t.Comparable() {
		return reflected
	}
	return unpinnable
}

// isMemory reports whether values of type t are equal exactly if they are the
// same in memory.
func isMemory(t reflect.Type) bool {
	if t.Kind() == reflect.Array {
		return isMemory(t.Elem())
	}
	k := kindOf(t)
	return k.isBits() && k != pointer
}

// value returns the leaf of the message at m.
func (l *leaf) value(m unsafe.Pointer) any { return l.at(m).Interface() }

func (l *leaf) at(m unsafe.Pointer) reflect.Value {
	return reflect.NewAt(l.typ, unsafe.Add(m, l.offset)).Elem()
}

// equal reports whether the leaves of the messages at a and b are equal. One of
// them is pinned.
func (l *leaf) equal(a, b unsafe.Pointer) bool {
	a, b = unsafe.Add(a, l.offset), unsafe.Add(b, l.offset)
	switch l.kind {
	case bits8:
		return *(*uint8)(a) == *(*uint8)(b)
	case bits16:
		return *(*uint16)(a) == *(*uint16)(b)
	case bits32:
		return *(*uint32)(a) == *(*uint32)(b)
	case bits64:
		return *(*uint64)(a) == *(*uint64)(b)
	case float32s:
		return *(*float32)(a) == *(*float32)(b)
	case float64s:
		return *(*float64)(a) == *(*float64)(b)
	case text:
		return *(*string)(a) == *(*string)(b)
	case memory:
		return l.bytes(a) == l.bytes(b)
	case pointer:
		return *(*unsafe.Pointer)(a) == *(*unsafe.Pointer)(b)
	case anything:
		return same(*(*any)(a), *(*any)(b))
	case reflected:
		return same(reflect.NewAt(l.typ, a).Elem().Interface(), reflect.NewAt(l.typ, b).Elem().Interface())
	default:
		return false
	}
}

// bytes returns the memory of the leaf, which is at a.
func (l *leaf) bytes(a unsafe.Pointer) string { return unsafe.String((*byte)(a), l.size) }

// copy sets the leaf of the message at dst to that of the one at src.
func (l *leaf) copy(dst, src unsafe.Pointer) {
	dst, src = unsafe.Add(dst, l.offset), unsafe.Add(src, l.offset)
	switch l.kind {
	case bits8:
		*(*uint8)(dst) = *(*uint8)(src)
	case bits16:
		*(*uint16)(dst) = *(*uint16)(src)
	case bits32, float32s:
		*(*uint32)(dst) = *(*uint32)(src)
	case bits64, float64s:
		*(*uint64)(dst) = *(*uint64)(src)
	case text:
		*(*string)(dst) = *(*string)(src)
	case pointer:
		*(*unsafe.Pointer)(dst) = *(*unsafe.Pointer)(src)
	default:
		reflect.NewAt(l.typ, dst).Elem().Set(reflect.NewAt(l.typ, src).Elem())
	}
}

// hash folds the leaf of the message at m into h. Equal leaves have equal
// hashes.
func (l *leaf) hash(m unsafe.Pointer, h uint64) uint64 {
	m = unsafe.Add(m, l.offset)
	switch l.kind {
	case bits8:
		return mix(h, uint64(*(*uint8)(m)))
	case bits16:
		return mix(h, uint64(*(*uint16)(m)))
	case bits32:
		return mix(h, uint64(*(*uint32)(m)))
	case bits64:
		return mix(h, *(*uint64)(m))
	case float32s:
		return hashFloat(h, float64(*(*float32)(m)))
	case float64s:
		return hashFloat(h, *(*float64)(m))
	case text:
		return mix(h, maphash.String(seed, *(*string)(m)))
	case memory:
		return mix(h, maphash.String(seed, l.bytes(m)))
	case pointer:
		return mix(h, uint64(uintptr(*(*unsafe.Pointer)(m))))
	case anything:
		return hashAny(h, *(*any)(m))
	default:
		return hashAny(h, reflect.NewAt(l.typ, m).Elem().Interface())
	}
}

// seed is random, so that nobody can choose texts that all have the same hash. No
// result of this package depends on it.
var seed = maphash.MakeSeed()

// mix folds v into h.
func mix(h, v uint64) uint64 {
	h = (h ^ v) * 0x9E3779B97F4A7C15
	return h ^ h>>32
}

func hashFloat(h uint64, f float64) uint64 {
	if f == 0 {
		f = 0 // zero and minus zero are equal
	}
	return mix(h, math.Float64bits(f))
}

// same reports whether a, which is pinned, and b are equal. It does not panic,
// whatever b is: a pinned value is comparable, and so are the values in its
// interfaces, and == does not look into values of another type.
func same(a, b any) bool { return a == b }

// isComparable reports whether == on v is safe.
func isComparable(v any) bool { return v == nil || canCompare(reflect.ValueOf(v)) }

// canCompare is [reflect.Value.Comparable], but does not allocate.
func canCompare(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Interface:
		return v.IsNil() || canCompare(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			if !canCompare(v.Field(i)) {
				return false
			}
		}
		return true
	case reflect.Array:
		if k := v.Type().Elem().Kind(); k == reflect.Interface || k == reflect.Struct || k == reflect.Array {
			for i := range v.Len() {
				if !canCompare(v.Index(i)) {
					return false
				}
			}
			return true
		}
	}
	return v.Type().Comparable()
}

func hashAny(h uint64, v any) uint64 {
	switch v := v.(type) {
	case nil:
		return mix(h, 1)
	case string:
		return mix(h, maphash.String(seed, v))
	case int:
		return mix(h, uint64(v))
	}
	if !isComparable(v) {
		return h // equal to nothing, so any hash is right
	}
	return mix(h, maphash.Comparable(seed, v))
}
