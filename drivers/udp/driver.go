package udp

import (
	"github.com/benbjohnson/immutable"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/inet"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
)

// A driver is the state of the driver: it knows which local addresses are
// needed, and sees to it that there is one process for each. The sockets are
// theirs.
type driver struct {
	settings settings
	services *immutable.SortedMap[Addr, service]
}

// A service is what the driver knows of a local address.
type service struct {
	receiving, sending bool // what it is needed for
	served             bool // it has a process
}

func (s service) needed() bool { return s.receiving || s.sending }

// needed says, by its presence, that somebody needs the local address At. It is
// what the driver has to say to the processes.
type needed struct{ At Addr }

var neededAt = topic.FieldOf(func(n *needed) *Addr { return &n.At })

// serving says, by its presence, that there is a process for the local address
// At. It is what they have to say to the driver.
type serving struct{ At Addr }

var servingAt = topic.FieldOf(func(s *serving) *Addr { return &s.At })

func newDriver(s settings) driver {
	return driver{settings: s, services: immutable.NewSortedMap[Addr, service](inet.ByText{})}
}

// serve is the process that serves the demand for sockets.
func serve(s settings) actions.Process {
	d := newDriver(s)
	return actions.Next(d, d.open())
}

// open opens what the driver has: the endpoints that it always has, and those
// for the addresses that are needed.
func (d driver) open() actions.Action {
	all := actions.Tree{
		// Demand is counted here, and not in the process of the socket: only
		// here can one tell those who name the address from those who want to
		// hear everything.
		endpoint.ObserveSubscribers(topic.All[Packet](),
			endpoint.OnPresenceState(driver.subscribed),
			endpoint.OnLastState(driver.unsubscribed, Destination),
		),
		// Whoever observes publishers gets their messages. This one needs none
		// of them, and so asks for the rarest.
		endpoint.ObservePublishers(topic.Where(truncated.Is(true)),
			endpoint.OnPresenceState(driver.published),
			endpoint.OnLastState(driver.unpublished, Source),
		),
		endpoint.ObservePublishers(topic.All[serving](), endpoint.OnAbsenceState(driver.parted).IgnoringReason()),
	}
	for i := d.services.Iterator(); !i.Done(); {
		at, s, _ := i.Next()
		all = append(all, actions.When(s.needed(), need(at)))
	}
	return all
}

// need says that an address is needed.
func need(at Addr) actions.AddEndpoint {
	return endpoint.Publisher(topic.Where(neededAt.Is(at))).As(needed{at})
}

func (d driver) subscribed(c Packet) actions.Transition[driver] {
	return d.change(c.Destination, func(s *service) { s.receiving = true }).Then(spawn(c.Destination))
}

func (d driver) published(c Packet) actions.Transition[driver] {
	return d.change(c.Source, func(s *service) { s.sending = true }).Then(spawn(c.Source))
}

func (d driver) unsubscribed(c Packet) actions.Transition[driver] {
	return d.change(c.Destination, func(s *service) { s.receiving = false })
}

func (d driver) unpublished(c Packet) actions.Transition[driver] {
	return d.change(c.Source, func(s *service) { s.sending = false })
}

// parted is told that the process of an address has ended. If it has failed, the
// next one who needs the address gets another. But if it has ended because it
// was not needed, and by now is, it gets a successor at once. The reason itself is
// for those who need the address.
func (d driver) parted(of serving, reason error) actions.Transition[driver] {
	t := d.change(of.At, func(s *service) { s.served = false })
	if reason != nil {
		return t
	}
	return t.Then(spawn(of.At))
}

// change changes what is known of an address, and lets its process know whether
// the address is needed. An address that is not local, such as the zero Addr,
// which stands for one that a peer leaves open, is never needed.
func (d driver) change(at Addr, how func(*service)) actions.Transition[driver] {
	if !at.IsLocal() {
		return actions.Next(d)
	}
	s, _ := d.services.Get(at)
	was := s.needed()
	how(&s)
	if s == (service{}) {
		d.services = d.services.Delete(at)
	} else {
		d.services = d.services.Set(at, s)
	}
	return actions.Next(d,
		actions.When(s.needed() && !was, need(at)),
		actions.When(!s.needed() && was, actions.Delete(needed{at})),
	)
}

// spawn sees to it that an address that is needed has a process.
func spawn(at Addr) func(driver) actions.Transition[driver] {
	return func(d driver) actions.Transition[driver] {
		s, _ := d.services.Get(at)
		if !s.needed() || s.served {
			return actions.Next(d)
		}
		s.served = true
		d.services = d.services.Set(at, s)
		return actions.Next(d, actions.Spawn(manage(d.settings, at)).Named("udp "+at.String()))
	}
}
