package vm

import (
	"fmt"

	"github.com/go-marketplace/marketplace/actions"
)

// perform performs one action of the process whose turn it is.
func (k *kernel) perform(it item) {
	p, m := k.acting, k.m
	m.steps++
	if it.op == innerRound {
		p.inner.roundDue = true
		k.inside = p.inner
		return
	}
	m.stats.Actions++
	if m.digests || m.watched&(1<<Performed|EndpointChanges) != 0 {
		m.performed(p, &it)
	}
	if it.up > 0 {
		k.lift(p, it)
		return
	}
	switch a := it.action.(type) {
	case *actions.SendMessage:
		if a == nil {
			k.fail(p, fmt.Errorf("%w: nil *actions.SendMessage: make one with actions.Send", ErrAction))
			return
		}
		k.send(p, a, it.resume)
	case actions.AddEndpoint:
		k.add(p, a)
	case actions.ReplaceEndpoint:
		k.replace(p, a.AddEndpoint)
	case actions.DeleteEndpoint:
		k.delete(p, a)
	case actions.SpawnProcess:
		k.spawnProcess(p, a, it.resume)
	case actions.QuitProcess:
		k.quit(p, a)
	case actions.YieldTurn:
		if it.op == proceed {
			k.endYield(p, a.Resume)
		} else {
			k.enqueue(p, item{action: a, op: proceed})
		}
	case actions.FreshName:
		k.fresh(p, a)
	case *actions.UpdateLocal:
		then := k.updateLocal(p, a, 0, nil)
		if s, ok := then.(*actions.SendMessage); ok { // most often: it need not go through the batch
			k.perform(item{action: s})
			return
		}
		k.prepend(then)
	case actions.OpenDevice:
		k.openDevice(p, a)
	case actions.TellDevice:
		k.tellDevice(p, a)
	case actions.CloseDevice:
		k.closeDevice(p, a)
	case actions.FlowControl:
		k.flowControl(p, a)
	case actions.MonitorProcess:
		k.monitor(p, a)
	case actions.UnmonitorProcess:
		k.unmonitor(p, a)
	case actions.MetaLevel:
		k.liftTree(p, a)
	default:
		k.fail(p, fmt.Errorf("%w: %T", ErrAction, a))
	}
}

// endYield continues p after a yield.
func (k *kernel) endYield(p *proc, r actions.Resumption) {
	if !k.fits(p, r.State, "continuation") {
		return
	}
	k.proceed(p, r.Run)
}

// proceed calls a continuation of p, whose turn it is. Its actions are performed
// next.
func (k *kernel) proceed(p *proc, then func(any, actions.PID) (any, actions.Action)) {
	k.prepend(k.m.transit(p, callContinue, nil, function{then: then}, true))
}

// fresh continues p with a fresh name.
func (k *kernel) fresh(p *proc, a actions.FreshName) {
	if !k.fits(p, a.Resume.State, "continuation") {
		return
	}
	if k.continued++; k.continued > k.m.limits.Queue {
		k.fail(p, fmt.Errorf("%w: more than %d fresh names in one turn", ErrOverflow, k.m.limits.Queue))
		return
	}
	c := p.own()
	c.fresh++
	name := FreshID(c.fresh)
	k.proceed(p, func(state any, _ actions.PID) (any, actions.Action) { return a.Resume.Run(state, name) })
}
