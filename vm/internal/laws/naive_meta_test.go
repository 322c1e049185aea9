package laws

import (
	"slices"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/vm"
)

// This file says what happens at meta-levels. An action at a meta-level is
// performed by the process that the virtual machine is, in the machine around.
// It gets there through the queue of that process, after the round. An event
// comes back as a call, after which one round runs.

// A naiveMetaID names, in the machine around, an endpoint of a process inside.
type naiveMetaID struct {
	pid   actions.PID
	level int
	id    actions.EndpointID
}

func (p *naiveProc) meta(level int, id actions.EndpointID) *naiveEnd {
	for _, e := range p.metas {
		if e.level == level && e.id == id {
			return e
		}
	}
	return nil
}

// liftTree performs the leaves of a tree at the given level.
func (p *naiveProc) liftTree(as actions.Action, level int) {
	for leaf := range actions.Leaves(as) {
		switch a := leaf.(type) {
		case actions.MetaLevel:
			p.liftTree(a.Action, level+1)
		default:
			p.lift(naiveItem{action: leaf, up: level})
		}
		if p.dead {
			return
		}
	}
}

// lift performs an action of p that many levels up.
func (p *naiveProc) lift(it naiveItem) {
	v, level := p.vm, it.up
	if level > v.level() {
		p.fail(vm.ErrNoOuterLevel)
		return
	}
	out := naiveItem{up: level - 1, from: it.whose(p)}
	switch a := it.action.(type) {
	case *actions.SendMessage, actions.QuitProcess:
		out.action = a
	case actions.AddEndpoint:
		id, ok := p.addMeta(a, level, it.hear, false)
		if !ok {
			return
		}
		out.action = actions.AddEndpoint{ID: id, Role: a.Role}
		out.hear = p.hearMeta(id)
	case actions.ReplaceEndpoint:
		id, ok := p.addMeta(a.AddEndpoint, level, it.hear, true)
		if !ok {
			return
		}
		out.action = actions.ReplaceEndpoint{AddEndpoint: actions.AddEndpoint{ID: id, Role: a.Role}}
		out.hear = p.hearMeta(id)
	case actions.DeleteEndpoint:
		if e := p.meta(level, a.ID); e != nil {
			p.metas = slices.DeleteFunc(p.metas, func(o *naiveEnd) bool { return o == e })
			e.gone = true
		}
		out.action = actions.DeleteEndpoint{ID: naiveMetaID{p.pid, level, a.ID}, Reason: a.Reason}
	case actions.SpawnProcess:
		if a.Monitor != nil {
			p.fail(vm.ErrAction)
			return
		}
		if a.Then != nil && !p.fits(a.Then.State) {
			return
		}
		out.then = p.thenMeta(a.Then, it.then)
		a.Then = nil
		out.action = a
	default:
		p.fail(vm.ErrAction)
		return
	}
	v.out = append(v.out, out)
}

// addMeta opens an endpoint of p at a meta-level as far as p is concerned.
func (p *naiveProc) addMeta(a actions.AddEndpoint, level int, hear func(*actions.Event), move bool) (naiveMetaID, bool) {
	if !p.mayOpen(a) {
		return naiveMetaID{}, false
	}
	if a.ID == nil {
		p.anonymous++
		a.ID = naiveAnonymous(p.anonymous)
	}
	e := p.meta(level, a.ID)
	switch {
	case e == nil:
		e = &naiveEnd{id: a.ID, level: level, counts: map[string]*naiveCount{}}
		p.metas = append(p.metas, e)
	case !move && !e.role.Equal(a.Role):
		p.fail(vm.ErrRole)
		return naiveMetaID{}, false
	}
	e.role, e.handler, e.hear = a.Role, a.Handler, hear
	return naiveMetaID{p.pid, level, a.ID}, true
}

// hearMeta returns what p's machine, as a process, does about an event of an
// endpoint of p: it tells p, if the endpoint is still there, as it is now, and
// runs one round in any case.
func (p *naiveProc) hearMeta(id naiveMetaID) func(*actions.Event) {
	return func(ev *actions.Event) {
		if e := p.meta(id.level, id.id); e != nil && !p.dead {
			naiveEntry{p, e}.tell(ev)
		} else if p.vm.m.faults.SwallowedNoRound {
			return
		}
		p.vm.round()
	}
}

// thenMeta returns what p's machine, as a process, does when it has spawned a
// process on behalf of p: it continues p, if p is still there, or what is
// further inside, and runs one round in any case. It returns nil if nobody
// waits for that.
func (p *naiveProc) thenMeta(then *actions.Resumption, inside func(actions.PID)) func(actions.PID) {
	if then == nil && inside == nil {
		return nil
	}
	w := &naiveWait{p}
	p.waits = append(p.waits, w)
	return func(child actions.PID) {
		if !p.dead {
			p.waits = slices.DeleteFunc(p.waits, func(o *naiveWait) bool { return o == w })
			if then != nil {
				p.push(p.run(func(state any) (any, actions.Action) { return then.Run(state, child) }))
			} else {
				inside(child)
			}
		}
		p.vm.round()
	}
}
