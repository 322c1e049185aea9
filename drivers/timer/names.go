package timer

import "hash/maphash"

// A name is a label with its hash.
type name struct {
	label string
	hash  uint64 `fingerprint:"-"` // it has a seed
}

// seed makes it hard to choose labels that all hash alike. No result depends on
// it.
var seed = maphash.MakeSeed()

func nameOf(label string) name { return name{label, maphash.String(seed, label)} }

// Names are a set of names: a list, and a hash table with places in it. A slot
// is the upper half of the hash of a name, and its place plus one; or zero, which
// is more than half of them.
type names struct {
	list  []name
	slots []uint64 `fingerprint:"-"` // of hashes
}

// newNames returns an empty set with room for n names.
func newNames(n int) names {
	size := 4
	for size <= 2*n {
		size *= 2
	}
	return names{make([]name, 0, n), make([]uint64, size)}
}

// slot returns the slot where n is, and true, or else that where it is to be.
func (s *names) slot(n *name) (at uint64, found bool) {
	mask := uint64(len(s.slots) - 1)
	for at = n.hash & mask; s.slots[at] != 0; at = (at + 1) & mask {
		if s.slots[at]>>32 != n.hash>>32 {
			continue
		}
		if o := &s.list[uint32(s.slots[at])-1]; o.hash == n.hash && o.label == n.label {
			return at, true
		}
	}
	return at, false
}

func (s *names) has(n *name) bool {
	_, found := s.slot(n)
	return found
}

// add reports false if n is there already. There must be room.
func (s *names) add(n name) bool {
	at, found := s.slot(&n)
	if !found {
		s.list = append(s.list, n)
		s.slots[at] = n.hash>>32<<32 | uint64(len(s.list))
	}
	return !found
}
