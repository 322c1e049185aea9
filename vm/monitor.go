package vm

import (
	"fmt"
	"slices"

	"github.com/go-marketplace/marketplace/actions"
)

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
	return k.fitsHandler(p, a.Handler, *a)
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
