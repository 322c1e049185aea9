package vm

import (
	"cmp"
	"maps"
	"slices"

	"github.com/go-marketplace/marketplace/world"
)

// This file keeps account of which process holds which device. The actions and events
// of devices are in devices.go.

// held returns the device d of p, or nil. Devices that are held are comparable, so
// the comparison never panics.
func (p *proc) held(d world.Device) *hold {
	for _, h := range p.cell.holds() {
		if h.device == d {
			return h
		}
	}
	return nil
}

// exchangeHold puts h in the place of old.
func (p *proc) exchangeHold(old, h *hold) {
	holds := p.own().extras.holds
	holds[slices.Index(holds, old)] = h
	delete(p.k.m.held, old.address.Generation)
	p.k.m.held[h.address.Generation] = holder{p, h}
}

// countDevices notes that n more devices are open in k.
func (k *kernel) countDevices(n int) {
	for ; ; k = k.host.k {
		k.devices += n
		if k.host == nil {
			return
		}
	}
}

// release removes h from p.
func (k *kernel) release(p *proc, h *hold) {
	holds := p.own().extras.holds
	i := slices.Index(holds, h)
	p.cell.extras.holds = slices.Delete(holds, i, i+1)
	delete(k.m.held, h.address.Generation)
	k.countDevices(-1)
	k.noteCandidate(p)
}

// byAddress returns the generations of all devices that are held, in the order of
// their addresses.
func (m *Machine) byAddress() []uint64 {
	return slices.SortedFunc(maps.Keys(m.held), func(a, b uint64) int {
		return compareAddresses(m.held[a].h.address, m.held[b].h.address)
	})
}

// compareAddresses orders addresses by path, and then by opening.
func compareAddresses(a, b *Address) int {
	return cmp.Or(slices.Compare(a.Path, b.Path), cmp.Compare(a.Generation, b.Generation))
}

func (m *Machine) command(c Command) {
	m.stats.Commands++
	if m.wants(Commanded) {
		m.record(&Record{Kind: Commanded, Command: c})
	}
	m.out = append(m.out, c)
}
