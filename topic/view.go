package topic

import "slices"

// view returns the view of sh by the given parts.
func (sh *shape[T]) view(pins leafSet) *view[T] {
	i := slices.IndexFunc(sh.views, func(w *view[T]) bool { return w.pins == pins })
	if i >= 0 {
		return sh.views[i]
	}
	w := &view[T]{pins: pins, table: map[uint64]*bag[T]{}}
	for _, b := range sh.table {
		for ; b != nil; b = b.next {
			w.add(sh, b)
		}
	}
	sh.views = append(sh.views, w)
	return w
}

func (w *view[T]) add(sh *shape[T], b *bucket[T]) {
	h := sh.hashOf(b.key, w.pins)
	bg := w.table[h]
	if bg == nil {
		bg = &bag[T]{}
		w.table[h] = bg
	}
	bg.add(b)
}

func (w *view[T]) remove(sh *shape[T], b *bucket[T]) {
	h := sh.hashOf(b.key, w.pins)
	bg := w.table[h]
	bg.remove(b)
	if len(bg.buckets) == 0 {
		delete(w.table, h)
	}
}

// A bag is a set of buckets, in no order.
type bag[T any] struct {
	buckets []*bucket[T]
	at      map[*bucket[T]]int // their positions, if there are many
}

// manyBuckets is the size from which a bag keeps the positions of its buckets.
const manyBuckets = 16

func (g *bag[T]) add(b *bucket[T]) {
	g.buckets = append(g.buckets, b)
	switch n := len(g.buckets); {
	case g.at != nil:
		g.at[b] = n - 1
	case n > manyBuckets:
		g.at = make(map[*bucket[T]]int, n)
		for i, b := range g.buckets {
			g.at[b] = i
		}
	}
}

func (g *bag[T]) remove(b *bucket[T]) {
	i, ok := g.at[b]
	if !ok {
		i = slices.Index(g.buckets, b)
	}
	last := len(g.buckets) - 1
	moved := g.buckets[last]
	g.buckets[i], g.buckets[last] = moved, nil
	g.buckets = g.buckets[:last]
	if g.at != nil {
		g.at[moved] = i
		delete(g.at, b)
	}
}

// A form is the outline of a pattern over tuples: its lengths, and which parts
// are pinned. The first 64 pinned parts are numbered in their order; hashes do not
// depend on the others.
type form struct {
	kind  formKind
	part  int // number of a constant
	parts []form
	count int // constants in all, at the outermost form
}

type formKind uint8

const (
	open formKind = iota
	constant
	surplus // a constant without a number
	nestedForm
)

// formOf returns the form of p, or nil if p is the pattern of all tuples.
func formOf(p *pattern) *form {
	if p.pins == 0 {
		return nil
	}
	n := 0
	f := makeForm(p.tuple(), &n)
	f.count = n
	return &f
}

func makeForm(t Tuple, n *int) form {
	f := form{kind: nestedForm, parts: make([]form, len(t))}
	for i, v := range t {
		u, ok := v.(Tuple)
		switch {
		case ok:
			f.parts[i] = makeForm(u, n)
		case isWild(v):
		case *n == maxLeaves:
			f.parts[i].kind = surplus
		default:
			f.parts[i] = form{kind: constant, part: *n}
			*n++
		}
	}
	return f
}

// pins returns the set of all pinned parts.
func (f *form) pins() leafSet {
	if f.count == maxLeaves {
		return ^leafSet(0)
	}
	return 1<<f.count - 1
}

// isOf reports whether f is the form of p.
func (f *form) isOf(p *pattern) bool {
	if f == nil || p.pins == 0 {
		return f == nil && p.pins == 0
	}
	n := 0
	return f.fits(p.tuple(), &n)
}

func (f *form) fits(t Tuple, n *int) bool {
	if len(t) != len(f.parts) {
		return false
	}
	for i, v := range t {
		part := &f.parts[i]
		u, ok := v.(Tuple)
		switch {
		case ok:
			if part.kind != nestedForm || !part.fits(u, n) {
				return false
			}
		case isWild(v):
			if part.kind != open {
				return false
			}
		case *n == maxLeaves:
			if part.kind != surplus {
				return false
			}
		default:
			if part.kind != constant {
				return false
			}
			*n++
		}
	}
	return true
}

// align returns the parts that f pins and for which t has a value. It reports false
// if t cannot meet a pattern of the form f.
func (f *form) align(t Tuple) (set leafSet, ok bool) {
	if len(t) != len(f.parts) {
		return 0, false
	}
	for i, v := range t {
		part := &f.parts[i]
		u, isTuple := v.(Tuple)
		switch {
		case part.kind == open || isWild(v):
		case isTuple != (part.kind == nestedForm):
			return 0, false
		case isTuple:
			s, ok := part.align(u)
			if !ok {
				return 0, false
			}
			set |= s
		case part.kind == constant:
			set |= 1 << part.part
		}
	}
	return set, true
}

// hash returns the hash of the parts of t in set. If set is empty, t need not have
// the form.
func (f *form) hash(t Tuple, set leafSet) uint64 {
	if set == 0 {
		return 0
	}
	return f.fold(t, set, 0)
}

func (f *form) fold(t Tuple, set leafSet, h uint64) uint64 {
	for i := range f.parts {
		part := &f.parts[i]
		switch {
		case part.kind == constant && set.has(part.part):
			h = hashAny(h, t[i])
		case part.kind == nestedForm:
			if u, ok := t[i].(Tuple); ok {
				h = part.fold(u, set, h)
			}
		}
	}
	return h
}
