// Package fingerprint encodes values of any type as bytes, for digests. Two runs with the
// same values have the same bytes, in every process, on every computer, whatever the
// addresses in memory. Values that differ in data have different bytes.
//
// Data are basic types, structs with exported and unexported fields, arrays, slices, maps
// in no particular order, the targets of pointers, and the types and values in interfaces.
// Some types are represented by what they stand for:
//
//	func, chan, unsafe.Pointer     whether it is nil
//	uintptr                        nothing: it is an address
//	float                          its bits; all NaNs are alike
//	time.Time                      the instant
//	*time.Location, reflect.Type   its name
//	world.Device, Clock, Network   its name
//	error                          its text; *world.Error its fields
//	sealed.Value                   its subject
//	*vm.PanicError                 the value, without the stack
//	types of package sync          nothing
//
// # Types
//
// The bytes of a value, and of a value in an interface, begin with an identification of
// the type. That is the first of these that the type has:
//
//   - the name with which the type is registered, see [world.Register];
//   - a name that this package has for it, if it is a type of this library;
//   - the word for what the values stand for, if it is in the table above: all errors are
//     represented by their texts, whatever their types;
//   - its structure: its kind, with the length of an array, and the kinds of the fields of
//     a struct, with the names under which package codec encodes the exported ones. For a
//     pointer, a slice or a map it includes the structure of the elements; for what those
//     refer to, only the kind.
//
// Names and paths in Go are not part of it, so a type can be moved and renamed. Two types
// of the same structure are not distinguished, unless they are registered. A
// [reflect.Type] is represented by its name or word as well, and otherwise by its kind.
//
// A field with the tag `fingerprint:"-"` is left out. Use it for a field that follows from
// others and may differ from run to run, like a hash with a seed.
//
// Where a value contains itself, the bytes have the distance to the outer occurrence.
// Values deeper than 1000 pointers, slices, maps and interfaces, or behind the first
// million of these, are left out.
package fingerprint

import (
	"reflect"
	"sync"
	"unsafe"
)

// The limits of a walk.
const (
	maxDepth  = 1000
	maxVisits = 1 << 20
)

// A Version says how types are identified. Everything else is the same in all versions.
type Version uint8

// The versions.
const (
	// V1 identifies a type that is not registered by the path of its package and its
	// name in Go.
	V1 Version = iota + 1

	// V2 identifies it by what does not change when it is moved or renamed.
	V2
)

// Append appends the bytes of x to dst. They begin with the identification of the type. The
// bytes of a value are never a prefix of those of another. Append may be called from any
// goroutine, as long as no other writes to x.
func (v Version) Append(dst []byte, x any) []byte {
	if x == nil {
		return append(dst, isNil)
	}
	p := v.planOf(reflect.TypeOf(x))
	if p.flat {
		return p.appendIn(dst, x, nil)
	}
	w := walks.Get().(*walk)
	w.left = maxVisits
	dst = p.appendIn(dst, x, w)
	w.within = w.within[:0]
	walks.Put(w)
	return dst
}

var walks = sync.Pool{New: func() any { return new(walk) }}

// A walk is the state of walking through a value.
type walk struct {
	within []visit // the visits that have begun and not ended
	left   int     // how many more visits there may be
}

// A visit is a visit to a value at an address.
type visit struct {
	at  unsafe.Pointer
	len int
	typ reflect.Type
}

// The byte before the target of a reference, or instead of it.
const (
	isNil    = iota
	isThere  // the target follows
	isWithin // the target contains the reference: the number of visits since it began follows
	isBeyond // the target is beyond the limits
	isBroken // a method has panicked
)

// enter begins a visit. If the target is not to be visited, it returns false, and has
// appended the reason.
func (w *walk) enter(dst []byte, v visit) ([]byte, bool) {
	for i := len(w.within) - 1; i >= 0; i-- {
		if w.within[i] == v {
			return appendUint(append(dst, isWithin), uint64(len(w.within)-i)), false
		}
	}
	if len(w.within) >= maxDepth || w.left <= 0 {
		return append(dst, isBeyond), false
	}
	w.left--
	w.within = append(w.within, v)
	return append(dst, isThere), true
}

func (w *walk) leave() {
	n := len(w.within) - 1
	w.within[n] = visit{}
	w.within = w.within[:n]
}

// eface is the memory layout of an any.
type eface struct{ typ, ptr unsafe.Pointer }

// dataOf returns what is in the second word of an any: the address of the value,
// or the value, if that is one pointer.
func dataOf(v *any) unsafe.Pointer { return (*eface)(unsafe.Pointer(v)).ptr }

// appendIn appends the head of the plan's type, and the value of that type in v.
func (p *plan) appendIn(dst []byte, v any, w *walk) []byte {
	dst = append(dst, p.head...)
	data := dataOf(&v)
	switch {
	case !p.direct:
		return p.append(dst, data, w)
	case p.elem != nil:
		return p.elem.appendTarget(dst, data, w)
	}
	place := new(unsafe.Pointer)
	*place = data
	return p.append(dst, unsafe.Pointer(place), w)
}
