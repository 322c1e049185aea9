package codec

import (
	"bytes"
	"reflect"
	"slices"
	"strconv"

	"github.com/go-marketplace/marketplace/world"
)

// This file encodes and decodes values that have parts.

// initialCap is how many elements are allocated at once because of a length in the data,
// which may be wrong.
const initialCap = 16

func (p *plan) writePointer(dst []byte, v reflect.Value, depth int, c *Codec) ([]byte, error) {
	if v.IsNil() {
		return append(dst, null), nil
	}
	if p.null {
		// A pointer to a value that is null is not a nil pointer.
		if depth >= maxDepth {
			return nil, tooDeep()
		}
		dst = append(dst, array|1)
		depth++
	}
	return p.write(dst, v.Elem(), depth, c)
}

func (p *plan) readPointer(r *reader, v reflect.Value, depth int) error {
	if r.null() {
		return nil
	}
	if p.null {
		if depth >= maxDepth {
			return tooDeep()
		}
		if r.peek() != array|1 {
			return r.unexpected("an array of one element")
		}
		r.at++
		depth++
	}
	e := reflect.New(p.typ)
	v.Set(e.Convert(v.Type()))
	return p.read(r, e.Elem(), depth)
}

func (p *plan) writeSlice(dst []byte, v reflect.Value, depth int, c *Codec) ([]byte, error) {
	if v.IsNil() {
		return append(dst, null), nil
	}
	return p.writeArray(dst, v, depth, c)
}

func (p *plan) writeArray(dst []byte, v reflect.Value, depth int, c *Codec) (_ []byte, err error) {
	if depth >= maxDepth {
		return nil, tooDeep()
	}
	n := v.Len()
	dst = appendHead(dst, array, uint64(n))
	for i := range n {
		if dst, err = p.write(dst, v.Index(i), depth+1, c); err != nil {
			return nil, withIndex(i, err)
		}
	}
	return dst, nil
}

func (p *plan) readSlice(r *reader, v reflect.Value, depth int) error {
	if r.null() {
		return nil
	}
	if depth >= maxDepth {
		return tooDeep()
	}
	n, err := r.length(array, 1)
	if err != nil {
		return err
	}
	v.Set(reflect.MakeSlice(v.Type(), min(n, initialCap), min(n, initialCap)))
	for i := range n {
		if i == v.Len() {
			v.Grow(min(n-i, i))
			v.SetLen(min(n, v.Cap()))
		}
		if err := p.read(r, v.Index(i), depth+1); err != nil {
			return withIndex(i, err)
		}
	}
	return nil
}

func (p *plan) readArray(r *reader, v reflect.Value, depth int) error {
	if depth >= maxDepth {
		return tooDeep()
	}
	start := r.at
	n, err := r.length(array, 1)
	if err != nil {
		return err
	}
	if n != v.Len() {
		return wrongLength(start, n, v.Type())
	}
	for i := range n {
		if err := p.read(r, v.Index(i), depth+1); err != nil {
			return withIndex(i, err)
		}
	}
	return nil
}

// A record is the plan of a struct.
type record struct{ fields []field } // in the order of their keys

type field struct {
	name  string
	key   []byte // its name, as written
	index int
	plan  *plan
}

func (s *record) write(dst []byte, v reflect.Value, depth int, c *Codec) (_ []byte, err error) {
	if depth >= maxDepth {
		return nil, tooDeep()
	}
	dst = appendHead(dst, mapping, uint64(len(s.fields)))
	for i := range s.fields {
		f := &s.fields[i]
		dst = append(dst, f.key...)
		if dst, err = f.plan.write(dst, v.Field(f.index), depth+1, c); err != nil {
			return nil, withPath("."+f.name, err)
		}
	}
	return dst, nil
}

func (s *record) read(r *reader, v reflect.Value, depth int) error {
	if depth >= maxDepth {
		return tooDeep()
	}
	n, err := r.length(mapping, 2)
	if err != nil {
		return err
	}
	next := 0
	for range n {
		// It is usually the next one. No key is a prefix of another.
		if next < len(s.fields) && bytes.HasPrefix(r.data[r.at:], s.fields[next].key) {
			r.at += len(s.fields[next].key)
		} else if next, err = s.find(r, next, v.Type()); err != nil {
			return err
		}
		f := &s.fields[next]
		if err := f.plan.read(r, v.Field(f.index), depth+1); err != nil {
			return withPath("."+f.name, err)
		}
		next++
	}
	return nil
}

// find reads the name of a field, which is not before the one with number next,
// and returns its number.
func (s *record) find(r *reader, next int, t reflect.Type) (int, error) {
	start := r.at
	name, err := r.string()
	if err != nil {
		return next, err
	}
	key := r.data[start:r.at]
	// The data lacks fields that were added to the type later.
	for next < len(s.fields) && bytes.Compare(s.fields[next].key, key) < 0 {
		next++
	}
	if next == len(s.fields) || !bytes.Equal(s.fields[next].key, key) {
		return next, refuse("the field ", strconv.Quote(string(name)), " at byte ", strconv.Itoa(start), " is not one of ", t.String(), ", or out of order")
	}
	return next, nil
}

// A pairs is the plan of a map.
type pairs struct{ key, elem *plan }

