package topic

import (
	"fmt"
	"reflect"
	"slices"
	"unsafe"
)

// An Index holds values of type T, each under a topic. It finds those whose topics
// match a message, or intersect with a topic. Results are in the order of the
// values; the history of the index does not matter.
//
// The topics over one message type that pin the same fields have one hash table. So
// [Index.Match] takes one look-up for each combination of pinned fields that is in
// use, however many topics there are. With globs it takes more: a message is
// compared with the globs of all topics that pin the same values.
//
// An Index is not safe for concurrent use.
type Index[T any] struct {
	compare        func(a, b T) int
	compareEntries func(a, b entry[T]) int
	shelves        []*shelf[T]
	byType         map[unsafe.Pointer]*shelf[T] // made when there are many
	any            ordered[T]                   // under Any
	size           int
	matched        map[unsafe.Pointer]bool // message types of shelves that are gone, and have had matches
}

// A shelf holds the values under topics over one message type, by shape: which
// leaves a topic pins.
type shelf[T any] struct {
	id      unsafe.Pointer // of the message type
	shapes  []*shape[T]
	matched bool // a message has matched
}

// With more than manyShelves message types, a hash table is faster than a search.
const manyShelves = 8

// NewIndex returns an empty index. Its results are in the order of compare, which
// returns a negative number if a comes before b, zero if they are the same value,
// and a positive number otherwise. Values under equivalent topics must differ.
func NewIndex[T any](compare func(a, b T) int) *Index[T] {
	return &Index[T]{
		compare:        compare,
		compareEntries: func(a, b entry[T]) int { return compare(a.value, b.value) },
	}
}

// Len returns the number of values in the index.
func (x *Index[T]) Len() int { return x.size }

// Add stores v under t. It panics if v is there already, or if t is the zero
// Topic.
func (x *Index[T]) Add(t Topic, v T) {
	if t.p == nil {
		panic(fmt.Sprintf("topic: Index.Add(%v) under the zero Topic, which matches nothing: use topic.Any or the Topic of a pattern", v))
	}
	if t.p.isAny() {
		s, found := x.any.seek(v, x.compare)
		if found {
			panicTwice(t.p, v)
		}
		x.any.insert(s, v)
		x.size++
		return
	}
	s := x.shelf(t.p.layout.id)
	if s == nil {
		s = x.newShelf(t.p.layout.id)
	}
	sh := s.shapeOf(t.p)
	if sh == nil {
		sh = newShape[T](t.p)
		s.shapes = append(s.shapes, sh)
	}
	sh.add(x, t.p, v)
	x.size++
}

func panicTwice(p *pattern, v any) {
	panic(fmt.Sprintf("topic: Index.Add(%v) under %v, where it is already: values under equivalent topics must differ, so add what tells them apart", v, Topic{p}))
}

// Remove removes v, which is stored under t or a topic that is equivalent to t. It
// reports false if v is not there.
func (x *Index[T]) Remove(t Topic, v T) bool {
	removed := false
	switch {
	case t.p == nil:
	case t.p.isAny():
		var s spot
		if s, removed = x.any.seek(v, x.compare); removed {
			x.any.remove(s)
		}
	default:
		if s := x.shelf(t.p.layout.id); s != nil {
			if sh := s.shapeOf(t.p); sh != nil {
				removed = sh.remove(x, t.p, v)
				if sh.size == 0 {
					x.dismantle(s, sh)
				}
			}
		}
	}
	if removed {
		x.size--
	}
	return removed
}

// Replace puts v in the place of old, which is stored under t, or a topic that
// is equivalent to it. It reports false if old is not there, and panics if v
// does not compare equal to old, since its place would be another one.
func (x *Index[T]) Replace(t Topic, old, v T) bool {
	if x.compare(old, v) != 0 {
		panic(fmt.Sprintf("topic: Index.Replace(%v, %v): they do not compare equal: use Remove and Add", old, v))
	}
	switch {
	case t.p == nil:
		return false
	case t.p.isAny():
		s, found := x.any.seek(old, x.compare)
		if found {
			*x.any.get(s) = v
		}
		return found
	}
	s := x.shelf(t.p.layout.id)
	if s == nil {
		return false
	}
	sh := s.shapeOf(t.p)
	return sh != nil && sh.replace(x, t.p, old, v)
}

