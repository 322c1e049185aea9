package vm

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/go-marketplace/marketplace/actions"
)

// updateLocal continues p with its local value for a level, and then performs rest.
func (k *kernel) updateLocal(p *proc, a *actions.UpdateLocal, level uint32, rest actions.Tree) {
	switch {
	case a == nil || a.Local == nil || a.Update == nil:
		k.fail(p, fmt.Errorf("%w: UpdateLocal without a type or a function: make one with actions.Local", ErrAction))
		return
	case level > k.depth:
		k.fail(p, fmt.Errorf("%w: %v at %d levels up from level %d", ErrNoOuterLevel, quoted(a), level, k.depth))
		return
	case !k.fits(p, a.State, a):
		return
	}
	if k.continued++; k.continued > k.m.limits.Queue {
		k.fail(p, fmt.Errorf("%w: more than %d updates of local values in one turn", ErrOverflow, k.m.limits.Queue))
		return
	}
	i, found := p.cell.local(level, a.Local)
	u := &k.local
	*u = localUpdate{by: a.Update, level: int(level)}
	if found {
		u.value = p.cell.extras.locals[i].value
	}
	then := k.m.transit(p, callContinue, nil, function{local: u}, a.State != nil)
	p.setLocal(i, found, local{level, a.Local, u.next})
	*u = localUpdate{}
	if len(rest) > 0 {
		then = append(actions.Tree{then}, rest...)
	}
	k.prepend(then)
}

// local returns the place of a local value among those of c, and whether it is there.
func (c *cell) local(level uint32, t *actions.Type) (int, bool) {
	return slices.BinarySearchFunc(c.locals(), t, func(l local, t *actions.Type) int {
		return cmp.Or(cmp.Compare(l.level, level), cmp.Compare(l.typ.Name, t.Name))
	})
}

// setLocal puts a local value in place i, where found says that there is one already.
// It removes the value if l has none.
func (p *proc) setLocal(i int, found bool, l local) {
	p.locals = true
	switch {
	case !found && l.value == nil:
	case !found:
		r := p.own().ensureExtras()
		r.locals = slices.Insert(r.locals, i, l)
	case l.value == nil:
		r := p.own().extras
		r.locals = slices.Delete(r.locals, i, i+1)
	default:
		p.own().extras.locals[i] = l
	}
}
