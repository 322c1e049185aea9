package udp

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/benbjohnson/immutable"

	"github.com/go-marketplace/marketplace/actions"
)

// Types returns the types of the processes of the driver that the function
// [Driver] makes.
func Types() []actions.Type { return Config{}.Types() }

// Types returns the types of the processes of the driver that [Config.Driver] makes:
// that of the driver, and that of the process of a socket. Processes that are restored
// work as c says, which must be the same as when they were saved. Types panics
// as [Config.Driver] does.
func (c Config) Types() []actions.Type {
	s := c.settings()
	return []actions.Type{
		actions.CodedAs(
			actions.Define("udp.driver", driver.open),
			driver.write, s.readDriver).Type,
		actions.CodedAs(
			actions.Define("udp.socket", (*manager).open),
			(*manager).write, s.readManager).Type,
	}
}

// The written forms of states. The names of their fields never change.
type (
	writtenDriver  struct{ Services []writtenService }
	writtenService struct {
		At                         Addr
		Receiving, Sending, Served bool
	}

	writtenManager struct {
		At                 Addr
		Needed             bool
		Bound              Addr          // none until the socket is open
		Flying, Unreported int           // bytes
		Names              []writtenName `json:",omitempty"`
		Queue              []send        `json:",omitempty"`
	}
	writtenName struct {
		Host    string
		Found   bool
		Addrs   []netip.Addr `json:",omitempty"`
		Waiting []send       `json:",omitempty"`
	}
)

func (d driver) write() (w writtenDriver) {
	for i := d.services.Iterator(); !i.Done(); {
		at, s, _ := i.Next()
		w.Services = append(w.Services, writtenService{at, s.receiving, s.sending, s.served})
	}
	return w
}

func (s settings) readDriver(w writtenDriver) (driver, error) {
	d := newDriver(s)
	for _, v := range w.Services {
		if !v.At.IsLocal() {
			return d, fmt.Errorf("%v is no local address", v.At)
		}
		d.services = d.services.Set(v.At, service{v.Receiving, v.Sending, v.Served})
	}
	return d, nil
}

func (m *manager) write() writtenManager {
	w := writtenManager{At: m.at, Needed: m.needed, Bound: m.bound, Flying: m.flying, Unreported: m.unreported}
	for i := m.names.Iterator(); !i.Done(); {
		host, a, _ := i.Next()
		w.Names = append(w.Names, writtenName{host, a.found, a.addrs, a.waiting})
	}
	if m.queue != nil {
		for i := m.queue.Iterator(); !i.Done(); {
			_, s := i.Next()
			w.Queue = append(w.Queue, s)
		}
	}
	return w
}

func (s settings) readManager(w writtenManager) (*manager, error) {
	m := newManager(s, w.At)
	switch {
	case !w.At.IsLocal():
		return nil, fmt.Errorf("%v is no local address", w.At)
	case w.Flying < 0 || w.Unreported < 0:
		return nil, errors.New("a number of bytes is less than zero")
	}
	m.needed, m.bound, m.flying, m.unreported = w.Needed, w.Bound, w.Flying, w.Unreported
	for _, n := range w.Names {
		if n.Found && len(n.Waiting) > 0 {
			return nil, fmt.Errorf("packets wait for the name %q, which has been found", n.Host)
		}
		m.names = m.names.Set(n.Host, answers{n.Found, n.Addrs, n.Waiting})
		m.asking += len(n.Waiting)
		for _, p := range n.Waiting {
			m.queued += p.weight()
		}
	}
	if len(w.Queue) > 0 {
		m.queue = immutable.NewList(w.Queue...)
		for _, p := range w.Queue {
			m.queued += p.weight()
		}
	}
	return m, nil
}
