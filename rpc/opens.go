package rpc

import (
	"cmp"
	"slices"

	"github.com/benbjohnson/immutable"
)

// opens are open calls by their numbers. The zero opens is empty. It never changes.
//
// Most often there is only one. Several are a list, which is copied for each change, and
// many are a tree.
type opens struct {
	one  *open    // if there is one
	more *several // if there are more
}

type several struct {
	few  []*open
	many *immutable.SortedMap[uint64, *open] // nil for few
}

// maxFew is how many calls are kept in a list.
const maxFew = 8

func (cs opens) len() int {
	switch {
	case cs.one != nil:
		return 1
	case cs.more == nil:
		return 0
	case cs.more.many != nil:
		return cs.more.many.Len()
	}
	return len(cs.more.few)
}

// get returns the call with a number, or nil.
func (cs opens) get(n uint64) *open {
	switch {
	case cs.one != nil:
		if cs.one.n == n {
			return cs.one
		}
	case cs.more == nil:
	case cs.more.many != nil:
		c, _ := cs.more.many.Get(n)
		return c
	default:
		if i, found := slices.BinarySearchFunc(cs.more.few, n, byNumber); found {
			return cs.more.few[i]
		}
	}
	return nil
}

// with returns cs with c, in the place of a call with the same number.
func (cs opens) with(c *open) opens {
	var few []*open
	switch {
	case cs.more != nil && cs.more.many != nil:
		return opens{more: &several{many: cs.more.many.Set(c.n, c)}}
	case cs.more != nil:
		few = cs.more.few
	case cs.one == nil || cs.one.n == c.n:
		return opens{one: c}
	default:
		few = []*open{cs.one}
	}
	i, found := slices.BinarySearchFunc(few, c.n, byNumber)
	switch {
	case found:
		few = slices.Clone(few)
		few[i] = c
	case len(few) < maxFew:
		few = slices.Insert(slices.Clip(few), i, c)
	default:
		many := immutable.NewSortedMapBuilder[uint64, *open](nil)
		for _, d := range few {
			many.Set(d.n, d)
		}
		many.Set(c.n, c)
		return opens{more: &several{many: many.Map()}}
	}
	return opens{more: &several{few: few}}
}

// without returns cs without the call with a number, if it is there.
func (cs opens) without(n uint64) opens {
	switch {
	case cs.get(n) == nil:
		return cs
	case cs.len() == 1:
		return opens{}
	case cs.more.many != nil:
		return opens{more: &several{many: cs.more.many.Delete(n)}}
	}
	return opens{more: &several{few: slices.DeleteFunc(slices.Clone(cs.more.few), func(c *open) bool { return c.n == n })}}
}

// all yields the calls in the order of their numbers.
func (cs opens) all(yield func(*open) bool) {
	switch {
	case cs.one != nil:
		yield(cs.one)
	case cs.more == nil:
	case cs.more.many != nil:
		for it := cs.more.many.Iterator(); !it.Done(); {
			if _, c, _ := it.Next(); !yield(c) {
				return
			}
		}
	default:
		for _, c := range cs.more.few {
			if !yield(c) {
				return
			}
		}
	}
}

func byNumber(c *open, n uint64) int { return cmp.Compare(c.n, n) }