func (m *pairs) write(dst []byte, v reflect.Value, depth int, c *Codec) (_ []byte, err error) {
	if v.IsNil() {
		return append(dst, null), nil
	}
	if depth >= maxDepth {
		return nil, tooDeep()
	}
	dst = appendHead(dst, mapping, uint64(v.Len()))
	if v.Len() == 0 {
		return dst, nil
	}
	// Write the pairs, and then sort them.
	start := len(dst)
	ends := make([]span, 0, v.Len())
	for k, e := range v.Seq2() {
		if !k.Equal(k) {
			return nil, withPath("[key]", refuse("a key that is not equal to itself cannot be restored"))
		}
		s := span{from: len(dst) - start}
		if dst, err = m.key.write(dst, k, depth+1, c); err != nil {
			return nil, withPath("[key]", err)
		}
		s.key = len(dst) - start
		if dst, err = m.elem.write(dst, e, depth+1, c); err != nil {
			return nil, withPath("[]", err)
		}
		s.to = len(dst) - start
		ends = append(ends, s)
	}
	all := slices.Clone(dst[start:])
	slices.SortFunc(ends, func(a, b span) int { return bytes.Compare(all[a.from:a.key], all[b.from:b.key]) })
	dst = dst[:start]
	for i, s := range ends {
		if i > 0 && bytes.Equal(all[ends[i-1].from:ends[i-1].key], all[s.from:s.key]) {
			return nil, withPath("[key]", refuse("two keys are written alike"))
		}
		dst = append(dst, all[s.from:s.to]...)
	}
	return dst, nil
}

// A span is the position of a pair: its key, and then its element.
type span struct{ from, key, to int }

func (m *pairs) read(r *reader, v reflect.Value, depth int) error {
	if r.null() {
		return nil
	}
	if depth >= maxDepth {
		return tooDeep()
	}
	n, err := r.length(mapping, 2)
	if err != nil {
		return err
	}
	v.Set(reflect.MakeMapWithSize(v.Type(), min(n, initialCap)))
	var last []byte
	for i := range n {
		k, e := reflect.New(m.key.typ).Elem(), reflect.New(m.elem.typ).Elem()
		start := r.at
		if err := m.key.read(r, k, depth+1); err != nil {
			return withPath("[key]", err)
		}
		key := r.data[start:r.at]
		if i > 0 && bytes.Compare(last, key) >= 0 {
			return refuse("the key at byte ", strconv.Itoa(start), " is there twice, or out of order")
		}
		last = key
		if err := m.elem.read(r, e, depth+1); err != nil {
			return withPath("[]", err)
		}
		v.SetMapIndex(k, e)
		if v.Len() != i+1 {
			return refuse("the key at byte ", strconv.Itoa(start), " is there twice")
		}
	}
	return nil
}

func writeInterface(dst []byte, v reflect.Value, depth int, c *Codec) ([]byte, error) {
	if v.IsNil() {
		return append(dst, null), nil
	}
	v = v.Elem()
	dst, err := writeNamed(dst, v, depth, c)
	if e, ok := err.(*Error); ok && e.Path != "" {
		err = withType(v.Type(), err)
	}
	return dst, inInterface(err)
}

// writeNamed appends the array of the name of a type and a value of it.
func writeNamed(dst []byte, v reflect.Value, depth int, c *Codec) ([]byte, error) {
	if depth >= maxDepth {
		return nil, tooDeep()
	}
	k, err := namedPlanOf(v.Type())
	if err != nil {
		return nil, err
	}
	return k.write(append(dst, k.head...), v, depth+1, c)
}

// inInterface returns the error of a value in an interface as one of the value that has the
// interface.
func inInterface(err error) error {
	e, ok := err.(*Error)
	if !ok || e.Type == "" {
		return err
	}
	return &Error{Path: "(" + e.Type + ")" + e.Path, Reason: e.Reason, Err: e.Err}
}

func readInterface(r *reader, v reflect.Value, depth int) error {
	if r.null() {
		return nil
	}
	start := r.at
	e, err := readNamed(r, depth)
	if err != nil {
		return inInterface(err)
	}
	if !e.Type().AssignableTo(v.Type()) {
		return refuse("the value at byte ", strconv.Itoa(start), " is of type ", nameOf(e.Type()), ", which does not implement ", v.Type().String())
	}
	v.Set(e)
	return nil
}

// readNamed reads a value with the name of its type.
func readNamed(r *reader, depth int) (reflect.Value, error) {
	if depth >= maxDepth {
		return reflect.Value{}, tooDeep()
	}
	name, err := readName(r)
	if err != nil {
		return reflect.Value{}, err
	}
	t, ok := world.Registered(string(name))
	if !ok {
		return reflect.Value{}, refuse("no type is registered as ", strconv.Quote(string(name)), " in this program; does it import the package that has the type?")
	}
	k, err := planOf(t)
	if err != nil {
		return reflect.Value{}, err
	}
	v := reflect.New(t).Elem()
	if err := k.read(r, v, depth+1); err != nil {
		return v, withType(t, err)
	}
	return v, nil
}

// readName reads the name of the type before a value.
func readName(r *reader) ([]byte, error) {
	if r.peek() != array|2 {
		return nil, r.unexpected("an array of a name and a value")
	}
	r.at++
	return r.string()
}
