package topic

import (
	"fmt"
	"slices"
)

// A Tuple is a message that is a list of values and has no Go type of its own. An
// element may be a tuple. A tuple that has been sent must not be changed.
//
// In a pattern, made with [Like], any part may be [Wild].
type Tuple []any

type wildcard string

// Wild stands for any one element, be it a tuple or not, in a pattern over tuples.
const Wild wildcard = "_"

// Like returns the pattern of the tuples that have the length of t, and are
// equal to t wherever t is not [Wild]. The pattern of tuples of any length is
// All[Tuple]().
//
// Like panics if an element of t equals nothing: a value that cannot be compared,
// or a NaN. The panic says where the element is.
func Like(t Tuple) Pattern[Tuple] {
	c := cloneTuple(t, "")
	return Pattern[Tuple]{&pattern{layout: layoutFor[Tuple](), ref: &c, pins: 1}}
}

func (p *pattern) isTuple() bool {
	_, ok := p.ref.(*Tuple)
	return ok
}

func (p *pattern) tuple() Tuple { return *p.ref.(*Tuple) }

func cloneTuple(t Tuple, path string) Tuple {
	c := make(Tuple, len(t))
	for i, v := range t {
		at := fmt.Sprintf("%s[%d]", path, i)
		switch v := v.(type) {
		case Tuple:
			c[i] = cloneTuple(v, at)
		default:
			if !isComparable(v) {
				panic(fmt.Sprintf("topic: Like: element %s is %v, a %T, which cannot be compared: put topic.Wild in its place", at, v, v))
			}
			if v != v {
				panic(fmt.Sprintf("topic: Like: element %s is %v, which is equal to nothing: put topic.Wild in its place", at, v))
			}
			c[i] = settled(v)
		}
	}
	return c
}

// tupleMatches reports whether m matches pattern p.
func tupleMatches(p, m Tuple) bool {
	if len(p) != len(m) {
		return false
	}
	for i, v := range p {
		switch v := v.(type) {
		case wildcard:
		case Tuple:
			if n, ok := m[i].(Tuple); !ok || !tupleMatches(v, n) {
				return false
			}
		default:
			if !same(v, m[i]) {
				return false
			}
		}
	}
	return true
}

// tuplesMeet reports whether some tuple matches both patterns.
func tuplesMeet(p, q Tuple) bool {
	if len(p) != len(q) {
		return false
	}
	for i := range p {
		if isWild(p[i]) || isWild(q[i]) {
			continue
		}
		t, ok := p[i].(Tuple)
		u, also := q[i].(Tuple)
		switch {
		case ok && also:
			if !tuplesMeet(t, u) {
				return false
			}
		case ok != also || !same(p[i], q[i]):
			return false
		}
	}
	return true
}

func isWild(v any) bool { _, ok := v.(wildcard); return ok }

// intersectTuples returns the pattern of the tuples that match p and q, which meet.
func intersectTuples(p, q *pattern) *pattern {
	switch {
	case q.pins == 0:
		return p
	case p.pins == 0:
		return q
	case tupleCovers(p.tuple(), q.tuple()):
		return q
	case tupleCovers(q.tuple(), p.tuple()):
		return p
	}
	t := unify(p.tuple(), q.tuple())
	return &pattern{layout: p.layout, ref: &t, pins: 1}
}

func unify(p, q Tuple) Tuple {
	r := make(Tuple, len(p))
	for i := range p {
		t, ok := p[i].(Tuple)
		u, also := q[i].(Tuple)
		switch {
		case ok && also:
			r[i] = unify(t, u)
		case isWild(p[i]):
			r[i] = q[i]
		default:
			r[i] = p[i]
		}
	}
	return r
}

// tupleCovers reports whether every tuple that matches q matches p.
func tupleCovers(p, q Tuple) bool {
	if len(p) != len(q) {
		return false
	}
	for i, v := range p {
		switch v := v.(type) {
		case wildcard:
		case Tuple:
			if u, ok := q[i].(Tuple); !ok || !tupleCovers(v, u) {
				return false
			}
		default:
			if isWild(q[i]) || !same(v, q[i]) {
				return false
			}
		}
	}
	return true
}

func tupleIsGround(t Tuple) bool {
	return !slices.ContainsFunc(t, func(v any) bool {
		u, ok := v.(Tuple)
		return isWild(v) || ok && !tupleIsGround(u)
	})
}
