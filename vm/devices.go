package vm

import (
	"fmt"
	"reflect"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/world"
)

// checkDevice reports whether d can be a device. If not, p fails.
func (k *kernel) checkDevice(p *proc, d world.Device) bool {
	if d == nil || !reflect.ValueOf(d).Comparable() {
		k.fail(p, fmt.Errorf("%w: %T is no device, because it cannot be compared: a device is plain data", ErrAction, d))
		return false
	}
	return true
}

func (k *kernel) openDevice(p *proc, a actions.OpenDevice) {
	if !k.checkDevice(p, a.Device) {
		return
	}
	if a.Handler != nil && a.Handler.Run == nil {
		a.Handler = nil
	}
	if !k.fitsHandler(p, a.Handler, a) {
		return
	}
	m := k.m
	if old := p.held(a.Device); old != nil {
		h := *old
		h.handler = a.Handler
		p.exchangeHold(old, &h)
		return
	}
	if m.phase != running {
		m.stats.Ignored++
		m.record(&Record{Kind: Ignored, at: p, Action: a})
		return
	}
	m.generation++
	h := &hold{device: a.Device, handler: a.Handler, address: &Address{p.path(), a.Device, m.generation}, paused: a.Paused, opening: true}
	r := p.own().ensureExtras()
	r.holds = append(r.holds, h)
	m.held[m.generation] = holder{p, h}
	k.countDevices(1)
	m.command(Command{Kind: Open, Address: h.address, Paused: a.Paused})
}

// holding returns the hold of p on device d, for an action a. If there is none, it
// returns nil, and records that a is ignored or, if d is nil, lets p fail.
func (k *kernel) holding(p *proc, d world.Device, a actions.Action) *hold {
	if d == nil {
		k.fail(p, fmt.Errorf("%w: %v", ErrAction, quoted(a)))
		return nil
	}
	h := p.held(d)
	if h == nil {
		k.m.stats.Ignored++
		k.m.record(&Record{Kind: Ignored, at: p, Action: a})
	}
	return h
}

func (k *kernel) tellDevice(p *proc, a actions.TellDevice) {
	if h := k.holding(p, a.Device, a); h != nil {
		k.m.command(Command{Kind: Tell, Address: h.address, Value: a.Command})
	}
}

func (k *kernel) flowControl(p *proc, a actions.FlowControl) {
	h := k.holding(p, a.Device, a)
	if h == nil {
		return
	}
	if h.paused != a.Paused {
		other := *h
		other.paused = a.Paused
		p.exchangeHold(h, &other)
	}
	k.m.command(Command{Kind: Flow, Address: h.address, Paused: a.Paused})
}

func (k *kernel) closeDevice(p *proc, a actions.CloseDevice) {
	if h := k.holding(p, a.Device, a); h != nil {
		k.release(p, h)
		k.m.command(Command{Kind: Close, Address: h.address})
	}
}

// fromDevice turns an input of a device into an event for its holder.
func (m *Machine) fromDevice(in Input) {
	if in.Address == nil {
		m.stats.Late++
		return
	}
	at, ok := m.held[in.Address.Generation]
	if !ok {
		m.stats.Late++
		m.record(&Record{Kind: Late, Input: in})
		return
	}
	ev := &actions.Event{Kind: actions.Value, Value: in.Value, Reason: in.Err}
	switch in.Kind {
	case Value:
		if at.h.opening {
			h := *at.h
			h.opening = false
			at.p.exchangeHold(at.h, &h)
			at.h = &h
		}
	case End:
		ev.Kind = actions.Ended
		if m.warns() && fromOutside(in.Err) && (at.h.handler == nil || !at.h.handler.Events.Has(actions.Ended)) {
			m.unheard(at.p, "device "+at.h.device.DeviceName(), in.Err)
		}
		at.p.k.release(at.p, at.h)
	case Failed:
		ev.Kind = actions.Failed
	case Done:
		ev.Kind = actions.Done
	}
	m.wake(at.p, nil, at.h.handler, ev)
}
