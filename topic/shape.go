package topic

import (
	"maps"
	"slices"
	"unsafe"
)

// A shape holds the values under topics that pin the same parts of the same message
// type, in a hash table by the values of these parts.
//
// The parts that a shape pins have numbers from zero: those of the leaves in the
// layout or, for tuples, those of the constants in their order. So a leafSet is a
// set of parts in both cases.
type shape[T any] struct {
	pins    leafSet
	leaves  []*leaf // those in pins; none for tuples
	form    *form   // of the tuples; nil for a struct type
	globbed bool    // the topics have globs, which a message in the bucket must still match
	exact   bool    // values with equal hashes are equal
	table   map[uint64]*bucket[T]
	only    *bucket[T] // of the table, if there is just one
	views   []*view[T] // made when first needed
	size    int
	most    int // the largest number of hashes in table so far
}

// count notes whether there is just one bucket: comparing with it costs less than a
// look-up.
func (sh *shape[T]) count() {
	sh.only = nil
	if len(sh.table) > 1 {
		return
	}
	for _, b := range sh.table {
		if b.next == nil {
			sh.only = b
		}
	}
}

// A bucket holds the values under topics that pin the same parts to the same
// values. Most buckets hold one value.
type bucket[T any] struct {
	key  *pattern // some topic of the bucket
	hash uint64
	next *bucket[T] // with the same hash
	one  T          // the only value, if there is no list
	list *list[T]
}

// A list holds the values of a bucket that has had more than one, or that needs
// their topics.
type list[T any] struct {
	values  ordered[T]        // if the shape has no globs
	entries ordered[entry[T]] // if it has
}

// An entry is a value with the topic that it is stored under.
type entry[T any] struct {
	topic *pattern
	value T
}

// A view finds the buckets of a shape by some of the parts that it pins.
type view[T any] struct {
	pins  leafSet
	table map[uint64]*bag[T]
}

func newShape[T any](p *pattern) *shape[T] {
	sh := &shape[T]{pins: p.pins, globbed: len(p.globs) > 0, table: map[uint64]*bucket[T]{}}
	if p.isTuple() {
		sh.pins, sh.form = 0, formOf(p)
		if sh.form != nil {
			sh.pins = sh.form.pins()
		}
		return sh
	}
	sh.pins.each(func(i int) { sh.leaves = append(sh.leaves, &p.layout.leaves[i]) })
	// One step of mix gives different values different hashes.
	sh.exact = len(sh.leaves) == 0 || len(sh.leaves) == 1 && sh.leaves[0].kind.isBits()
	return sh
}

// holds reports whether p belongs into sh.
func (sh *shape[T]) holds(p *pattern) bool {
	if p.isTuple() {
		return sh.form.isOf(p)
	}
	return sh.pins == p.pins && sh.globbed == (len(p.globs) > 0)
}

// hash returns the hash of all pinned parts of the message at m. It reports
// false if m cannot match.
func (sh *shape[T]) hash(m unsafe.Pointer) (h uint64, ok bool) {
	if sh.leaves == nil && sh.form != nil {
		t := *(*Tuple)(m)
		if _, ok := sh.form.align(t); !ok {
			return 0, false
		}
		return sh.form.hash(t, sh.pins), true
	}
	for _, l := range sh.leaves {
		h = l.hash(m, h)
	}
	return h, true
}

// hashOf returns the hash of the parts of p in set.
func (sh *shape[T]) hashOf(p *pattern, set leafSet) (h uint64) {
	if p.isTuple() {
		if sh.form == nil {
			return 0
		}
		return sh.form.hash(p.tuple(), set)
	}
	set.each(func(i int) { h = p.layout.leaves[i].hash(p.mem(), h) })
	return h
}

// shared returns the pinned parts that p has in common with sh. It reports
// false if p can meet no topic in sh.
func (sh *shape[T]) shared(p *pattern) (leafSet, bool) {
	if !p.isTuple() {
		return sh.pins & p.pins, true
	}
	if sh.form == nil || p.pins == 0 {
		return 0, true
	}
	return sh.form.align(p.tuple())
}

// find returns the bucket for the values that p pins.
func (sh *shape[T]) find(p *pattern) (*bucket[T], uint64) {
	h := sh.hashOf(p, sh.pins)
	b := sh.table[h]
	for b != nil && !b.key.pinsSame(p) {
		b = b.next
	}
	return b, h
}

// pinsSame reports whether p and q, which have the same shape, pin the same.
func (p *pattern) pinsSame(q *pattern) bool {
	if p.isTuple() {
		return p.pins == q.pins && (p.pins == 0 || tupleCovers(p.tuple(), q.tuple()) && tupleCovers(q.tuple(), p.tuple()))
	}
	return p.pinsEqual(q.mem(), p.pins)
}

func (sh *shape[T]) add(x *Index[T], p *pattern, v T) {
	b, h := sh.find(p)
	switch {
	case b == nil:
		b = &bucket[T]{key: p, hash: h, next: sh.table[h], one: v}
		if sh.globbed {
			b.list = &list[T]{}
			b.list.entries.insert(spot{}, entry[T]{p, v})
		}
		sh.table[h] = b
		sh.most = max(sh.most, len(sh.table))
		sh.count()
		for _, w := range sh.views {
			w.add(sh, b)
		}
	case sh.globbed:
		s, found := b.list.place(x, p, v)
		if found {
			panicTwice(p, v)
		}
		b.list.entries.insert(s, entry[T]{p, v})
	default:
		if b.list == nil {
			b.list = &list[T]{}
			b.list.values.insert(spot{}, b.one)
		}
		s, found := b.list.values.seek(v, x.compare)
		if found {
			panicTwice(p, v)
		}
		b.list.values.insert(s, v)
	}
	sh.size++
}

