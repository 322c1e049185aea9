package udp

import (
	"github.com/benbjohnson/immutable"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/inet"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
)

// A driver is the state of the driver, which spawns a manager for each local address
// that is needed. The managers hold the sockets.
type driver struct {
	settings settings
	services *immutable.SortedMap[Addr, service]
}

// A service says what a local address is needed for.
type service struct {
	receiving, sending bool // a process subscribes to the address; one publishes from it
	served             bool // the address has a manager
}

func (s service) needed() bool { return s.receiving || s.sending }

// The presence of a needed says that a process needs the local address At. The driver
// publishes it for the managers.
type needed struct{ At Addr }

var neededAt = topic.FieldOf(func(n *needed) *Addr { return &n.At })

// The presence of a serving says that there is a manager for the local address At. The
// managers publish it for the driver.
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

// open opens the endpoints that the driver always has, and those for the addresses that
// are needed.
func (d driver) open() actions.Action {
	all := actions.Tree{
		// The driver counts demand, and not the manager: only the driver can tell
		// subscribers that name the address from those that hear everything.
		endpoint.ObserveSubscribers(topic.All[Packet](),
			endpoint.OnPresenceState(driver.subscribed),
			endpoint.OnLastState(driver.unsubscribed, Destination),
		),
		// An observer of publishers gets their messages. The driver needs none of
		// them, and so observes the rarest ones.
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

// need returns the endpoint that says that an address is needed.
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

// parted handles the end of the manager of an address. If it has failed, the driver
// spawns another one when the next process needs the address. If it has ended because
// nobody needed the address, and by now somebody does, the driver spawns a successor at
// once. The reason itself is for the processes that need the address.
func (d driver) parted(of serving, reason error) actions.Transition[driver] {
	t := d.change(of.At, func(s *service) { s.served = false })
	if reason != nil {
		return t
	}
	return t.Then(spawn(of.At))
}

// change changes the service of an address, and shows its manager whether the address
// is needed. An address that is not local is never needed. That includes the zero Addr,
// which stands for a field that a peer does not pin.
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

// spawn spawns a manager for an address that is needed and has none.
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
