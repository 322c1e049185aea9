package wire

import (
	"encoding/binary"
	"fmt"
	"reflect"

	"github.com/go-marketplace/marketplace/journal/codec"
	"github.com/go-marketplace/marketplace/topic"
)

// A role is a byte for the side and the interest, the number of the message type, or 0 for
// topic.Any, and the conditions. Of a topic of tuples, these are 0 for all of them, or 1
// and the pattern.

// The forms of conditions, and of the elements of tuples.
const (
	isValue = 1 + iota
	isGlob
	isWild
	isTuple
)

const (
	maxConditions = 1 << 10
	maxPath       = 1 << 10 // bytes of the path of a condition
	maxTuples     = 100     // tuples inside each other
)

// appendRole appends r. The function number returns the number of a message type.
func appendRole(dst []byte, r topic.Role, number func(reflect.Type) (uint64, error)) ([]byte, error) {
	dst = append(dst, byte(r.Orientation)|byte(r.Interest)<<1)
	t := r.Topic.MessageType()
	if t == nil {
		if !r.Topic.Valid() {
			return nil, fmt.Errorf("%w: a role without a topic", ErrUnsendable)
		}
		return append(dst, 0), nil
	}
	n, err := number(t)
	if err != nil {
		return nil, err
	}
	dst = binary.AppendUvarint(dst, n)
	if p, ok := topic.Typed[topic.Tuple](r.Topic); ok {
		if r.Topic.Equivalent(topic.All[topic.Tuple]().Topic()) {
			return append(dst, 0), nil
		}
		return appendTuple(append(dst, 1), p.Example(), 1)
	}
	cs := r.Topic.Constraints()
	dst = binary.AppendUvarint(dst, uint64(len(cs)))
	for _, c := range cs {
		if len(c.Path) > maxPath {
			return nil, fmt.Errorf("%w: the path %.32s... of %v has %d bytes", ErrUnsendable, c.Path, t, len(c.Path))
		}
		dst = appendText(dst, c.Path)
		if c.Glob != "" {
			dst = appendText(append(dst, isGlob), c.Glob)
			continue
		}
		part, _ := topic.PartOf(t, c.Path)
		if dst, err = appendPinned(append(dst, isValue), c.Value, part); err != nil {
			return nil, fmt.Errorf("%w: %s of %v: %w", ErrUnsendable, c.Path, t, err)
		}
	}
	return dst, nil
}

// appendPinned appends a value that a part of a static type is pinned to. The error says
// that what is read will not be equal to it.
func appendPinned(dst []byte, v any, part reflect.Type) ([]byte, error) {
	start := len(dst)
	dst, err := codec.Append(dst, v)
	if part.Kind() != reflect.Interface {
		dst, err = codec.AppendValue(dst[:start], v)
	}
	if err != nil {
		return nil, err
	}
	read, err := readPinned(dst[start:], part)
	if err != nil {
		return nil, err
	}
	if read != v {
		return nil, fmt.Errorf("a %T is not equal to what is read after it was written: do not pin it", v)
	}
	return withLength(dst, start), nil
}

func readPinned(data []byte, part reflect.Type) (v any, err error) {
	var rest []byte
	if part.Kind() == reflect.Interface {
		v, rest, err = codec.Decode(data)
	} else {
		v, rest, err = codec.DecodeValue(data, part)
	}
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%d bytes come after the value", len(rest))
	}
	return v, err
}

var anyType = reflect.TypeFor[any]()

func appendTuple(dst []byte, t topic.Tuple, depth int) (_ []byte, err error) {
	if depth > maxTuples {
		return nil, fmt.Errorf("%w: more than %d tuples are inside each other", ErrUnsendable, maxTuples)
	}
	dst = binary.AppendUvarint(dst, uint64(len(t)))
	for i, v := range t {
		switch v := v.(type) {
		case topic.Tuple:
			dst, err = appendTuple(append(dst, isTuple), v, depth+1)
		default:
			if v == any(topic.Wild) {
				dst = append(dst, isWild)
				continue
			}
			dst, err = appendPinned(append(dst, isValue), v, anyType)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: element %d of a tuple: %w", ErrUnsendable, i, err)
		}
	}
	return dst, nil
}

