package fingerprint

import (
	"reflect"
	"sync"
	"unsafe"
)

// A plan encodes the values of a type. There is one for each type and version.
type plan struct {
	typ reflect.Type

	// head is the beginning of the bytes of a value in an interface: isThere, and the
	// identification of the type.
	head []byte

	append appender

	flat   bool  // the type limits the depth of what can be reached from a value
	direct bool  // an interface has the value itself, and not its address
	elem   *plan // for a pointer that is followed: the plan of its target
}

// An appender appends the bytes of the value at an address. The walk may be nil if the plan
// is flat.
type appender func(dst []byte, at unsafe.Pointer, w *walk) []byte

// plans has, for each version, the plan of each type that was used. A plan depends only on
// the type.
var plans [V2 + 1]sync.Map

func (v Version) planOf(t reflect.Type) *plan {
	if p, ok := plans[v].Load(t); ok {
		return p.(*plan)
	}
	p, _ := plans[v].LoadOrStore(t, compiler{v, map[reflect.Type]*plan{}}.compile(t))
	return p.(*plan)
}

// A compiler makes plans. It keeps those that it has begun, because a type can contain
// itself.
type compiler struct {
	version Version
	begun   map[reflect.Type]*plan
}

func (c compiler) compile(t reflect.Type) *plan {
	if p, ok := c.begun[t]; ok {
		return p
	}
	p := &plan{typ: t, head: headOf(c.version, t), direct: isDirect(t)}
	c.begun[t] = p
	if s := specialOf(t); s.word != "" {
		p.flat, p.append = s.flat, s.append(c.version)
		return p
	}
	switch t.Kind() {
	case reflect.Pointer:
		p.pointer(c)
	case reflect.Slice:
		p.slice(c)
	case reflect.Array:
		p.array(c)
	case reflect.Map:
		p.mapping(c)
	case reflect.Struct:
		p.record(c)
	case reflect.Interface:
		p.append = c.version.appendInterface(t)
	default:
		p.append, p.flat = basic(t.Kind()), true
	}
	return p
}

// isDirect reports whether an interface has values of a type itself, and not their
// addresses. Then the data word of the zero value is nil.
func isDirect(t reflect.Type) bool {
	if t.Kind() == reflect.Interface {
		return false
	}
	v := reflect.New(t).Elem().Interface()
	return dataOf(&v) == nil
}

func (p *plan) pointer(c compiler) {
	e := c.compile(p.typ.Elem())
	p.elem, p.flat = e, e.flat
	p.append = func(dst []byte, at unsafe.Pointer, w *walk) []byte {
		return e.appendTarget(dst, *(*unsafe.Pointer)(at), w)
	}
}

// appendTarget appends the target of a pointer.
func (p *plan) appendTarget(dst []byte, target unsafe.Pointer, w *walk) []byte {
	if target == nil {
		return append(dst, isNil)
	}
	if p.flat {
		return p.append(append(dst, isThere), target, w)
	}
	dst, ok := w.enter(dst, visit{target, 0, p.typ})
	if ok {
		dst = p.append(dst, target, w)
		w.leave()
	}
	return dst
}

func (p *plan) slice(c compiler) {
	e := c.compile(p.typ.Elem())
	p.flat = e.flat
	size := p.typ.Elem().Size()
	if e.typ.Kind() == reflect.Uint8 && e.flat {
		p.append = appendBytes
		return
	}
	p.append = func(dst []byte, at unsafe.Pointer, w *walk) []byte {
		s := (*slice)(at)
		if s.data == nil {
			return append(dst, isNil)
		}
		if e.flat {
			return e.appendAll(append(dst, isThere), s.data, s.len, size, nil)
		}
		dst, ok := w.enter(dst, visit{s.data, s.len + 1, e.typ})
		if ok {
			dst = e.appendAll(dst, s.data, s.len, size, w)
			w.leave()
		}
		return dst
	}
}

// slice is the memory layout of a slice.
type slice struct {
	data     unsafe.Pointer
	len, cap int
}

// appendAll appends the number n and the bytes of n values that follow each other in
// memory.
func (p *plan) appendAll(dst []byte, at unsafe.Pointer, n int, size uintptr, w *walk) []byte {
	dst = appendUint(dst, uint64(n))
	for i := range n {
		dst = p.append(dst, unsafe.Add(at, uintptr(i)*size), w)
	}
	return dst
}

func (p *plan) array(c compiler) {
	e := c.compile(p.typ.Elem())
	p.flat = e.flat
	n, size := p.typ.Len(), p.typ.Elem().Size()
	p.append = func(dst []byte, at unsafe.Pointer, w *walk) []byte { return e.appendAll(dst, at, n, size, w) }
}

func (p *plan) record(c compiler) {
	type field struct {
		offset uintptr
		plan   *plan
	}
	var fields []field
	flat := true
	for _, f := range fieldsOf(p.typ) {
		e := c.compile(f.Type)
		flat = flat && e.flat
		fields = append(fields, field{f.Offset, e})
	}
	p.flat = flat
	p.append = func(dst []byte, at unsafe.Pointer, w *walk) []byte {
		for i := range fields {
			f := &fields[i]
			dst = f.plan.append(dst, unsafe.Add(at, f.offset), w)
		}
		return dst
	}
}

func (p *plan) mapping(c compiler) {
	key, elem := c.compile(p.typ.Key()), c.compile(p.typ.Elem())
	p.append = func(dst []byte, at unsafe.Pointer, w *walk) []byte {
		m := reflect.NewAt(p.typ, at).Elem()
		if m.IsNil() {
			return append(dst, isNil)
		}
		dst, ok := w.enter(dst, visit{m.UnsafePointer(), 0, p.typ})
		if ok {
			dst = appendMap(dst, m, key, elem, w)
			w.leave()
		}
		return dst
	}
}