// dismantle drops a shape, and perhaps a shelf, that has become empty.
func (x *Index[T]) dismantle(s *shelf[T], sh *shape[T]) {
	s.shapes = slices.DeleteFunc(s.shapes, func(o *shape[T]) bool { return o == sh })
	if len(s.shapes) == 0 {
		if s.matched {
			if x.matched == nil {
				x.matched = map[unsafe.Pointer]bool{}
			}
			x.matched[s.id] = true
		}
		x.shelves = slices.DeleteFunc(x.shelves, func(o *shelf[T]) bool { return o == s })
		delete(x.byType, s.id)
	}
}

// Match returns the values whose topics match m, in order. The result may
// share memory with the index, or with *buf, which grows as needed: the caller must
// not write to it, and it is valid until the index changes or *buf is used again.
func (x *Index[T]) Match(m Message, buf *[]T) []T {
	if m.ref == nil {
		return nil
	}
	s := x.shelf(identity(&m.ref))
	if s == nil {
		return x.any.all()
	}
	mem := address(&m.ref)
	found := (*buf)[:0]
	if len(s.shapes) == 1 && x.any.size == 0 && !s.shapes[0].globbed {
		b := s.shapes[0].bucketFor(mem)
		switch {
		case b == nil:
			return nil
		case b.list != nil:
			s.matched = true
			return b.list.values.all()
		}
		s.matched = true
		found = append(found, b.one)
		*buf = found
		return found
	}
	runs := 0
	for _, sh := range s.shapes {
		n := len(found)
		found = sh.collect(mem, found)
		if len(found) > n {
			runs++
		}
	}
	if x.any.size > 0 {
		found = append(found, x.any.all()...)
		runs++
	}
	if runs > 1 {
		x.sort(found)
	}
	s.matched = s.matched || runs > 0
	*buf = found
	return found
}

// Matched reports whether [Index.Match] has ever found values for a message of
// type t, other than those under [Any].
func (x *Index[T]) Matched(t reflect.Type) bool {
	id := identityOf(t)
	s := x.shelf(id)
	return s != nil && s.matched || x.matched[id]
}

// OfType returns the values under topics over messages of type t, in order.
// Values under [Any] are not among them.
func (x *Index[T]) OfType(t reflect.Type) []T {
	s := x.shelf(identityOf(t))
	if s == nil {
		return nil
	}
	var found []T
	for _, sh := range s.shapes {
		found = sh.all(found)
	}
	x.sort(found)
	return found
}

// identityOf returns the identity of messages of type t.
func identityOf(t reflect.Type) unsafe.Pointer {
	ref := reflect.New(t).Interface()
	return identity(&ref)
}

// Related returns the values whose topics intersect with t, in order. The
// result is in the memory of *buf, which grows as needed.
func (x *Index[T]) Related(t Topic, buf *[]T) []T {
	found := (*buf)[:0]
	switch {
	case t.p == nil:
		return found
	case t.p.isAny():
		for _, s := range x.shelves {
			for _, sh := range s.shapes {
				found = sh.all(found)
			}
		}
	default:
		if s := x.shelf(t.p.layout.id); s != nil {
			for _, sh := range s.shapes {
				found = sh.related(t.p, found)
			}
		}
	}
	found = append(found, x.any.all()...)
	if len(found) > 1 {
		x.sort(found)
	}
	*buf = found
	return found
}

// All returns all values, in order.
func (x *Index[T]) All() []T { return x.Related(Any.Topic(), new([]T)) }

// shelf returns the shelf for a type of message, or nil.
func (x *Index[T]) shelf(id unsafe.Pointer) *shelf[T] {
	if x.byType != nil {
		return x.byType[id]
	}
	for _, s := range x.shelves {
		if s.id == id {
			return s
		}
	}
	return nil
}

func (x *Index[T]) newShelf(id unsafe.Pointer) *shelf[T] {
	s := &shelf[T]{id: id}
	x.shelves = append(x.shelves, s)
	switch {
	case x.byType != nil:
		x.byType[id] = s
	case len(x.shelves) > manyShelves:
		x.byType = map[unsafe.Pointer]*shelf[T]{}
		for _, s := range x.shelves {
			x.byType[s.id] = s
		}
	}
	return s
}

func (x *Index[T]) sort(vs []T) {
	if !slices.IsSortedFunc(vs, x.compare) {
		slices.SortFunc(vs, x.compare)
	}
}

func (s *shelf[T]) shapeOf(p *pattern) *shape[T] {
	for _, sh := range s.shapes {
		if sh.holds(p) {
			return sh
		}
	}
	return nil
}
