package udp

import (
	"net/netip"

	"github.com/benbjohnson/immutable"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/world"
)

// Packets to the name of a host wait until a device has looked up its addresses. The
// manager uses the addresses until the device ends.

// answers has the addresses of a name, or the packets that wait for them.
type answers struct {
	found   bool
	addrs   []netip.Addr // if found
	waiting []send       // if not found; without To
}

const (
	maxNames   = 1024 // names of one manager at a time
	maxWaiting = 256  // packets for one name
)

// sendToName sends a packet to a host with a name.
func (m *manager) sendToName(to Addr, body []byte) step {
	host := to.Host()
	a, known := m.names.Get(host)
	p := send{Destination: to, Body: body}
	switch {
	case known && a.found:
		return m.tellOne(a.addrs, p)
	case len(a.waiting) == maxWaiting, !known && m.names.Len() == maxNames, m.queued+p.weight() > m.settings.queue:
		return m.undelivered(to, ErrNames)
	}
	a.waiting = append(a.waiting[:len(a.waiting):len(a.waiting)], p)
	n := m.with(func(d *desk) {
		d.names = d.names.Set(host, a)
		d.asking++
		d.queued += p.weight()
	})
	if known {
		return actions.Next(n)
	}
	return actions.Next(n, n.lookUp(host))
}

// lookUp opens the device that looks up a name.
func (d *desk) lookUp(host string) actions.Action {
	lookup := name{network: d.settings.network, limit: d.settings.lookup, life: d.settings.life, host: host}
	return endpoint.Device(lookup,
		endpoint.OnValueState(func(m *manager, f found) step { return m.found(host, f) }),
		endpoint.OnEndedState(func(m *manager, reason error) step { return m.lost(host, reason) }),
	)
}

// found handles the addresses of a name, and sends the packets that wait.
func (m *manager) found(host string, f found) step {
	waiting, t := m.wake(host, func(names *immutable.SortedMap[string, answers]) *immutable.SortedMap[string, answers] {
		return names.Set(host, answers{found: true, addrs: f.Addrs})
	})
	for _, p := range waiting {
		t = t.Then(func(m *manager) step { return m.tellOne(f.Addrs, p) })
	}
	return t.And(t.State.quitUnneeded())
}

// lost handles the end of the device of a name: its addresses are too old, or could not
// be found.
func (m *manager) lost(host string, reason error) step {
	waiting, t := m.wake(host, func(names *immutable.SortedMap[string, answers]) *immutable.SortedMap[string, answers] {
		return names.Delete(host)
	})
	for _, p := range waiting {
		t = t.Then(func(m *manager) step { return m.undelivered(p.Destination, reason) })
	}
	return t.And(t.State.quitUnneeded())
}

// wake returns the packets that wait for a name, and changes the names.
func (m *manager) wake(host string, change func(*immutable.SortedMap[string, answers]) *immutable.SortedMap[string, answers]) ([]send, step) {
	a, _ := m.names.Get(host)
	return a.waiting, actions.Next(m.with(func(d *desk) {
		d.names = change(d.names)
		d.asking -= len(a.waiting)
		for _, p := range a.waiting {
			d.queued -= p.weight()
		}
	}))
}

// tellOne sends a datagram to one of several addresses.
func (m *manager) tellOne(addrs []netip.Addr, s send) step {
	ip, ok := choose(m.bound, addrs)
	if !ok {
		return m.undelivered(s.Destination, world.ErrHostNotFound)
	}
	return m.tell(s.Destination, ip, s.Body)
}

// choose returns the first of several addresses that a socket can send to. A socket on
// all interfaces prefers IPv4, as package net does.
func choose(bound Addr, addrs []netip.Addr) (netip.Addr, bool) {
	local, err := netip.ParseAddr(bound.Host())
	only4 := err == nil && local.Is4()
	only6 := err == nil && local.Is6() && !local.IsUnspecified()
	if !only6 {
		for _, ip := range addrs {
			if ip.Is4() {
				return ip, true
			}
		}
	}
	if !only4 {
		for _, ip := range addrs {
			if ip.Is6() {
				return ip, true
			}
		}
	}
	return netip.Addr{}, false
}
