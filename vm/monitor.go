package vm

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/go-marketplace/marketplace/actions"
)

// A monitor is the request of a process to be told when process pid of the same
// machine has gone.
type monitor struct {
	pid     actions.PID
	handler *actions.Handler // nil if there is nothing to do
	binds   bool             // pid ends with the process
}

// An orphan is a process that is to end, because one that bound it has ended.
type orphan struct {
	pid    actions.PID
	reason error
}

// A down is the news for process p that process pid has gone. Until p is told, it has
// its monitor.
type down struct {
	p      *proc
	pid    actions.PID
	reason error
}

// monitored returns the place of the monitor of c for pid, and whether there is one.
func (c *cell) monitored(pid actions.PID) (int, bool) {
	if c.extras == nil {
		return 0, false
	}
	return slices.BinarySearchFunc(c.extras.monitors, pid, func(m monitor, pid actions.PID) int { return cmp.Compare(m.pid, pid) })
}

// monitor makes p monitor another process, or gives it another handler for that.
func (k *kernel) monitor(p *proc, a actions.MonitorProcess) {
	if a.PID == 0 || a.PID == p.cell.pid {
		k.fail(p, fmt.Errorf("%w: a process cannot monitor itself, nor PID 0, which is nobody's", ErrAction))
		return
	}
	if !k.checkMonitor(p, &a) {
		return
	}
	r := p.own().ensureExtras()
	i, found := p.cell.monitored(a.PID)
	if found {
		r.monitors[i].handler, r.monitors[i].binds = a.Handler, a.Binds
		return
	}
	r.monitors = slices.Insert(r.monitors, i, monitor{a.PID, a.Handler, a.Binds})
	if k.procs.get(a.PID) == nil {
		k.downs = append(k.downs, down{p, a.PID, ErrNoProcess})
		return
	}
	k.watch(p, a.PID)
}

// checkMonitor reports whether p can have a monitor. If not, p fails.
func (k *kernel) checkMonitor(p *proc, a *actions.MonitorProcess) bool {
	if a.Handler != nil && a.Handler.Run == nil {
		a.Handler = nil
	}
	return a.Handler == nil || k.fits(p, a.Handler.State, *a)
}

// unmonitor ends what monitor began.
func (k *kernel) unmonitor(p *proc, a actions.UnmonitorProcess) {
	i, found := p.cell.monitored(a.PID)
	if !found {
		k.m.stats.Ignored++
		k.m.record(&Record{Kind: Ignored, at: p, Action: a})
		return
	}
	r := p.own().extras
	r.monitors = slices.Delete(r.monitors, i, i+1)
	k.unwatch(a.PID)
}

// watchers are the processes that monitor one, by PID, and perhaps some that do not
// any more: to take each out at once would take quadratic time for many.
type watchers struct {
	procs []*proc
	stale int // how many of them do not monitor it any more
}

// watch notes that p monitors pid.
func (k *kernel) watch(p *proc, pid actions.PID) {
	w := k.watching[pid]
	if w == nil {
		if k.watching == nil {
			k.watching = map[actions.PID]*watchers{}
		}
		w = &watchers{}
		k.watching[pid] = w
	}
	i, found := slices.BinarySearchFunc(w.procs, p, byPID)
	if found {
		w.stale--
		return
	}
	w.procs = slices.Insert(w.procs, i, p)
}

// unwatch notes that one process less monitors pid.
func (k *kernel) unwatch(pid actions.PID) {
	w := k.watching[pid]
	if w.stale++; 2*w.stale <= len(w.procs) {
		return
	}
	w.procs, w.stale = slices.DeleteFunc(w.procs, func(p *proc) bool { return !p.monitors(pid) }), 0
	if len(w.procs) == 0 {
		delete(k.watching, pid)
	}
}

// monitors reports whether p monitors pid.
func (p *proc) monitors(pid actions.PID) bool {
	_, found := p.cell.monitored(pid)
	return found && !p.dead
}

// monitorsOf yields the processes that monitor pid, by PID.
func (k *kernel) monitorsOf(pid actions.PID) iter.Seq[*proc] {
	return func(yield func(*proc) bool) {
		w := k.watching[pid]
		if w == nil {
			return
		}
		for _, p := range w.procs {
			if p.monitors(pid) && !yield(p) {
				return
			}
		}
	}
}

// unwatchAll notes that p, which has ended, monitors nobody any more, and that those
// that it has bound are to end.
func (k *kernel) unwatchAll(p *proc, reason error) {
	if p.cell.extras == nil {
		return
	}
	for _, m := range p.cell.extras.monitors {
		k.unwatch(m.pid)
		if m.binds {
			k.orphans = append(k.orphans, orphan{m.pid, orphaned(reason)})
		}
	}
}

// orphaned returns the reason for those that a process has bound that has ended.
func orphaned(reason error) error {
	switch {
	case reason == nil:
		return ErrOrphaned
	case errors.Is(reason, ErrOrphaned):
		return reason
	default:
		return fmt.Errorf("%w: %w", ErrOrphaned, reason)
	}
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

// noteDown notes that those that monitor p, which has gone, are to be told.
func (k *kernel) noteDown(p *proc, reason error) {
	pid := p.cell.pid
	for w := range k.monitorsOf(pid) {
		k.downs = append(k.downs, down{w, pid, reason})
	}
	delete(k.watching, pid)
}

// tellDown tells the next process that one that it monitored has gone.
func (k *kernel) tellDown() {
	d := k.downs[0]
	if k.downs = k.downs[1:]; len(k.downs) == 0 {
		k.downs = nil
	}
	i, _ := d.p.cell.monitored(d.pid)
	r := d.p.own().extras
	h := r.monitors[i].handler
	r.monitors = slices.Delete(r.monitors, i, i+1)
	k.noteCandidate(d.p)
	ev := &actions.Event{Kind: actions.Down, Value: d.pid, Reason: d.reason}
	if h == nil {
		k.m.told(d.p, nil, ev)
		return
	}
	k.call.set(d.p, nil, h, ev)
}

// orderDowns puts the news of processes that were removed together into the order of
// their PIDs, and then of those that monitored them.
func (k *kernel) orderDowns() {
	slices.SortFunc(k.downs, func(a, b down) int {
		return cmp.Or(cmp.Compare(a.pid, b.pid), byPID(a.p, b.p))
	})
}

// hearsDown reports whether a process handles the end of p.
func (k *kernel) hearsDown(p *proc) bool {
	for w := range k.monitorsOf(p.cell.pid) {
		i, _ := w.cell.monitored(p.cell.pid)
		h := w.cell.extras.monitors[i].handler
		if h != nil && h.Events.Has(actions.Down) && h.Events&actions.IgnoresReason == 0 {
			return true
		}
	}
	return false
}
