package rpc

import (
	"slices"

	"github.com/benbjohnson/immutable"
)

// opens are open calls by their numbers. The zero opens is empty. It never changes.
//
// Few calls are a list, which is copied for each change. Many are a tree. Most often
// there is only one.
type opens struct {
	one  *open                               // if there is one
	few  []*open                             // if there are several
	many *immutable.SortedMap[uint64, *open] // nil for few
}

// maxFew is how many calls are kept in a list.
const maxFew = 8

func (cs opens) len() int {
	switch {
	case cs.one != nil:
		return 1
	case cs.many != nil:
		return cs.many.Len()
	}
	return len(cs.few)
}

// get returns the call with a number, or nil.
func (cs opens) get(n uint64) *open {
	if cs.one != nil {
		if cs.one.n == n {
			return cs.one
		}
		return nil
	}
	if cs.many != nil {
		c, _ := cs.many.Get(n)
		return c
	}
	for _, c := range cs.few {
		if c.n == n {
			return c
		}
	}
	return nil
}

// with returns cs with c, in the place of a call with the same number.
func (cs opens) with(c *open) opens {
	switch {
	case cs.many != nil:
		return opens{many: cs.many.Set(c.n, c)}
	case cs.one == nil && len(cs.few) == 0 || cs.one != nil && cs.one.n == c.n:
		return opens{one: c}
	case cs.one != nil:
		cs.few = []*open{cs.one}
	}
	i, found := slices.BinarySearchFunc(cs.few, c.n, byNumber)
	if found {
		few := slices.Clone(cs.few)
		few[i] = c
		return opens{few: few}
	}
	if len(cs.few) < maxFew {
		few := make([]*open, 0, len(cs.few)+1)
		return opens{few: append(append(append(few, cs.few[:i]...), c), cs.few[i:]...)}
	}
	many := immutable.NewSortedMapBuilder[uint64, *open](nil)
	for _, d := range cs.few {
		many.Set(d.n, d)
	}
	many.Set(c.n, c)
	return opens{many: many.Map()}
}

// without returns cs without the call with a number, if it is there.
func (cs opens) without(n uint64) opens {
	switch {
	case cs.many != nil:
		many := cs.many.Delete(n)
		if many.Len() > 0 {
			return opens{many: many}
		}
		return opens{}
	case cs.one != nil && cs.one.n == n:
		return opens{}
	}
	i, found := slices.BinarySearchFunc(cs.few, n, byNumber)
	if !found {
		return cs
	}
	return opens{few: slices.Delete(slices.Clone(cs.few), i, i+1)}
}

// all yields the calls in the order of their numbers.
func (cs opens) all(yield func(*open) bool) {
	if cs.one != nil {
		yield(cs.one)
		return
	}
	for _, c := range cs.few {
		if !yield(c) {
			return
		}
	}
	if cs.many == nil {
		return
	}
	for it := cs.many.Iterator(); !it.Done(); {
		if _, c, _ := it.Next(); !yield(c) {
			return
		}
	}
}

func byNumber(c *open, n uint64) int {
	switch {
	case c.n < n:
		return -1
	case c.n > n:
		return 1
	}
	return 0
}
