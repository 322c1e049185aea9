package topic

import (
	"fmt"
	"math/bits"
	"reflect"
	"sync"
	"unsafe"
)

// maxLeaves is how many leaves of a message type can be pinned: a set of
// leaves is one machine word.
const maxLeaves = 64

// maxArray is the length up to which the elements of an array are leaves of
// their own. A longer array is one leaf.
const maxArray = 8

// A layout describes a message type: where its leaves are. It depends on the
// type alone.
type layout struct {
	typ    reflect.Type // M
	id     unsafe.Pointer
	leaves []leaf
	all    *pattern // of all messages of the type
}

// leafSet is a set of leaves, by their positions in a layout.
type leafSet uint64

func (s leafSet) has(i int) bool { return s>>i&1 == 1 }

// each calls f for every leaf of the set, in order.
func (s leafSet) each(f func(i int)) {
	for ; s != 0; s &= s - 1 {
		f(bits.TrailingZeros64(uint64(s)))
	}
}

// layouts holds the layouts made so far. A layout depends on the type alone, so no
// result depends on who made it first.
var layouts sync.Map // reflect.Type → *layout

func layoutFor[M any]() *layout { return layoutOf(reflect.TypeFor[M]()) }

func layoutOf(t reflect.Type) *layout {
	if l, ok := layouts.Load(t); ok {
		return l.(*layout)
	}
	return newLayout(t)
}

func newLayout(t reflect.Type) *layout {
	if t.Kind() == reflect.Interface || t == reflect.TypeFor[Erased]() {
		panic(fmt.Sprintf("topic: %v is not the type of a message, because messages are routed by their dynamic type: use topic.Any, or one pattern for each type", t))
	}
	l := &layout{typ: t}
	l.add(t, "", 0)
	zero := reflect.New(t).Interface()
	l.id = identity(&zero)
	l.all = &pattern{layout: l, ref: zero}
	actual, _ := layouts.LoadOrStore(t, l)
	return actual.(*layout)
}

// add appends the leaves of a value of type t at offset.
func (l *layout) add(t reflect.Type, path string, offset uintptr) {
	switch {
	case t.Kind() == reflect.Struct:
		for f := range fields(t) {
			l.add(f.Type, join(path, f.Name), offset+f.Offset)
		}
	case t.Kind() == reflect.Array && t.Len() <= maxArray:
		for i := range t.Len() {
			l.add(t.Elem(), fmt.Sprintf("%s[%d]", path, i), offset+uintptr(i)*t.Elem().Size())
		}
	case t.Size() > 0:
		l.leaves = append(l.leaves, newLeaf(t, path, offset))
	}
}

// find returns the path and the leaves of the part of type want at offset.
func (l *layout) find(want reflect.Type, offset uintptr) (path string, set leafSet, err error) {
	path, ok := locate(l.typ, want, "", 0, offset)
	if !ok {
		return "", 0, fmt.Errorf("it is no field of %v, nor part of a struct or of an array of up to %d elements in it: take the whole array instead", l.typ, maxArray)
	}
	name := join(l.typ.String(), path)
	for i, leaf := range l.leaves {
		if leaf.offset < offset || leaf.offset >= offset+want.Size() {
			continue
		}
		if i >= maxLeaves {
			return "", 0, fmt.Errorf("%s reaches beyond the first %d basic values of %v, and no more can be pinned: take a smaller part, or move it further up in %v", name, maxLeaves, l.typ, l.typ)
		}
		set |= 1 << i
	}
	if set == 0 {
		return "", 0, fmt.Errorf("%s is a %v, which has only one value: do without the field, there is nothing to pin", name, want)
	}
	return path, set, nil
}

// locate returns the path of the part of type want at offset target.
func locate(t, want reflect.Type, path string, offset, target uintptr) (string, bool) {
	if t == want && offset == target {
		return path, true
	}
	switch {
	case target < offset || target > offset+t.Size():
		return "", false
	case t.Kind() == reflect.Struct:
		for f := range fields(t) {
			if p, ok := locate(f.Type, want, join(path, f.Name), offset+f.Offset, target); ok {
				return p, true
			}
		}
	case t.Kind() == reflect.Array && t.Len() <= maxArray:
		for i := range t.Len() {
			p, ok := locate(t.Elem(), want, fmt.Sprintf("%s[%d]", path, i), offset+uintptr(i)*t.Elem().Size(), target)
			if ok {
				return p, true
			}
		}
	}
	return "", false
}

// fields yields the fields of a struct type that count in a comparison.
func fields(t reflect.Type) func(func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for i := range t.NumField() {
			if f := t.Field(i); f.Name != "_" && !yield(f) {
				return
			}
		}
	}
}

// join returns the path of the part called name in the part at path. Either may be
// empty.
func join(path, name string) string {
	if path == "" || name == "" || name[0] == '[' {
		return path + name
	}
	return path + "." + name
}
