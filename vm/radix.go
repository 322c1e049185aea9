package vm

import "github.com/go-marketplace/marketplace/actions"

// An owner may write to the parts of a machine's state that carry it. A machine
// gets a new owner when it takes a snapshot, and from then on copies the parts of
// the old owner before it changes them.
type owner struct{ _ byte }

// A radix is an ordered map from PIDs to values, a trie with 64 branches at
// each level. It is persistent: a copy of a radix stays as it is, provided
// that the original goes on with another owner.
type radix[T any] struct {
	root  *branch[T]
	shift uint // of the root: 6 bits for each level below
	size  int
}

type branch[T any] struct {
	owner *owner
	used  uint64       // a bit for each of the 64 that exists
	kids  []*branch[T] // 64 of them, or
	leafs []T          // 64 values, at the lowest level
}

const radixBits = 6

func newBranch[T any](o *owner, shift uint) *branch[T] {
	b := &branch[T]{owner: o}
	if shift == 0 {
		b.leafs = make([]T, 1<<radixBits)
	} else {
		b.kids = make([]*branch[T], 1<<radixBits)
	}
	return b
}

// owned returns b, or a copy of it that o may write to.
func (b *branch[T]) owned(o *owner) *branch[T] {
	if b.owner == o {
		return b
	}
	c := &branch[T]{owner: o, used: b.used}
	if b.kids != nil {
		c.kids = append([]*branch[T](nil), b.kids...)
	} else {
		c.leafs = append([]T(nil), b.leafs...)
	}
	return c
}

// get returns the value for pid, or the zero value.
func (r *radix[T]) get(pid actions.PID) (v T) {
	b := r.root
	if b == nil || uint64(pid)>>r.shift >= 1<<radixBits {
		return v
	}
	for shift := r.shift; shift > 0; shift -= radixBits {
		if b = b.kids[uint64(pid)>>shift&63]; b == nil {
			return v
		}
	}
	return b.leafs[pid&63]
}

// set gives pid the value v.
func (r *radix[T]) set(o *owner, pid actions.PID, v T) {
	if r.root == nil {
		r.root = newBranch[T](o, 0)
		r.shift = 0
	}
	for uint64(pid)>>r.shift >= 1<<radixBits {
		top := newBranch[T](o, r.shift+radixBits)
		top.kids[0], top.used = r.root, 1
		r.root = top
		r.shift += radixBits
	}
	r.root = r.root.owned(o)
	b := r.root
	for shift := r.shift; shift > 0; shift -= radixBits {
		i := uint64(pid) >> shift & 63
		if b.kids[i] == nil {
			b.kids[i] = newBranch[T](o, shift-radixBits)
			b.used |= 1 << i
		} else {
			b.kids[i] = b.kids[i].owned(o)
		}
		b = b.kids[i]
	}
	i := pid & 63
	if b.used>>i&1 == 0 {
		r.size++
		b.used |= 1 << i
	}
	b.leafs[i] = v
}

// remove removes pid.
func (r *radix[T]) remove(o *owner, pid actions.PID) {
	if r.root == nil || uint64(pid)>>r.shift >= 1<<radixBits {
		return
	}
	r.root = r.root.without(o, pid, r.shift, &r.size)
}

func (b *branch[T]) without(o *owner, pid actions.PID, shift uint, size *int) *branch[T] {
	i := uint64(pid) >> shift & 63
	if b.used>>i&1 == 0 {
		return b
	}
	b = b.owned(o)
	if shift == 0 {
		var zero T
		b.leafs[i] = zero
		b.used &^= 1 << i
		*size--
	} else if b.kids[i] = b.kids[i].without(o, pid, shift-radixBits, size); b.kids[i] == nil {
		b.used &^= 1 << i
	}
	if b.used == 0 {
		return nil
	}
	return b
}

// all yields the values in the order of their PIDs.
func (r *radix[T]) all(yield func(actions.PID, T) bool) {
	if r.root != nil {
		r.root.all(0, r.shift, yield)
	}
}

func (b *branch[T]) all(base uint64, shift uint, yield func(actions.PID, T) bool) bool {
	for i := range uint64(1 << radixBits) {
		if b.used>>i&1 == 0 {
			continue
		}
		at := base | i<<shift
		if shift == 0 {
			if !yield(actions.PID(at), b.leafs[i]) {
				return false
			}
		} else if !b.kids[i].all(at, shift-radixBits, yield) {
			return false
		}
	}
	return true
}
