package topic

import (
	"reflect"
	"slices"
	"unsafe"
)

// A Topic is a [Pattern] whose message type has been forgotten. Topics are
// immutable values. The zero Topic matches nothing and intersects with
// nothing.
type Topic struct{ p *pattern }

// A pattern is the data of a [Topic] or a [Pattern]. It never changes.
//
// For [Any], layout is nil. For tuples, layout is that of [Tuple]; pins is 1 if ref
// holds a tuple to compare with, and 0 if every tuple matches. For all other
// types, a message matches if its leaves in pins equal those in ref, and its leaves
// in globs match.
type pattern struct {
	layout *layout
	ref    any // *M: an example, whose open leaves are zero
	pins   leafSet
	globs  []leafGlob // in order, without duplicates; none for a pinned leaf
}

// A leafGlob is a glob, and the number of the leaf that it must match.
type leafGlob struct {
	leaf int
	glob string
}

func (p *pattern) mem() unsafe.Pointer { return address(&p.ref) }

func (p *pattern) isAny() bool { return p.layout == nil }

// Valid reports whether t is a topic, and not the zero Topic.
func (t Topic) Valid() bool { return t.p != nil }

// Matches reports whether m is one of the messages that t describes.
func (t Topic) Matches(m Message) bool {
	if t.p == nil || m.ref == nil {
		return false
	}
	if t.p.isAny() {
		return true
	}
	return t.p.layout.id == identity(&m.ref) && t.p.matches(address(&m.ref))
}

// matches reports whether the message at m, which has the right type, matches.
func (p *pattern) matches(m unsafe.Pointer) bool {
	if p.isTuple() {
		return p.pins == 0 || tupleMatches(p.tuple(), *(*Tuple)(m))
	}
	return p.pinsEqual(m, p.pins) && p.globsMatch(m)
}

// pinsEqual reports whether the leaves in set equal those of the message at m.
func (p *pattern) pinsEqual(m unsafe.Pointer, set leafSet) bool {
	mem := p.mem()
	for i := range p.layout.leaves {
		if set.has(i) && !p.layout.leaves[i].equal(mem, m) {
			return false
		}
	}
	return true
}

func (p *pattern) globsMatch(m unsafe.Pointer) bool {
	for _, g := range p.globs {
		if !globMatch(g.glob, *(*string)(unsafe.Add(m, p.layout.leaves[g.leaf].offset))) {
			return false
		}
	}
	return true
}

// Intersect returns the topic of the messages that both topics describe. It
// reports false if there are none. Intersect is commutative, associative and
// idempotent. If one topic covers the other, the result is equivalent to the
// narrower one.
func (t Topic) Intersect(u Topic) (Topic, bool) {
	if t.p == nil || u.p == nil {
		return Topic{}, false
	}
	r := t.p.intersect(u.p)
	return Topic{r}, r != nil
}

// intersect returns nil if there is no message for both p and q.
func (p *pattern) intersect(q *pattern) *pattern {
	switch {
	case p == q || q.isAny():
		return p
	case p.isAny():
		return q
	case !p.meets(q):
		return nil
	case p.isTuple():
		return intersectTuples(p, q)
	case q.pins&^p.pins == 0 && p.hasGlobsOf(q):
		return p
	case p.pins&^q.pins == 0 && q.hasGlobsOf(p):
		return q
	}
	r := &pattern{layout: p.layout, pins: p.pins | q.pins, globs: mergeGlobs(p, q)}
	example := reflect.New(p.layout.typ)
	r.ref = example.Interface()
	p.pins.each(func(i int) { p.layout.leaves[i].copy(r.mem(), p.mem()) })
	(q.pins &^ p.pins).each(func(i int) { p.layout.leaves[i].copy(r.mem(), q.mem()) })
	return r
}

// meets reports whether there is a message for both p and q.
func (p *pattern) meets(q *pattern) bool {
	switch {
	case p.isAny() || q.isAny():
		return true
	case p.layout != q.layout:
		return false
	case p.isTuple():
		return p.pins == 0 || q.pins == 0 || tuplesMeet(p.tuple(), q.tuple())
	}
	return p.pinsEqual(q.mem(), p.pins&q.pins) && globsAgree(p, q)
}

