package topic

import "slices"

// An ordered holds values in their order. A read puts them into one slice, so that
// iteration is fast. A change moves few values, however many there are: the first
// change after a read cuts a long slice into pieces, each change works on one piece,
// and the next read joins the pieces. A join costs no more than two iterations, and
// does not allocate.
type ordered[E any] struct {
	flat   []E        // all values, if there are no pieces; it has room for all in any case
	pieces []piece[E] // all values, if there are any pieces; none is empty
	size   int
}

// A piece holds a run of the values.
type piece[E any] struct {
	values []E
	apart  bool // values is not in the memory of flat
}

// pieceSize is the number of values in a piece. A piece with twice as many is
// divided, and a slice with no more than that is changed in place.
const pieceSize = 256

// A spot is a place in an ordered. It is valid until the ordered changes.
type spot struct{ piece, at int }

// all returns the values. The slice is valid until o changes.
func (o *ordered[E]) all() []E {
	if len(o.pieces) > 0 {
		o.join()
	}
	return o.flat
}

// seek returns the place of the first value that is not before v, which is where
// v belongs, and whether the value there compares equal to v.
func (o *ordered[E]) seek(v E, compare func(a, b E) int) (s spot, found bool) {
	values := o.flat
	if n := len(o.pieces); n > 0 {
		s.piece, _ = slices.BinarySearchFunc(o.pieces[:n-1], v, func(p piece[E], v E) int {
			return compare(p.values[len(p.values)-1], v)
		})
		values = o.pieces[s.piece].values
	}
	if n := len(values); n == 0 || compare(values[n-1], v) < 0 {
		s.at = n
		return s, false
	}
	s.at, found = slices.BinarySearchFunc(values, v, compare)
	return s, found
}

// get returns the value at s, or nil if that is the end.
func (o *ordered[E]) get(s spot) *E {
	values := o.flat
	if len(o.pieces) > 0 {
		values = o.pieces[s.piece].values
	}
	if s.at == len(values) {
		return nil
	}
	return &values[s.at]
}

// next returns the place after s. There must be a value at s.
func (o *ordered[E]) next(s spot) spot {
	s.at++
	if n := len(o.pieces); s.piece < n-1 && s.at == len(o.pieces[s.piece].values) {
		return spot{s.piece + 1, 0}
	}
	return s
}

// insert puts v before the value at s.
func (o *ordered[E]) insert(s spot, v E) {
	o.size++
	if len(o.pieces) == 0 {
		if s.at == len(o.flat) || len(o.flat) < 2*pieceSize {
			o.flat = slices.Insert(o.flat, s.at, v)
			return
		}
		s = o.cut(s)
	}
	if o.size > cap(o.flat) {
		// Only the pieces now use the old slice.
		o.flat = make([]E, 0, 2*o.size)
		for i := range o.pieces {
			o.pieces[i].apart = true
		}
	}
	if len(o.pieces[s.piece].values) >= 2*pieceSize {
		s = o.divide(s)
	}
	p := &o.pieces[s.piece]
	was := p.values
	p.values = slices.Insert(was, s.at, v)
	if len(was) == cap(was) {
		p.apart = true
		clear(was)
	}
}

// remove removes the value at s.
func (o *ordered[E]) remove(s spot) {
	o.size--
	if len(o.pieces) == 0 {
		if s.at == len(o.flat)-1 || len(o.flat) <= 2*pieceSize {
			o.flat = slices.Delete(o.flat, s.at, s.at+1)
			if cap(o.flat) > 4*pieceSize {
				o.shrink()
			}
			return
		}
		s = o.cut(s)
	}
	p := &o.pieces[s.piece]
	p.values = slices.Delete(p.values, s.at, s.at+1)
	switch {
	case o.size == 0:
		*o = ordered[E]{}
	case len(p.values) == 0:
		o.pieces = slices.Delete(o.pieces, s.piece, s.piece+1)
	}
	o.shrink()
}

// cut cuts flat into pieces. It returns the new place of the value at s.
func (o *ordered[E]) cut(s spot) spot {
	for part := range slices.Chunk(o.flat, pieceSize) {
		o.pieces = append(o.pieces, piece[E]{values: part})
	}
	return spot{s.at / pieceSize, s.at % pieceSize}
}

// divide divides the piece of s into two. It returns the new place of the value at
// s.
func (o *ordered[E]) divide(s spot) spot {
	p := &o.pieces[s.piece]
	second := append(make([]E, 0, 2*pieceSize), p.values[pieceSize:]...)
	clear(p.values[pieceSize:])
	p.values = p.values[:pieceSize]
	o.pieces = slices.Insert(o.pieces, s.piece+1, piece[E]{second, true})
	if s.at > pieceSize {
		return spot{s.piece + 1, s.at - pieceSize}
	}
	return s
}

// join makes one slice of the pieces, in the memory of flat.
func (o *ordered[E]) join() {
	flat := o.flat[:cap(o.flat)]
	// The pieces in flat move to its front, so that none is beyond its final place.
	n, apart := 0, false
	for i := range o.pieces {
		p := &o.pieces[i]
		if p.apart {
			apart = true
			continue
		}
		p.values = moved(flat[n:], p.values)
		n += len(p.values)
	}
	// From the last piece to the first, each finds its place free.
	for i, end := len(o.pieces)-1, o.size; apart && i >= 0; i-- {
		end -= len(o.pieces[i].values)
		moved(flat[end:], o.pieces[i].values)
	}
	if was := len(o.flat); was > o.size {
		clear(flat[o.size:was])
	}
	o.flat = flat[:o.size]
	clear(o.pieces)
	o.pieces = o.pieces[:0]
}

// moved moves values to the beginning of to, and returns them there.
func moved[E any](to, values []E) []E {
	to = to[:len(values)]
	if &to[0] != &values[0] {
		copy(to, values)
	}
	return to
}

// shrink releases memory when less than a quarter of it is in use.
func (o *ordered[E]) shrink() {
	if c := cap(o.flat); c > 4*pieceSize && o.size < c/4 {
		*o = ordered[E]{flat: append(make([]E, 0, 2*o.size), o.all()...), size: o.size}
	}
}