// place returns where in l, which is of a globbed shape, the value v is under p,
// or where to insert it.
func (l *list[T]) place(x *Index[T], p *pattern, v T) (s spot, found bool) {
	s, found = l.entries.seek(entry[T]{value: v}, x.compareEntries)
	if !found {
		return s, false
	}
	for e := l.entries.get(s); e != nil && x.compare(e.value, v) == 0; e = l.entries.get(s) {
		// They pin the same.
		if slices.Equal(e.topic.globs, p.globs) || (Topic{e.topic}).Equivalent(Topic{p}) {
			return s, true
		}
		s = l.entries.next(s)
	}
	return s, false
}

func (sh *shape[T]) remove(x *Index[T], p *pattern, v T) bool {
	b, _ := sh.find(p)
	if b == nil {
		return false
	}
	left := 0
	switch l := b.list; {
	case l == nil:
		if x.compare(b.one, v) != 0 {
			return false
		}
	case sh.globbed:
		s, found := l.place(x, p, v)
		if !found {
			return false
		}
		l.entries.remove(s)
		left = l.entries.size
	default:
		s, found := l.values.seek(v, x.compare)
		if !found {
			return false
		}
		l.values.remove(s)
		left = l.values.size
	}
	if left == 0 {
		sh.drop(b)
	}
	sh.size--
	return true
}

func (sh *shape[T]) replace(x *Index[T], p *pattern, old, v T) bool {
	b, _ := sh.find(p)
	if b == nil {
		return false
	}
	switch l := b.list; {
	case l == nil:
		if x.compare(b.one, old) != 0 {
			return false
		}
		b.one = v
	case sh.globbed:
		s, found := l.place(x, p, old)
		if !found {
			return false
		}
		l.entries.get(s).value = v
	default:
		s, found := l.values.seek(old, x.compare)
		if !found {
			return false
		}
		*l.values.get(s) = v
	}
	return true
}

// drop removes an empty bucket.
func (sh *shape[T]) drop(b *bucket[T]) {
	for _, w := range sh.views {
		w.remove(sh, b)
	}
	if first := sh.table[b.hash]; first != b {
		for first.next != b {
			first = first.next
		}
		first.next = b.next
	} else if b.next != nil {
		sh.table[b.hash] = b.next
	} else {
		delete(sh.table, b.hash)
		sh.shrink()
	}
	sh.count()
}

// shrink replaces the table when most of its entries are gone: a map does not
// shrink, and iteration takes time with its size.
func (sh *shape[T]) shrink() {
	const few = 64
	if n := len(sh.table); sh.most > few && n < sh.most/4 {
		table := make(map[uint64]*bucket[T], n)
		maps.Copy(table, sh.table)
		sh.table, sh.most = table, n
	}
}

// bucketFor returns the bucket whose pinned values are those of the message at
// m, or nil.
func (sh *shape[T]) bucketFor(m unsafe.Pointer) *bucket[T] {
	if sh.only != nil {
		if !sh.only.key.pinsHold(m) {
			return nil
		}
		return sh.only
	}
	h, ok := sh.hash(m)
	if !ok {
		return nil
	}
	b := sh.table[h]
	for b != nil && !sh.exact && !b.key.pinsHold(m) {
		b = b.next
	}
	return b
}

// pinsHold is matches without globs.
func (p *pattern) pinsHold(m unsafe.Pointer) bool {
	if p.isTuple() {
		return p.matches(m)
	}
	return p.pinsEqual(m, p.pins)
}

// collect appends the values whose topics match the message at m.
func (sh *shape[T]) collect(m unsafe.Pointer, buf []T) []T {
	b := sh.bucketFor(m)
	if b == nil {
		return buf
	}
	return b.collect(buf, func(p *pattern) bool { return p.globsMatch(m) })
}

// collect appends the values of b; if b is of a globbed shape, only those
// whose topics pass.
func (b *bucket[T]) collect(buf []T, pass func(*pattern) bool) []T {
	if b.list == nil {
		return append(buf, b.one)
	}
	for _, e := range b.list.entries.all() {
		if pass(e.topic) {
			buf = append(buf, e.value)
		}
	}
	return append(buf, b.list.values.all()...)
}

// related appends the values whose topics meet p.
func (sh *shape[T]) related(p *pattern, buf []T) []T {
	set, ok := sh.shared(p)
	if !ok {
		return buf
	}
	visit := func(b *bucket[T]) {
		switch {
		case sh.globbed:
			buf = b.collect(buf, p.meets)
		case b.key.meets(p):
			buf = b.collect(buf, nil)
		}
	}
	if set == sh.pins {
		for b := sh.table[sh.hashOf(p, set)]; b != nil; b = b.next {
			visit(b)
		}
		return buf
	}
	if set == 0 {
		for _, b := range sh.table { // the caller sorts
			for ; b != nil; b = b.next {
				visit(b)
			}
		}
		return buf
	}
	if bg := sh.view(set).table[sh.hashOf(p, set)]; bg != nil {
		for _, b := range bg.buckets {
			visit(b)
		}
	}
	return buf
}

// all appends all values.
func (sh *shape[T]) all(buf []T) []T {
	yes := func(*pattern) bool { return true }
	for _, b := range sh.table { // the caller sorts
		for ; b != nil; b = b.next {
			buf = b.collect(buf, yes)
		}
	}
	return buf
}
