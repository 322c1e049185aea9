package vm

import (
	"errors"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// This file warns of ends that nobody observes, and of actions left undone. Messages
// that nobody hears are in misses.go.

// Warn makes the machine call f from now on for each warning, instead of the function
// before, and keep the account of [Machine.Misses]. The Warning is valid during the
// call only. The function f must not be nil, nor call methods of the machine.
func (m *Machine) Warn(f func(*Warning)) {
	m.warn = f
	if m.misses == nil {
		m.misses = &misses{}
	}
	m.misses.near = func(miss Miss) { f(&Warning{Kind: NearMiss, Path: miss.Path, Name: miss.Name, Miss: miss}) }
}

// warns reports whether Warn was called.
func (m *Machine) warns() bool { return m.warn != nil }

// unheard warns of an endpoint or a device of p that has ended.
func (m *Machine) unheard(p *proc, what string, reason error) {
	m.warn(&Warning{Kind: Unheard, Path: p.path(), Name: p.cell.name, What: what, Reason: reason})
}

// undone warns of count actions that p has left undone.
func (m *Machine) undone(p *proc, first actions.Action, count int) {
	m.warn(&Warning{Kind: Undone, Path: p.path(), Name: p.cell.name, Action: first, Count: count})
}

// warnOfClosing warns if p is about to close endpoint e for a reason from the outside
// that reaches no other process. A driver that cannot open a socket closes an endpoint
// for such a reason, and goes on.
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

// Observed reports, for a record of kind Ended, whether the reason of the end reaches
// another process: whether, at any level, a handler of absence, or that of a
// monitor, is about to get it that does not ignore it ([actions.IgnoresReason]). A
// reason that reaches nobody is most likely a mistake that goes unnoticed.
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
