package vm

import (
	"errors"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// Observed reports, for a record of kind Ended, whether some other process is
// about to be told of the absence of the process: whether a handler for absence
// is there, at whatever level, that gets the reason and does not ignore it
// ([actions.IgnoresReason]). An end with a reason that nobody observes is
// most likely a mistake that nobody hears of.
func (r *Record) Observed() bool { return r.Kind == Ended && r.at != nil && r.at.observed() }

func (p *proc) observed() bool {
	for _, e := range p.cell.endpoints {
		if p.k.hearsAbsence(p, p, e.role) {
			return true
		}
	}
	for _, e := range p.cell.metas() {
		host := p
		for range e.level {
			host = host.k.host
		}
		if host.k.hearsAbsence(p, host, e.role) {
			return true
		}
	}
	return false
}

// hearsAbsence reports whether some endpoint of k hears of the absence of an
// endpoint with role r, which belongs to local or, if that is a virtual
// machine, to p inside it.
func (k *kernel) hearsAbsence(p, local *proc, r topic.Role) bool {
	x := k.index[r.Orientation.Opposite()]
	if x == nil {
		return false
	}
	var buf []entry
	for _, o := range x.Related(r.Topic, &buf) {
		if o.p.dead || !o.e.role.Sees(r) || p == local && o.p == p {
			continue
		}
		if q, e := o.innermost(); q != p && e.handler != nil && e.handler.Events.Has(actions.Absence) && e.handler.Events&actions.IgnoresReason == 0 {
			return true
		}
	}
	return false
}

// closes tells of an endpoint of p that is about to be closed for a reason that
// comes from the outside, and that no other process is told of. A driver that
// cannot have a socket says so in this way, and goes on.
//
// Reasons that programs make are not told of: to go with an explanation is no
// mistake, even if nobody is there to hear it.
func (k *kernel) closes(p *proc, e *endpoint, reason error) {
	if e.route || !fromOutside(reason) || k.hearsAbsence(p, p, e.role) {
		return
	}
	k.m.unheard(p, e.role.String(), reason)
}

// fromOutside reports whether a reason comes from a device, but for the stop of
// the machine.
func fromOutside(reason error) bool {
	e, ok := reason.(*world.Error) // and not what wraps one, whose methods are the program's
	return ok && !errors.Is(e, world.ErrStopped)
}

// innermost returns the process that hears what endpoint s is told, which is
// inside s.p if that is a virtual machine, and its endpoint. The endpoint has no
// handler if the process is gone.
func (s entry) innermost() (*proc, *endpoint) {
	for s.e.route {
		id := s.e.id.(metaID)
		p := s.p.inner.procs.get(id.pid)
		if p == nil {
			return s.p, s.e
		}
		e := p.meta(id.level, id.id)
		if e == nil {
			return p, s.e
		}
		s = entry{p, e}
	}
	return s.p, s.e
}