// readRole reads a role, which is all of data. The error is an [ErrMalformed], or a
// [*TypeError] if only the type, or a value, is not what is known here.
func readRole(data []byte, k Known) (role topic.Role, err error) {
	r := reader{data: data}
	b := r.octet("the side")
	role = topic.Role{Orientation: topic.Orientation(b & 1), Interest: topic.Interest(b >> 1)}
	if role.Interest > topic.Everything {
		r.fail("the interest is %d", b>>1)
	}
	n := r.number("the number of a type")
	if r.err != nil {
		return topic.Role{}, r.err
	}
	if n == 0 {
		role.Topic = topic.Any.Topic()
		return role, r.end()
	}
	t, err := k.typeOf(n)
	if err != nil {
		return topic.Role{}, err
	}
	role.Topic, err = r.topic(t)
	if end := r.end(); err == nil || r.err != nil {
		err = end
	} else {
		err = &TypeError{k.Types[n-1].Name, err}
	}
	if err != nil {
		return topic.Role{}, err
	}
	return role, nil
}

// topic reads the conditions of a topic of messages of a type. The error says that there is
// no such topic in this program; that it is malformed, the reader keeps.
func (r *reader) topic(t reflect.Type) (topic.Topic, error) {
	if t == reflect.TypeFor[topic.Tuple]() {
		switch b := r.octet("a pattern"); b {
		case 0:
			return topic.All[topic.Tuple]().Topic(), nil
		case 1:
			return r.pattern()
		default:
			r.fail("a pattern of tuples begins with %d", b)
			return topic.Topic{}, nil
		}
	}
	n := r.number("the number of conditions")
	if n > maxConditions {
		r.fail("there are %d conditions", n)
		return topic.Topic{}, nil
	}
	var cs []topic.Constraint
	for range n {
		c := topic.Constraint{Path: r.text("a path", maxPath)}
		switch r.octet("a condition") {
		case isGlob:
			if c.Glob = string(r.chunk("a glob", MaxBody)); c.Glob == "" && r.err == nil {
				r.fail("a glob is empty")
			}
		case isValue:
			part, ok := topic.PartOf(t, c.Path)
			data := r.chunk("a value", MaxBody)
			if r.err != nil {
				return topic.Topic{}, nil
			}
			if !ok {
				return topic.Topic{}, fmt.Errorf("it has no part %q", c.Path)
			}
			v, err := readPinned(data, part)
			if err != nil {
				return topic.Topic{}, err
			}
			c.Value = v
		default:
			r.fail("a condition is neither a value nor a glob")
		}
		if r.err != nil {
			return topic.Topic{}, nil
		}
		cs = append(cs, c)
	}
	return topic.Build(t, cs...)
}

// pattern reads a pattern over tuples.
func (r *reader) pattern() (topic.Topic, error) {
	p, err := r.tuple(1)
	if err != nil || r.err != nil {
		return topic.Topic{}, err
	}
	return topic.Like(p).Topic(), nil
}

func (r *reader) tuple(depth int) (topic.Tuple, error) {
	if depth > maxTuples {
		r.fail("more than %d tuples are inside each other", maxTuples)
		return nil, nil
	}
	n := r.number("the length of a tuple")
	if n > uint64(len(r.data)) { // an element has a byte at least
		r.fail("it ends in a tuple of %d elements", n)
		return nil, nil
	}
	t := topic.Tuple{}
	for i := range n {
		var v any
		var err error
		switch b := r.octet("an element"); b {
		case isWild:
			v = topic.Wild
		case isTuple:
			v, err = r.tuple(depth + 1)
		case isValue:
			data := r.chunk("a value", MaxBody)
			if r.err == nil {
				v, err = readPinned(data, anyType)
			}
			if err == nil && !canPin(v) {
				err = fmt.Errorf("element %d, a %T, equals nothing", i, v)
			}
		default:
			r.fail("an element begins with %d", b)
		}
		if err != nil || r.err != nil {
			return nil, err
		}
		t = append(t, v)
	}
	return t, nil
}

// canPin reports whether a pattern over tuples can have a value as an element.
func canPin(v any) bool {
	if v == nil {
		return true
	}
	if _, ok := v.(topic.Tuple); ok {
		return false // it is written as such
	}
	return reflect.ValueOf(v).Comparable() && v == v
}
