package vm

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/go-marketplace/marketplace/actions"
)

// This file keeps account of who monitors whom, and notes who is to be told and who is
// to end when a process has gone. The actions are in monitor.go.

// monitored returns the place of the monitor of c for pid, and whether there is one.
func (c *cell) monitored(pid actions.PID) (int, bool) {
	if c.extras == nil {
		return 0, false
	}
	return slices.BinarySearchFunc(c.extras.monitors, pid, func(m monitor, pid actions.PID) int { return cmp.Compare(m.pid, pid) })
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

// noteDown notes that those that monitor p, which has gone, are to be told.
func (k *kernel) noteDown(p *proc, reason error) {
	pid := p.cell.pid
	for w := range k.monitorsOf(pid) {
		k.downs = append(k.downs, down{w, pid, reason})
	}
	delete(k.watching, pid)
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
