package tcp

import (
	"cmp"

	"github.com/benbjohnson/immutable"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/inet"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// A driver is the state of the driver, which holds the listening sockets, and spawns
// a manager for each connection.
type driver struct {
	self      actions.PID // zero if it was restored from a snapshot of an earlier version
	settings  settings
	listeners *immutable.SortedMap[Addr, Addr]        // where each open listener is bound, or the zero Addr
	conns     *immutable.SortedMap[carried, struct{}] // the connections that have a manager
	arrived   *immutable.SortedMap[Addr, int]         // how many of conns each listener has
}

func newDriver(s settings) driver {
	return driver{
		settings:  s,
		listeners: immutable.NewSortedMap[Addr, Addr](inet.ByText{}),
		conns:     immutable.NewSortedMap[carried, struct{}](byTexts{}),
		arrived:   immutable.NewSortedMap[Addr, int](inet.ByText{}),
	}
}

// serve is the process that serves the demand for sockets.
func serve(self actions.PID, s settings) actions.Process {
	d := newDriver(s)
	d.self = self
	return actions.Next(d, d.open())
}

// open opens the endpoints that the driver always has, and its listeners.
func (d driver) open() actions.Action {
	all := actions.Tree{
		endpoint.ObserveSubscribers(topic.All[Data](),
			endpoint.OnEvent(actions.Presence, driver.subscribed),
			endpoint.OnLastState(driver.unobserved, To).FromInterest(topic.Observer),
		).Everything(),
		// An observer of publishers gets their messages. The driver needs none of
		// them, and so observes the rarest ones.
		endpoint.ObservePublishers(topic.Where(ending.Is(true)), endpoint.OnPresenceState(driver.published)),
		endpoint.ObservePublishers(topic.All[carried](), endpoint.OnAbsenceState(driver.parted)),
		endpoint.ObservePublishers(topic.All[dialed](), endpoint.OnAbsenceState(driver.hungUp).IgnoringReason()),
	}
	for i := d.listeners.Iterator(); !i.Done(); {
		at, to, _ := i.Next()
		all = append(all, d.hold(at), actions.When(to != (Addr{}), announcement(at, to)))
	}
	return all
}

// subscribed handles a new subscriber to Data, and a new observer of its publishers.
func (d driver) subscribed(ev endpoint.Event[Data]) actions.Transition[driver] {
	c := ev.Conversation.Example() // a field that is not pinned is the zero Addr
	switch ev.Peer.Interest {
	case topic.Observer:
		return d.listen(c.To)
	case topic.Participant:
		return d.connect(c.To, c.From)
	}
	return actions.Next(d)
}

// published handles a new publisher of Data.
func (d driver) published(c Data) actions.Transition[driver] { return d.connect(c.From, c.To) }

// connect makes a connection, if it goes from a Handle to a Remote and does not exist
// yet.
func (d driver) connect(local, remote Addr) actions.Transition[driver] {
	c := carried{remote, local}
	if local.Kind() != inet.KindHandle || remote.Kind() != inet.KindRemote || d.carries(c) {
		return actions.Next(d)
	}
	d.conns = d.conns.Set(c, struct{}{})
	return actions.Next(d, actions.Spawn(outbound(d.self, d.settings, c)).Named("tcp "+local.String()+" to "+remote.String()))
}

func (d driver) carries(c carried) bool {
	_, ok := d.conns.Get(c)
	return ok
}

// listen opens a listener that is not open.
func (d driver) listen(at Addr) actions.Transition[driver] {
	if _, ok := d.listeners.Get(at); ok || at.Kind() != inet.KindListener {
		return actions.Next(d)
	}
	d.listeners = d.listeners.Set(at, Addr{})
	return actions.Next(d, d.hold(at))
}

// hold opens the device of a listener.
func (d driver) hold(at Addr) actions.Action {
	l := endpoint.Device(d.device(at),
		endpoint.OnValueState(func(d driver, b bound) actions.Transition[driver] { return d.bound(at, b.Addr) }),
		endpoint.OnValueState(func(d driver, a accepted) actions.Transition[driver] { return d.accept(at, a) }),
		endpoint.OnEndedState(func(d driver, reason error) actions.Transition[driver] { return d.closed(at, reason) }),
	)
	l.Paused = d.full(at)
	return l
}

func (d driver) device(at Addr) world.Device {
	s := d.settings
	return listener{network: s.network, clock: s.clock, security: s.security(at), addresses: s.addresses, at: at, options: s.options, rate: s.rate}
}

// bound announces where a listener listens.
func (d driver) bound(at, to Addr) actions.Transition[driver] {
	d.listeners = d.listeners.Set(at, to)
	return actions.Next(d, actions.Replace(announcement(at, to)))
}

// announcing is the name of the endpoint that announces a listener.
type announcing struct{ At Addr }

func announcement(at, to Addr) actions.AddEndpoint {
	return endpoint.Publisher(topic.Where(At.Is(at), Bound.Is(to))).As(announcing{at})
}

// unobserved closes a listener whose last observer has gone. Its connections stay.
func (d driver) unobserved(c Data) actions.Transition[driver] {
	to, ok := d.listeners.Get(c.To)
	if !ok {
		return actions.Next(d)
	}
	d.listeners = d.listeners.Delete(c.To)
	return actions.Next(d,
		actions.Close(d.device(c.To)),
		actions.When(to != (Addr{}), actions.Delete(announcing{c.To})),
	)
}

// closed handles the end of a listener, and publishes its reason.
func (d driver) closed(at Addr, reason error) actions.Transition[driver] {
	to, ok := d.listeners.Get(at)
	if !ok {
		return actions.Next(d)
	}
	d.listeners = d.listeners.Delete(at)
	return actions.Next(d,
		actions.When(to == (Addr{}), announcement(at, Addr{})),
		actions.Delete(announcing{at}).Because(blame(reason, at.HostPort())),
	)
}

// accept spawns a manager for an incoming connection.
func (d driver) accept(at Addr, a accepted) actions.Transition[driver] {
	c := carried{a.Remote, at}
	// Connections to several addresses of this host can come from the same port at
	// the same time, and a new one can come before the driver knows that its
	// predecessor is dead. They need different addresses.
	for n := 2; d.carries(c); n++ {
		c.Remote = a.Remote.Numbered(n)
	}
	d.conns = d.conns.Set(c, struct{}{})
	spawn := actions.Spawn(inbound(d.self, d.settings, c, a.Conn)).Named("tcp " + c.Remote.String() + " to " + at.String())
	if d.settings.connections == 0 {
		return actions.Next(d, spawn)
	}
	n, _ := d.arrived.Get(at)
	d.arrived = d.arrived.Set(at, n+1)
	return actions.Next(d, spawn, actions.When(d.full(at), actions.Pause(d.device(at))))
}

// full reports whether a listener has as many connections as it may.
func (d driver) full(at Addr) bool {
	n, _ := d.arrived.Get(at)
	return d.settings.connections > 0 && n >= d.settings.connections
}

// parted handles the end of the manager of a connection.
func (d driver) parted(c carried, _ error) actions.Transition[driver] {
	d.conns = d.conns.Delete(c)
	n, ok := d.arrived.Get(c.Local)
	if !ok {
		return actions.Next(d)
	}
	full := d.full(c.Local)
	if n == 1 {
		d.arrived = d.arrived.Delete(c.Local)
	} else {
		d.arrived = d.arrived.Set(c.Local, n-1)
	}
	_, open := d.listeners.Get(c.Local)
	return actions.Next(d, actions.When(full && open, actions.Resume(d.device(c.Local))))
}

// hungUp is parted for an outgoing connection. The driver ignores the reason, which
// is for the processes that wanted the connection; if none of them hears it, the
// machine warns.
func (d driver) hungUp(c dialed, _ error) actions.Transition[driver] { return d.parted(c.carried, nil) }

// byTexts orders connections by the texts of their addresses.
type byTexts struct{}

func (byTexts) Compare(a, b carried) int {
	return cmp.Or(inet.ByText{}.Compare(a.Remote, b.Remote), inet.ByText{}.Compare(a.Local, b.Local))
}
