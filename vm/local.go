package vm

import (
	"fmt"

	"github.com/go-marketplace/marketplace/actions"
)

// updateLocal continues p with its local value for a level. It returns what p performs
// next: the actions of the continuation, and then rest.
func (k *kernel) updateLocal(p *proc, a *actions.UpdateLocal, level uint32, rest actions.Tree) (then actions.Action) {
	switch {
	case a == nil || a.Local == nil || a.Update == nil:
		k.fail(p, fmt.Errorf("%w: UpdateLocal without a type or a function: make one with actions.Local", ErrAction))
		return nil
	case level > k.depth:
		k.fail(p, fmt.Errorf("%w: %v at %d levels up from level %d", ErrNoOuterLevel, quoted(a), level, k.depth))
		return nil
	case !k.fits(p, a.State, a):
		return nil
	}
	if k.continued++; k.continued > k.m.limits.Queue {
		k.fail(p, fmt.Errorf("%w: more than %d updates of local values in one turn", ErrOverflow, k.m.limits.Queue))
		return nil
	}
	then = k.changeLocal(p, callContinue, nil, a.Local, level, a.Update, function{}, a.State != nil)
	if len(rest) > 0 {
		then = append(actions.Tree{then}, rest...)
	}
	return then
}
