package vm

import (
	"fmt"
	"slices"

	"github.com/go-marketplace/marketplace/actions"
)

// The machine in which a process lives performs its actions at a meta-level, as a
// process of the machine around it. So an action goes outward level by level, and
// each machine on the way keeps an endpoint of its own, by which events find their
// way back inward.

// liftTree performs the leaves of a tree one or more levels up.
func (k *kernel) liftTree(p *proc, a actions.MetaLevel) {
	switch a.Action.(type) {
	case nil:
		return
	case actions.Tree, actions.MetaLevel, *actions.UpdateLocal:
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
		case *actions.UpdateLocal:
			var rest actions.Tree // what comes after it, at its levels
			for _, b := range slices.Backward(stack) {
				if len(b.rest) > 0 {
					rest = append(rest, actions.AtLevel(int(b.level), b.rest))
				}
			}
			k.prepend(k.updateLocal(p, a, b.level, rest))
			return
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
		k.fail(p, fmt.Errorf("%w: %v at %d levels up from level %d", ErrNoOuterLevel, quoted(it.action), level, k.depth))
		return
	}
	out := item{action: it.action, up: level - 1, resume: it.resume}
	switch a := it.action.(type) {
	case *actions.SendMessage:
		if k.m.limits.Strict && a != nil && it.resume == nil && !k.advertises(p.metasAt(level), a) {
			k.failToAdvertise(p, a)
			return
		}
		out.resume = p.sender(it.resume)
	case actions.QuitProcess:
	case actions.AddEndpoint:
		outer, ok := k.addMeta(p, level, a, false)
		if !ok {
			return
		}
		out.action = outer
	case actions.ReplaceEndpoint:
		outer, ok := k.addMeta(p, level, a.AddEndpoint, true)
		if !ok {
			return
		}
		out.action = actions.ReplaceEndpoint{AddEndpoint: outer}
	case actions.DeleteEndpoint:
		k.removeMeta(p, level, a.ID)
		out.action = actions.DeleteEndpoint{ID: metaID{p.cell.pid, level, a.ID}, Reason: a.Reason}
	case actions.SpawnProcess:
		if a.Monitor != nil {
			k.fail(p, fmt.Errorf("%w at a meta-level: a spawn with a monitor", ErrAction))
			return
		}
		if a.Then != nil {
			if !k.fits(p, a.Then.State, "continuation of a spawn") {
				return
			}
			out.resume = k.addWait(p, spawnWait{resume: a.Then})
			a.Then = nil
			out.action = a
		} else if it.resume != nil {
			out.resume = k.addWait(p, spawnWait{inner: it.resume})
		}
	default:
		k.fail(p, fmt.Errorf("%w at a meta-level: %v", ErrAction, quoted(a)))
		return
	}
	k.emit(out)
}

// addMeta gives p an endpoint at a meta-level, and returns the one to open there.
func (k *kernel) addMeta(p *proc, level uint32, a actions.AddEndpoint, move bool) (actions.AddEndpoint, bool) {
	if !k.check(p, &a) {
		return a, false
	}
	c := p.own()
	if a.ID == nil {
		c.seq++
		a.ID = anonymous(c.seq)
	}
	e := newEndpoint(a, 0)
	e.level = level
	if old := p.meta(level, a.ID); old != nil {
		if !move && !old.role.Equal(a.Role) {
			k.fail(p, fmt.Errorf("%w: %v is %v, and not %v: use actions.Replace", ErrRole, a.ID, old.role, a.Role))
			return a, false
		}
		e.seq = old.seq
		if old.role.Equal(a.Role) {
			e.passive = old.passive // as for a local endpoint, which gets a new handler only
		}
		metas := c.extras.metas
		metas[slices.Index(metas, old)] = e
		k.recount(p, old, e)
	} else {
		c.seq++
		e.seq = c.seq
		c.ensureExtras().metas = append(c.ensureExtras().metas, e)
	}
	return actions.AddEndpoint{ID: metaID{p.cell.pid, level, a.ID}, Role: a.Role}, true
}

// removeMeta removes an endpoint of p at a meta-level. If there is none, the machine
// in which it would be counts that, and not those on the way.
func (k *kernel) removeMeta(p *proc, level uint32, id actions.EndpointID) {
	e := p.meta(level, id)
	if e == nil {
		return
	}
	c := p.own()
	c.extras.metas = slices.DeleteFunc(c.extras.metas, func(o *endpoint) bool { return o == e })
	c.forget(e)
}

// addWait makes p wait for the PID of a process spawned at a meta-level.
func (k *kernel) addWait(p *proc, w spawnWait) *continuation {
	r := p.own().ensureExtras()
	r.waitSeq++
	w.id = r.waitSeq
	r.waits = append(r.waits, w)
	return &continuation{pid: p.cell.pid, id: w.id}
}

// sender returns p as the sender of a message at a meta-level or, if inner is not
// nil, the process inside p that sends it. It keeps the value for the next message,
// which most often has the same sender.
func (p *proc) sender(inner *continuation) *continuation {
	if p.sends == nil || p.sends.inner != inner {
		p.sends = &continuation{pid: p.cell.pid, inner: inner}
	}
	return p.sends
}

// continueSpawn tells the process that waits the PID of its child, and makes a round
// due.
func (k *kernel) continueSpawn(to continuation, child actions.PID) {
	k.roundDue = true
	p := k.procs.get(to.pid)
	if p == nil {
		return
	}
	r := p.own().ensureExtras()
	i := slices.IndexFunc(r.waits, func(w spawnWait) bool { return w.id == to.id })
	if i < 0 {
		return
	}
	w := r.waits[i]
	r.waits = slices.Delete(r.waits, i, i+1)
	if w.inner != nil {
		p.inner.continueSpawn(*w.inner, child)
		k.inside = p.inner
		return
	}
	k.noteCandidate(p)
	k.resuming = pendingResume{p, w.resume, child}
}
