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

// Append appends the bytes of v, which begin with the name of its type, to dst.
// No bytes of a value begin with those of another. Append may be called from any
// goroutine, while nobody writes to v.
func Append(dst []byte, v any) []byte {
	if v == nil {
		return append(dst, isNil)
	}
	p := planOf(reflect.TypeOf(v))
	if p.flat {
		return p.appendIn(dst, v, nil)
	}
	w := walks.Get().(*walk)
	w.left = maxVisits
	dst = p.appendIn(dst, v, w)
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
