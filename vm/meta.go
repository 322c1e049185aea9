package vm

import (
	"fmt"
	"slices"

	"github.com/go-marketplace/marketplace/actions"
)

// An action at a meta-level is performed by the machine in which the process
// lives, as a process of its container. So it goes outward level by level:
// each machine on the way keeps a record of its own, by which events find
// their way back inward.

// liftTree performs the leaves of a tree one or more levels up.
func (k *kernel) liftTree(p *proc, a actions.MetaLevel) {
	switch a.Action.(type) {
	case nil:
		return
	case actions.Tree, actions.MetaLevel:
	default: // most often it is just one
		k.lift(p, item{action: a.Action, up: 1})
		return
	}
	type branch struct {
		level uint32
		rest  actions.Tree
	}
	stack := []branch{{1, actions.Tree{a.Action}}}
	for len(stack) > 0 && !p.dead {
		b := &stack[len(stack)-1]
		if len(b.rest) == 0 {
			stack = stack[:len(stack)-1]
			continue
		}
		leaf := b.rest[0]
		b.rest = b.rest[1:]
		switch a := leaf.(type) {
		case nil:
		case actions.Tree:
			stack = append(stack, branch{b.level, a})
		case actions.MetaLevel:
			stack = append(stack, branch{b.level + 1, actions.Tree{a.Action}})
		default:
			k.lift(p, item{action: leaf, up: b.level})
		}
	}
}

// lift performs an action of p it.up levels up.
func (k *kernel) lift(p *proc, it item) {
	level := it.up
	if level > k.depth {
		k.fail(p, fmt.Errorf("%w: %v at %d levels up from level %d", ErrNoOuterLevel, describe(it.action), level, k.depth))
		return
	}
	out := item{action: it.action, up: level - 1, resume: it.resume}
	switch a := it.action.(type) {
	case *actions.SendMessage:
		out.resume = p.sender(it.resume)
	case actions.QuitProcess:
	case actions.AddEndpoint:
		outer, ok := k.keepMeta(p, level, a, false)
		if !ok {
			return
		}
		out.action = outer
	case actions.ReplaceEndpoint:
		outer, ok := k.keepMeta(p, level, a.AddEndpoint, true)
		if !ok {
			return
		}
		out.action = actions.ReplaceEndpoint{AddEndpoint: outer}
	case actions.DeleteEndpoint:
		k.dropMeta(p, level, a.ID)
		out.action = actions.DeleteEndpoint{ID: metaID{p.cell.pid, level, a.ID}, Reason: a.Reason}
	case actions.SpawnProcess:
		if a.Then != nil {
			if !k.fits(p, a.Then.State, "continuation of a spawn") {
				return
			}
			out.resume = k.keepWait(p, wait{resume: a.Then})
			a.Then = nil
			out.action = a
		} else if it.resume != nil {
			out.resume = k.keepWait(p, wait{inner: it.resume})
		}
	default:
		k.fail(p, fmt.Errorf("%w at a meta-level: %v", ErrAction, describe(a)))
		return
	}
	k.emit(out)
}

// emit makes an item one of the process that k is, in the machine around it.
func (k *kernel) emit(it item) { k.out = append(k.out, it) }

// keepMeta notes that p has an endpoint at a meta-level, and returns it as the
// one to be opened there.
func (k *kernel) keepMeta(p *proc, level uint32, a actions.AddEndpoint, move bool) (actions.AddEndpoint, bool) {
	if !k.check(p, &a) {
		return a, false
	}
	c := p.own()
	if a.ID == nil {
		c.seq++
		a.ID = anonymous(c.seq)
	}
	e := newEnd(a, 0)
	e.level = level
	if old := p.meta(level, a.ID); old != nil {
		if !move && !old.role.Equal(a.Role) {
			k.fail(p, fmt.Errorf("%w: %v is %v, and not %v: use actions.Replace", ErrRole, a.ID, old.role, a.Role))
			return a, false
		}
		e.seq = old.seq
		metas := c.more.metas
		metas[slices.Index(metas, old)] = e
		k.recount(p, old, e)
	} else {
		c.seq++
		e.seq = c.seq
		c.rest().metas = append(c.rest().metas, e)
	}
	return actions.AddEndpoint{ID: metaID{p.cell.pid, level, a.ID}, Role: a.Role}, true
}

// dropMeta forgets an endpoint of p at a meta-level. If there is none, the machine
// in which it would be counts that, and not those on the way.
func (k *kernel) dropMeta(p *proc, level uint32, id actions.EndpointID) {
	e := p.meta(level, id)
	if e == nil {
		return
	}
	c := p.own()
	c.more.metas = slices.DeleteFunc(c.more.metas, func(o *end) bool { return o == e })
	c.forget(e)
}

// keepWait notes that p waits for the PID of a process that is spawned at a
// meta-level.
func (k *kernel) keepWait(p *proc, w wait) *continuation {
	r := p.own().rest()
	r.waitSeq++
	w.id = r.waitSeq
	r.waits = append(r.waits, w)
	return &continuation{pid: p.cell.pid, id: w.id}
}

// sender returns p as the sender of a message at a meta-level, or, if inner is
// given, the process inside p that sends it. It is made anew only if the last
// message was that of another process, because it is wanted for every message.
func (p *proc) sender(inner *continuation) *continuation {
	if p.sends == nil || p.sends.inner != inner {
		p.sends = &continuation{pid: p.cell.pid, inner: inner}
	}
	return p.sends
}

// of reports whether id names an endpoint of process c.
func (id metaID) of(c *continuation) bool {
	for ; c != nil && id.pid == c.pid; c = c.inner {
		next, further := id.id.(metaID)
		if !further || c.inner == nil {
			return !further && c.inner == nil
		}
		id = next
	}
	return false
}

// sameProcess reports whether s and o are endpoints of one process, which may be
// further inside.
func (s entry) sameProcess(o entry) bool {
	if s.p != o.p {
		return false
	}
	a, inside := s.e.id.(metaID)
	b, _ := o.e.id.(metaID)
	for inside {
		if a.pid != b.pid {
			return false
		}
		if a, inside = a.id.(metaID); inside {
			b, _ = b.id.(metaID)
		}
	}
	return true
}

// continueWait tells the process that waits the PID of its child, and has a
// round run.
func (k *kernel) continueWait(to continuation, child actions.PID) {
	k.due = true
	p := k.procs.get(to.pid)
	if p == nil {
		return
	}
	r := p.own().rest()
	i := slices.IndexFunc(r.waits, func(w wait) bool { return w.id == to.id })
	if i < 0 {
		return
	}
	w := r.waits[i]
	r.waits = slices.Delete(r.waits, i, i+1)
	if w.inner != nil {
		p.inner.continueWait(*w.inner, child)
		k.inside = p.inner
		return
	}
	k.suspect(p)
	resume := *w.resume
	k.hearing.set(p, nil, &actions.Handler{State: p.cell.stateType, Run: func(state any, _ *actions.Event) (any, actions.Action) {
		return resume.Run(state, child)
	}}, &actions.Event{Kind: resumed})
}

// resumed is the kind of event with which a process is continued that has
// spawned another one at a meta-level.
const resumed = actions.EventKind(actions.Kinds)
