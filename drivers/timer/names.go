package timer

import "hash/maphash"

// A name is a label with its hash.
type name struct {
	label string
	hash  uint64 `fingerprint:"-"` // depends on the seed
}

// seed makes it hard to choose labels with equal hashes. No result depends on it.
var seed = maphash.MakeSeed()

func nameOf(label string) name { return name{label, maphash.String(seed, label)} }

// names is a set of names: a list, and a hash table of places in the list. A slot
// has the upper half of the hash of a name, and the place of the name plus one. An
// empty slot is zero; more than half of the slots are empty.
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

// slot returns the slot of n and true or, if n is not in s, the empty slot for it.
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

// add adds n, for which there must be room. It reports false if n is in s already.
func (s *names) add(n name) bool {
	at, found := s.slot(&n)
	if !found {
		s.list = append(s.list, n)
		s.slots[at] = n.hash>>32<<32 | uint64(len(s.list))
	}
	return !found
}
