package topic

import (
	"errors"
	"fmt"
	"math/bits"
	"reflect"
	"strconv"
	"strings"
	"unsafe"
)

// maxBuiltGlobs is how many globs [Build] accepts for one part, because the time to
// find out whether some string matches all of them grows exponentially.
const maxBuiltGlobs = 4

// Build returns the topic of the messages of type t that meet all conditions. It is
// the inverse of [Topic.Constraints], for topics that arrive as data from another
// machine or from a journal:
//
//	Build(x.MessageType(), x.Constraints()...) // is equivalent to x
//
// [Any] has no message type, and the constraints of a topic of tuples do not say which
// elements it pins. Of tuples, Build therefore returns only All[Tuple].
//
// Build never panics. The error names the condition that cannot hold: there is no part
// with the path, the part cannot be pinned or is no string, the value has another type
// or equals nothing (a NaN), the glob is malformed, or two conditions contradict each
// other. For one part Build accepts up to 4 globs.
func Build(t reflect.Type, cs ...Constraint) (Topic, error) {
	switch {
	case t == nil:
		return Topic{}, errors.New("topic: Build without a message type")
	case t.Kind() == reflect.Interface || t == reflect.TypeFor[Erased]():
		return Topic{}, fmt.Errorf("topic: Build: %v is not the type of a message", t)
	}
	p := &pattern{layout: layoutOf(t), ref: reflect.New(t).Interface()}
	for _, c := range cs {
		if err := p.constrain(c); err != nil {
			return Topic{}, fmt.Errorf("topic: Build: %w", err)
		}
	}
	if err := p.settleGlobs(); err != nil {
		return Topic{}, fmt.Errorf("topic: Build: %w", err)
	}
	if p.pins == 0 && p.globs == nil {
		p = p.layout.all
	}
	return Topic{p}, nil
}

// constrain adds a condition to p. Errors name the part.
func (p *pattern) constrain(c Constraint) error {
	l := p.layout
	refuse := func(format string, args ...any) error {
		return fmt.Errorf("%s: %w", join(l.typ.String(), c.Path), fmt.Errorf(format, args...))
	}
	typ, offset, ok := partOf(l.typ, c.Path, 0)
	switch {
	case !ok:
		return fmt.Errorf("%v has no part %q that can be pinned", l.typ, c.Path)
	case !typ.Comparable():
		return refuse("a %v cannot be compared", typ)
	case c.Glob != "" && typ.Kind() != reflect.String:
		return refuse("a glob is for a part that is a string, not a %v", typ)
	case c.Glob != "" && c.Value != nil:
		return refuse("the condition has both a value and a glob")
	}
	_, set, err := l.find(typ, offset)
	if err != nil {
		return err
	}
	if c.Glob != "" {
		if err := checkGlob(c.Glob); err != nil {
			return refuse("%w", err)
		}
		text, literal := globLiteral(c.Glob)
		if !literal {
			set.each(func(i int) { p.globs = append(p.globs, leafGlob{i, c.Glob}) })
			if len(p.globsAt(bits.TrailingZeros64(uint64(set)))) > maxBuiltGlobs {
				return refuse("there are more than %d globs", maxBuiltGlobs)
			}
			return nil
		}
		c.Value = reflect.ValueOf(text).Convert(typ).Interface()
	}
	q := &pattern{layout: l, ref: reflect.New(l.typ).Interface()}
	if err := assign(reflect.NewAt(typ, unsafe.Add(q.mem(), offset)).Elem(), c.Value); err != nil {
		return refuse("%w", err)
	}
	err = p.agree(set, q)
	set.each(func(i int) { l.leaves[i].copy(p.mem(), q.mem()) })
	p.pins |= set
	return err
}

// assign sets part to v, if a pattern can pin a part of its type to v.
func assign(part reflect.Value, v any) error {
	t := part.Type()
	switch {
	case t.Kind() == reflect.Interface && v == nil:
		return nil
	case v == nil || !reflect.TypeOf(v).AssignableTo(t) || t.Kind() != reflect.Interface && reflect.TypeOf(v) != t:
		return fmt.Errorf("the value is a %T, not a %v", v, t)
	case !isComparable(v):
		return fmt.Errorf("the value, a %T, cannot be compared", v)
	case v != v:
		return errors.New("the value is or contains NaN, which is equal to nothing")
	}
	part.Set(reflect.ValueOf(v))
	settle(part)
	return nil
}

// PartOf returns the type of the part of a t at a path, as a [Constraint] names it:
// To.Port, or "" for t itself. It reports false if t has no such part that a topic
// could name: a field, at any depth of structs and of arrays of up to 8 elements.
func PartOf(t reflect.Type, path string) (reflect.Type, bool) {
	if t == nil {
		return nil, false
	}
	part, _, ok := partOf(t, path, 0)
	return part, ok
}

// partOf returns the type and the offset of the part at a path in a t that is at
// offset.
func partOf(t reflect.Type, path string, offset uintptr) (reflect.Type, uintptr, bool) {
	if path == "" {
		return t, offset, true
	}
	switch {
	case t.Kind() == reflect.Struct && path[0] != '[':
		name := path
		if i := strings.IndexAny(path, ".["); i >= 0 {
			name = path[:i]
		}
		for f := range fields(t) {
			if f.Name == name {
				return partAfter(f.Type, path[len(name):], offset+f.Offset)
			}
		}
	case t.Kind() == reflect.Array && t.Len() <= maxArray:
		for i := range t.Len() {
			if rest, ok := strings.CutPrefix(path, "["+strconv.Itoa(i)+"]"); ok {
				return partAfter(t.Elem(), rest, offset+uintptr(i)*t.Elem().Size())
			}
		}
	}
	return nil, 0, false
}

// partAfter is partOf for what is left of a path after a name or an index.
func partAfter(t reflect.Type, rest string, offset uintptr) (reflect.Type, uintptr, bool) {
	if rest == "" || rest[0] == '[' {
		return partOf(t, rest, offset)
	}
	if rest[0] != '.' || len(rest) == 1 || rest[1] == '[' {
		return nil, 0, false
	}
	return partOf(t, rest[1:], offset)
}
