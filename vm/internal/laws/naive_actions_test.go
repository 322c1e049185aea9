package laws

import (
	"maps"
	"reflect"
	"slices"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/vm"
)

// This file says what each action does. Actions at a meta-level, and those
// that concern endpoints, have files of their own.

// perform performs an entry of the queue of p, whose turn it is, and returns
// what is to be performed after it. If p has ended, that does not matter.
func (p *naiveProc) perform(it naiveItem, rest []naiveItem) []naiveItem {
	switch {
	case it.round:
		p.inner.round()
		return rest
	case it.up > 0:
		p.lift(it)
		return rest
	}
	switch a := it.action.(type) {
	case *actions.SendMessage:
		p.send(a, it.whose(p))
	case actions.AddEndpoint:
		p.add(a, it.whose(p), it.hear)
	case actions.ReplaceEndpoint:
		p.replace(a.AddEndpoint, it.whose(p), it.hear)
	case actions.DeleteEndpoint:
		p.delete(a)
	case actions.SpawnProcess:
		p.spawn(a, it.then)
	case actions.QuitProcess:
		p.quit(a)
	case actions.YieldTurn:
		if !it.proceed && !p.vm.m.faults.YieldAtOnce {
			p.queue = append(p.queue, naiveItem{action: a, proceed: true})
			break
		}
		if p.fits(a.Resume.State) {
			return before(p.run(func(state any) (any, actions.Action) { return a.Resume.Run(state, 0) }), rest)
		}
	case actions.FreshName:
		if p.fits(a.Resume.State) {
			p.fresh++
			name := naiveFresh(p.fresh)
			return before(p.run(func(state any) (any, actions.Action) { return a.Resume.Run(state, name) }), rest)
		}
	case actions.MonitorProcess:
		p.monitor(a)
	case actions.UnmonitorProcess:
		delete(p.monitors, a.PID)
	case actions.OpenDevice:
		p.openDevice(a)
	case actions.CloseDevice:
		p.closeDevice(a)
	case actions.TellDevice, actions.FlowControl:
		// The outside does not matter here.
	case actions.MetaLevel:
		p.liftTree(a.Action, 1)
	default:
		p.fail(vm.ErrAction)
	}
	return rest
}

// A naiveFresh is a fresh name.
type naiveFresh uint32

// fits reports whether p has the type of state that its code is for. Otherwise
// p has failed.
func (p *naiveProc) fits(want reflect.Type) bool {
	if want != nil && want != p.stateType {
		p.fail(vm.ErrStateType)
		return false
	}
	return true
}

// spawn spawns a process. Then, if not nil, gets its PID, for a process further
// inside; otherwise p goes on with it.
func (p *naiveProc) spawn(a actions.SpawnProcess, then func(actions.PID)) {
	if a.Then != nil && !p.fits(a.Then.State) {
		return
	}
	if a.Monitor != nil && a.Monitor.Handler != nil && !p.fits(a.Monitor.Handler.State) {
		return
	}
	child := p.vm.create(a.Name, a.Boot)
	switch {
	case then != nil:
		then(child.pid)
	case a.Then != nil:
		p.push(p.run(func(state any) (any, actions.Action) { return a.Then.Run(state, child.pid) }))
	}
	p.vm.procs = append(p.vm.procs, child)
	if a.Monitor != nil {
		m := *a.Monitor
		m.PID = child.pid
		p.monitor(m)
	}
}

func (p *naiveProc) quit(a actions.QuitProcess) {
	victim := p
	if a.PID != 0 {
		victim = p.vm.find(a.PID)
	}
	if victim != nil {
		victim.end(a.Reason)
	}
}

// fail ends p, whose turn it is, for a mistake of its own.
func (p *naiveProc) fail(reason error) { p.end(reason) }

// end ends p. It runs no code any more. Its endpoints go one after another.
func (p *naiveProc) end(reason error) {
	v := p.vm
	v.remove(p)
	for _, e := range p.metas {
		v.out = append(v.out, naiveItem{
			action: actions.DeleteEndpoint{ID: naiveMetaID{p.pid, e.level, e.id}, Reason: reason},
			up:     e.level - 1,
		})
	}
	for len(p.ends) > 0 {
		e := p.ends[0]
		p.ends = p.ends[1:]
		v.depart(naiveEntry{p, e}, reason)
	}
	if v.m.faults.DownWithoutReason {
		reason = nil
	}
	v.down(p, reason)
	for _, pid := range slices.Backward(slices.Sorted(maps.Keys(p.monitors))) {
		if q := v.find(pid); q != nil && p.monitors[pid].Binds && !v.m.faults.OrphansLive {
			q.end(vm.ErrOrphaned)
		}
	}
}

func (p *naiveProc) monitor(a actions.MonitorProcess) {
	switch {
	case a.PID == 0 || a.PID == p.pid:
		p.fail(vm.ErrAction)
	case a.Handler != nil && !p.fits(a.Handler.State):
	case p.vm.find(a.PID) == nil:
		p.hearDown(a.Handler, a.PID, vm.ErrNoProcess)
	default:
		if p.monitors == nil {
			p.monitors = map[actions.PID]actions.MonitorProcess{}
		}
		p.monitors[a.PID] = a
	}
}

func (p *naiveProc) openDevice(a actions.OpenDevice) {
	if a.Handler != nil && !p.fits(a.Handler.State) {
		return
	}
	for _, h := range p.holds {
		if h.device == a.Device {
			h.handler = a.Handler
			return
		}
	}
	h := &naiveHold{p, a.Device, a.Handler}
	p.holds = append(p.holds, h)
	p.vm.m.open = append(p.vm.m.open, h)
}

func (p *naiveProc) closeDevice(a actions.CloseDevice) {
	other := func(h *naiveHold) bool { return h.p == p && h.device == a.Device }
	p.holds = slices.DeleteFunc(p.holds, other)
	p.vm.m.open = slices.DeleteFunc(p.vm.m.open, other)
}
