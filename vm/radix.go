package vm

import "github.com/go-marketplace/marketplace/actions"

// An owner marks the parts of a state that a machine may write to. A machine gets a
// new owner when it takes a snapshot. From then on it copies a part of the old owner
// before it changes it.
type owner struct{ _ byte }

// A radix is an ordered map from PIDs to values: a trie with 64 branches at each
// level. It is persistent: a copy of a radix does not change, if the original goes on
// with another owner.
type radix[T any] struct {
	root  *branch[T]
	shift uint // of a PID for its place in the root: 6 bits for each level below
	size  int
}

type branch[T any] struct {
	owner    *owner
	used     uint64       // bit i is set if place i is in use
	children []*branch[T] // 64 branches; nil at the lowest level
	values   []T          // 64 values, at the lowest level
}

const radixBits = 6

func newBranch[T any](o *owner, shift uint) *branch[T] {
	b := &branch[T]{owner: o}
	if shift == 0 {
		b.values = make([]T, 1<<radixBits)
	} else {
		b.children = make([]*branch[T], 1<<radixBits)
	}
	return b
}

// owned returns b, or a copy of it that o may write to.
func (b *branch[T]) owned(o *owner) *branch[T] {
	if b.owner == o {
		return b
	}
	c := &branch[T]{owner: o, used: b.used}
	if b.children != nil {
		c.children = append([]*branch[T](nil), b.children...)
	} else {
		c.values = append([]T(nil), b.values...)
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
		if b = b.children[uint64(pid)>>shift&63]; b == nil {
			return v
		}
	}
	return b.values[pid&63]
}

// set gives pid the value v.
func (r *radix[T]) set(o *owner, pid actions.PID, v T) {
	if r.root == nil {
		r.root = newBranch[T](o, 0)
		r.shift = 0
	}
	for uint64(pid)>>r.shift >= 1<<radixBits {
		top := newBranch[T](o, r.shift+radixBits)
		top.children[0], top.used = r.root, 1
		r.root = top
		r.shift += radixBits
	}
	r.root = r.root.owned(o)
	b := r.root
	for shift := r.shift; shift > 0; shift -= radixBits {
		i := uint64(pid) >> shift & 63
		if b.children[i] == nil {
			b.children[i] = newBranch[T](o, shift-radixBits)
			b.used |= 1 << i
		} else {
			b.children[i] = b.children[i].owned(o)
		}
		b = b.children[i]
	}
	i := pid & 63
	if b.used>>i&1 == 0 {
		r.size++
		b.used |= 1 << i
	}
	b.values[i] = v
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
		b.values[i] = zero
		b.used &^= 1 << i
		*size--
	} else if b.children[i] = b.children[i].without(o, pid, shift-radixBits, size); b.children[i] == nil {
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
			if !yield(actions.PID(at), b.values[i]) {
				return false
			}
		} else if !b.children[i].all(at, shift-radixBits, yield) {
			return false
		}
	}
	return true
}
