// Package fingerprint makes bytes of values of any type, for digests: two runs
// that have the same values have the same bytes, in every process, on every
// computer, and whatever addresses things have in memory. Values that differ
// have different bytes, as far as they differ in data.
//
// These are data, with all that can be reached from them, in fields that are
// exported and others: basic types, structs, arrays, slices, maps in no
// particular order, what pointers point to, and the types and values of
// interfaces. Some types are told by what they stand for:
//
//	func, chan, unsafe.Pointer     whether it is nil
//	uintptr                        nothing: it is an address
//	float                          its bits; all that are no numbers are alike
//	time.Time                      the instant
//	*time.Location, reflect.Type   its name
//	world.Device, Clock, Network   its name
//	error                          its text; *world.Error its fields
//	*vm.PanicError                 the value, without the stack
//	types of package sync          nothing
//
// # Types
//
// The bytes of a value, and of what is in an interface, begin with what tells the
// type. That is, the first that there is:
//
//   - the name with which the type is registered, see [world.Register];
//   - a name that this package has for it, if it is a type of this library;
//   - the word for what the values stand for, if it is in the table above: all
//     errors are told by their texts, whatever their types;
//   - its structure: its kind, with the length of an array, and the kinds of the
//     fields of a struct, with the names under which package codec writes those
//     that are exported. Of a pointer, a slice and a map it has that of the
//     elements, too; what those refer to is told by its kind.
//
// A name or a path in Go is no part of it, so a type can be moved and renamed. Two
// types of the same structure are not told apart, unless they are registered. A
// [reflect.Type] is told by its name or word as well, and otherwise by its kind
// alone.
//
// A field with the tag `fingerprint:"-"` tells nothing: it follows from others,
// and may differ from run to run, like a hash with a seed.
//
// A value that is part of itself is told by how far in it lies. What lies
// deeper than 1000 pointers, slices, maps and interfaces, or is behind the first
// million of these, is left out.
package fingerprint

import (
	"reflect"
	"sync"
	"unsafe"
)

// The limits of what is looked at.
const (
	maxDepth  = 1000
	maxVisits = 1 << 20
)

// A Version says how types are told. All else is alike in all versions.
type Version uint8

// The versions.
const (
	// V1 tells a type that is not registered by the path of its package and its
	// name in Go.
	V1 Version = iota + 1

	// V2 tells it by what does not change when it is moved or renamed.
	V2
)

// Append appends the bytes of x, which begin with what tells its type, to dst. No
// bytes of a value begin with those of another. Append may be called from any
// goroutine, while nobody writes to x.
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

// A walk is what is known on the way through a value.
type walk struct {
	within []visit // what is being looked at
	left   int     // how many more visits there may be
}

// A visit is to what is in memory at a place.
type visit struct {
	at  unsafe.Pointer
	len int
	typ reflect.Type
}

// What is written before what something refers to, or instead of it.
const (
	isNil    = iota
	isThere  // what it refers to follows
	isWithin // it is being looked at: how many visits ago
	isBeyond // there are the limits
	isBroken // a method has panicked
)

// enter begins a visit. If there is none, it returns false, and has appended
// why.
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

// word is how the runtime lays out an any.
type word struct{ typ, ptr unsafe.Pointer }

// dataOf returns what is in the second word of an any: the address of the value,
// or the value, if that is one pointer.
func dataOf(v *any) unsafe.Pointer { return (*word)(unsafe.Pointer(v)).ptr }

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
