package vm

import (
	"fmt"
	"reflect"

	"github.com/go-marketplace/marketplace/actions"
)

// This file ends processes: those that quit, fail, are killed or were bound to others.

// fits reports whether a transition function for states of type want fits p. If it
// does not, p fails, with an error that says what the function is for.
func (k *kernel) fits(p *proc, want reflect.Type, what any) bool {
	if want == nil || want == p.cell.stateType {
		return true
	}
	k.fail(p, fmt.Errorf("%w: in (%v) for %v, but process %v has %v", ErrStateType, what, want, p.label(), p.cell.stateType))
	return false
}

// fitsHandler reports whether a handler, which may be nil, fits p. If not, p fails.
func (k *kernel) fitsHandler(p *proc, h *actions.Handler, what any) bool {
	if h != nil && h.Local != nil && h.State != nil {
		k.fail(p, fmt.Errorf("%w: in (%v) a handler for local value %q and for state %v: it gets one of them", ErrAction, what, h.Local.Name, h.State))
		return false
	}
	return h == nil || k.fits(p, h.State, what)
}

// fail ends p because of its own mistake.
func (k *kernel) fail(p *proc, reason error) { k.end(p, reason) }

func (k *kernel) quit(p *proc, a actions.QuitProcess) {
	victim := p
	if a.PID != 0 && a.PID != p.cell.pid {
		victim = k.procs.get(a.PID)
	}
	if victim == nil {
		k.m.stats.Ignored++
		k.m.record(&Record{Kind: Ignored, at: p, Action: a})
		return
	}
	k.end(victim, a.Reason)
}

// end ends p, which runs no more code. Its endpoints go one after another, and all
// their peers but p itself are told. Then those that monitor p are
// told, and those that p has bound end.
func (k *kernel) end(p *proc, reason error) {
	m := k.m
	m.stats.Ended++
	m.record(&Record{Kind: Ended, at: p, Reason: reason})
	if k.host == nil && p.cell.pid == firstPID && m.phase == running {
		m.failure = reason
	}
	k.discard(p)
	k.unwatchAll(p, reason)
	k.noteDown(p, reason)
	if p == k.acting {
		k.dropBatch(p)
	}
	for _, e := range p.cell.metas() {
		k.emit(item{action: actions.DeleteEndpoint{ID: metaID{p.cell.pid, e.level, e.id}, Reason: reason}, up: e.level - 1})
	}
	m.closeAll(p)
	k.leaving = leaving{p: p, ends: p.cell.endpoints, reason: reason}
}

// dropBatch drops the rest of the batch, because p has ended.
func (k *kernel) dropBatch(p *proc) {
	var first actions.Action
	count := 0
	for _, it := range k.batch[k.at:] {
		k.m.stats.Dropped++
		k.m.record(&Record{Kind: Dropped, at: p, Action: it.action})
		if matters(it.action) {
			if count++; count == 1 {
				first = it.action
			}
		}
	}
	if count > 0 && k.m.warns() {
		k.m.undone(p, first, count)
	}
	clear(k.batch[k.at:])
	k.batch = k.batch[:k.at]
}

// discard removes p from the machine.
func (k *kernel) discard(p *proc) {
	p.dead = true
	if p.scheduled {
		p.scheduled = false
		k.runnable--
	}
	k.m.stats.Dropped += uint64(len(p.cell.queue))
	k.m.backlog -= p.queued()
	k.ownSpace().cells.remove(k.m.owner, p.cell.pid)
	k.procs.remove(k.m.owner, p.cell.pid)
}

// leave removes the next endpoint.
func (k *kernel) leave() {
	l := &k.leaving
	if len(l.ends) == 0 {
		*l = leaving{}
		return
	}
	e := l.ends[0]
	l.ends = l.ends[1:]
	s := entry{l.p, e}
	k.withdraw(s)
	k.announce(s, actions.Absence, l.reason)
}

// endOrphan ends the last orphan. Those that it has bound itself come next.
func (k *kernel) endOrphan() {
	last := len(k.orphans) - 1
	o := k.orphans[last]
	if k.orphans = k.orphans[:last]; last == 0 {
		k.orphans = nil
	}
	if p := k.procs.get(o.pid); p != nil {
		k.end(p, o.reason)
	}
}

// closeAll closes the devices that p, which has ended, and the processes inside it
// hold.
func (m *Machine) closeAll(p *proc) {
	for _, h := range p.cell.holds() {
		delete(m.held, h.address.Generation)
		p.k.countDevices(-1)
		m.command(Command{Kind: Close, Address: h.address})
	}
	if p.inner != nil && p.inner.devices > 0 {
		p.inner.procs.all(func(_ actions.PID, q *proc) bool {
			m.closeAll(q)
			return p.inner.devices > 0
		})
	}
}
