package vm

import (
	"cmp"
	"slices"

	"github.com/go-marketplace/marketplace/actions"
)

// handleLocal tells a handler of p for a local value of an event. The handler is that
// of e or, if e is nil, of a device or a monitor.
func (k *kernel) handleLocal(p *proc, e *endpoint, h *actions.Handler, ev *actions.Event) {
	level := uint32(0)
	if e != nil {
		level = e.level
	}
	a := k.changeLocal(p, callHandler, e, h.Local, level, nil, function{handler: h.Run, ev: ev}, false)
	if a != nil {
		k.take(p, a)
	}
	if len(p.cell.queue) == 0 { // p gets no turn: perhaps nothing keeps it any more
		k.noteCandidate(p)
	}
}

// changeLocal calls a transition function of p that gets a local value for a level and
// returns the next one, and returns its actions.
func (k *kernel) changeLocal(p *proc, kind callKind, e *endpoint, t *actions.Type, level uint32, by actions.Updater, f function, changes bool) actions.Action {
	i, found := p.cell.local(level, t)
	u := &k.local
	u.by, u.level, u.value = by, int(level), nil // a call that panicked may have left a value
	if found {
		u.value = p.cell.extras.locals[i].value
	}
	f.local = u
	a := k.m.transit(p, kind, e, f, changes)
	p.setLocal(i, found, local{level, t, u.next})
	*u = localUpdate{}
	return a
}

// local returns the place of a local value among those of c, and whether it is there.
func (c *cell) local(level uint32, t *actions.Type) (int, bool) {
	if ls := c.locals(); len(ls) > 0 && ls[0].typ == t && ls[0].level == level { // most often it is the only one
		return 0, true
	}
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
		p.own().extras.locals[i].value = l.value
	}
}
