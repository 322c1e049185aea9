package vm

import (
	"errors"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// Observed reports, for a record of kind Ended, whether the reason of the end reaches
// another process: whether, at any level, a handler of absence, or that of a
// monitor, is about to get it that does not ignore it ([actions.IgnoresReason]). A reason that reaches nobody is
// most likely a mistake that goes unnoticed.
func (r *Record) Observed() bool { return r.Kind == Ended && r.at != nil && r.at.observed() }

func (p *proc) observed() bool {
	if p.k.hearsDown(p) {
		return true
	}
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

// hearsAbsence reports whether an endpoint of k, of a process other than p, handles
// the reason when an endpoint with role r goes. The endpoint is of local, which is p
// or a virtual machine with p inside.
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

// warnOfClosing warns if p is about to close endpoint e for a reason from the outside that
// reaches no other process. A driver that cannot open a socket warnOfClosing an endpoint for
// such a reason, and goes on.
//
// It does not warn of reasons that programs make: to close an endpoint with an
// explanation is no mistake, even if nobody gets it.
func (k *kernel) warnOfClosing(p *proc, e *endpoint, reason error) {
	if e.route || !fromOutside(reason) || k.hearsAbsence(p, p, e.role) {
		return
	}
	k.m.unheard(p, e.role.String(), reason)
}

// fromOutside reports whether a reason comes from a device, and is not the stop of
// the machine.
func fromOutside(reason error) bool {
	e, ok := reason.(*world.Error) // an error that wraps one is the program's
	return ok && !errors.Is(e, world.ErrStopped)
}

// innermost returns the process and the endpoint that get the events of endpoint s:
// those of s or, if it is a route, those inside s.p. If they are gone, the endpoint
// that innermost returns has no handler.
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