// globsAgree reports whether each leaf has a value that fits the globs and pins of
// both p and q.
func globsAgree(p, q *pattern) bool {
	if len(p.globs)+len(q.globs) == 0 {
		return true
	}
	return globsMatchPins(p, q) && globsMatchPins(q, p) && globsMeetGlobs(p, q)
}

// globsMatchPins reports whether the globs of p match what q pins.
func globsMatchPins(p, q *pattern) bool {
	for _, g := range p.globs {
		if q.pins.has(g.leaf) && !globMatch(g.glob, q.textAt(g.leaf)) {
			return false
		}
	}
	return true
}

func globsMeetGlobs(p, q *pattern) bool {
	for i, g := range p.globs {
		if i > 0 && p.globs[i-1].leaf == g.leaf {
			continue // compared together with the glob before
		}
		theirs := q.globsAt(g.leaf)
		if len(theirs) > 0 && !globsMeet(slices.Concat(p.globsAt(g.leaf), theirs)) {
			return false
		}
	}
	return true
}

// globsAt returns the globs for leaf i.
func (p *pattern) globsAt(i int) (globs []string) {
	for _, g := range p.globs {
		if g.leaf == i {
			globs = append(globs, g.glob)
		}
	}
	return globs
}

func (p *pattern) textAt(i int) string {
	return *(*string)(unsafe.Add(p.mem(), p.layout.leaves[i].offset))
}

// hasGlobsOf reports whether p pins each leaf for which q has a glob, or has the
// same glob, so that the globs of q add nothing to p. The two meet.
func (p *pattern) hasGlobsOf(q *pattern) bool {
	for _, g := range q.globs {
		if !p.pins.has(g.leaf) && !slices.Contains(p.globs, g) {
			return false
		}
	}
	return true
}

func mergeGlobs(p, q *pattern) []leafGlob {
	var globs []leafGlob
	pinned := p.pins | q.pins
	for _, g := range slices.Concat(p.globs, q.globs) {
		if !pinned.has(g.leaf) {
			globs = append(globs, g)
		}
	}
	return sortGlobs(globs)
}

// Covers reports whether t describes every message that u describes. Every topic
// covers the zero Topic. If the globs for a part match only one text, as "a?" and
// "?b" together do, the part still counts as open: a topic that pins it to that text
// does not cover u.
func (t Topic) Covers(u Topic) bool {
	if t.p == nil || u.p == nil {
		return u.p == nil
	}
	p, q := t.p, u.p
	switch {
	case p == q || p.isAny():
		return true
	case q.isAny() || p.layout != q.layout:
		return false
	case p.isTuple():
		return p.pins == 0 || q.pins != 0 && tupleCovers(p.tuple(), q.tuple())
	case p.pins&^q.pins != 0 || !p.pinsEqual(q.mem(), p.pins):
		return false
	}
	for _, g := range p.globs {
		if q.pins.has(g.leaf) {
			if !globMatch(g.glob, q.textAt(g.leaf)) {
				return false
			}
		} else if !globsWithin(q.globsAt(g.leaf), g.glob) {
			return false
		}
	}
	return true
}

// Equivalent reports whether t and u describe the same messages.
func (t Topic) Equivalent(u Topic) bool {
	return t.p == u.p || t.Covers(u) && u.Covers(t)
}

// IsGround reports whether t pins every part of a message: it has no wildcard and
// no glob. A message type with a part that cannot be pinned, such as a slice, or
// with more than 64 leaves, has no ground topics.
func (t Topic) IsGround() bool {
	switch {
	case t.p == nil || t.p.isAny():
		return false
	case t.p.isTuple():
		return t.p.pins != 0 && tupleIsGround(t.p.tuple())
	}
	return len(t.p.layout.leaves) <= maxLeaves && t.p.pins == 1<<len(t.p.layout.leaves)-1
}

// MessageType returns the type of the messages that t describes. It returns nil for
// [Any], which describes messages of every type, and for the zero Topic.
func (t Topic) MessageType() reflect.Type {
	if t.p == nil || t.p.isAny() {
		return nil
	}
	return t.p.layout.typ
}
