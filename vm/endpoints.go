package vm

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/go-marketplace/marketplace/actions"
)

// check reports whether p can open endpoint a. If not, p fails.
func (k *kernel) check(p *proc, a *actions.AddEndpoint) bool {
	if a.ID != nil && !reflect.ValueOf(a.ID).Comparable() {
		k.fail(p, fmt.Errorf("%w: %T is no name for an endpoint, because it cannot be compared", ErrAction, a.ID))
		return false
	}
	if !a.Role.Topic.Valid() || a.Role.Orientation > 1 || a.Role.Interest > 2 {
		k.fail(p, fmt.Errorf("%w: endpoint with role %v", ErrAction, a.Role))
		return false
	}
	if a.Handler != nil && a.Handler.Run == nil {
		a.Handler = nil
	}
	return k.fitsHandler(p, a.Handler, a.Role)
}

func (k *kernel) add(p *proc, a actions.AddEndpoint) {
	if !k.check(p, &a) {
		return
	}
	if a.ID != nil {
		if old := p.local(a.ID); old != nil {
			if !old.role.Equal(a.Role) {
				k.fail(p, fmt.Errorf("%w: %v is %v, and not %v: use actions.Replace", ErrRole, a.ID, old.role, a.Role))
				return
			}
			k.update(p, old, a.Handler)
			return
		}
	}
	c := p.own()
	c.seq++
	e := newEndpoint(a, c.seq)
	c.endpoints = append(c.endpoints, e)
	if p.byID != nil {
		p.byID[e.id] = e
	}
	k.enroll(entry{p, e})
	k.announce(entry{p, e}, actions.Presence, nil)
}

func newEndpoint(a actions.AddEndpoint, seq uint32) *endpoint {
	e := &endpoint{id: a.ID, role: a.Role, seq: seq, passive: a.Passive}
	e.handle(a.Handler)
	if e.id == nil {
		e.id = anonymous(seq)
	}
	_, e.route = e.id.(metaID)
	return e
}

// update gives endpoint old of p a new handler.
func (k *kernel) update(p *proc, old *endpoint, h *actions.Handler) {
	e := *old
	e.handle(h)
	k.index[e.role.Orientation].Replace(e.role.Topic, entry{p, old}, entry{p, &e})
	p.exchange(old, &e)
	k.recount(p, old, &e)
}

// exchange puts e in the place of old, which has the same number.
func (p *proc) exchange(old, e *endpoint) {
	c := p.own()
	c.endpoints[slices.Index(c.endpoints, old)] = e
	if p.byID != nil {
		p.byID[e.id] = e
	}
}

// replace moves an endpoint of p to another role.
func (k *kernel) replace(p *proc, a actions.AddEndpoint) {
	var old *endpoint
	if a.ID != nil && reflect.ValueOf(a.ID).Comparable() {
		old = p.local(a.ID)
	}
	if old == nil || old.role.Equal(a.Role) {
		k.add(p, a)
		return
	}
	if !k.check(p, &a) {
		return
	}
	e := newEndpoint(a, old.seq)
	k.withdraw(entry{p, old})
	p.exchange(old, e)
	k.enroll(entry{p, e})
	k.move(entry{p, e}, old)
	k.recount(p, old, e)
}

func (k *kernel) delete(p *proc, a actions.DeleteEndpoint) {
	var e *endpoint
	if a.ID != nil && reflect.ValueOf(a.ID).Comparable() {
		e = p.local(a.ID)
	}
	if e == nil {
		k.m.stats.Ignored++
		k.m.record(&Record{Kind: Ignored, at: p, Action: a})
		return
	}
	if a.Reason != nil && k.m.warns() {
		k.warnOfClosing(p, e, a.Reason)
	}
	c := p.own()
	i, _ := slices.BinarySearchFunc(c.endpoints, e.seq, func(e *endpoint, seq uint32) int { return int(int64(e.seq) - int64(seq)) })
	c.endpoints = slices.Delete(c.endpoints, i, i+1)
	delete(p.byID, e.id)
	c.forget(e)
	s := entry{p, e}
	k.withdraw(s)
	k.announce(s, actions.Absence, a.Reason)
}
