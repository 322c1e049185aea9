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

// A driver is the state of the driver: it holds the sockets that listen, and
// knows which connections have a process of their own.
type driver struct {
	settings  settings
	listeners *immutable.SortedMap[Addr, Addr]        // those that are open; where they are bound, if they are
	conns     *immutable.SortedMap[carried, struct{}] // those that have a manager
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
func serve(s settings) actions.Process {
	d := newDriver(s)
	return actions.Next(d, d.open())
}

// open opens what the driver has: the endpoints that it always has, and the
// listeners.
func (d driver) open() actions.Action {
	all := actions.Tree{
		endpoint.ObserveSubscribers(topic.All[Data](),
			endpoint.OnEvent(actions.Presence, driver.subscribed),
			endpoint.OnLastState(driver.unobserved, To).FromInterest(topic.Observer),
		).Everything(),
		// Whoever observes publishers gets their messages. This one needs none
		// of them, and so asks for the rarest.
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

// subscribed is told of everybody who wants to hear of data, and of those who
// want to hear of those who send it.
func (d driver) subscribed(ev endpoint.Event[Data]) actions.Transition[driver] {
	c := ev.Conversation.Example() // what is open is the zero Addr, which is of neither kind
	switch ev.Peer.Interest {
	case topic.Observer:
		return d.listen(c.To)
	case topic.Participant:
		return d.connect(c.To, c.From)
	}
	return actions.Next(d)
}

// published is told of everybody who has data to send.
func (d driver) published(c Data) actions.Transition[driver] { return d.connect(c.From, c.To) }

// connect makes a connection, if that is how it is to be made, and there is
// none.
func (d driver) connect(local, remote Addr) actions.Transition[driver] {
	c := carried{remote, local}
	if local.Kind() != inet.KindHandle || remote.Kind() != inet.KindRemote || d.carries(c) {
		return actions.Next(d)
	}
	d.conns = d.conns.Set(c, struct{}{})
	return actions.Next(d, actions.Spawn(outbound(d.settings, c)).Named("tcp "+local.String()+" to "+remote.String()))
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

// hold holds a listener.
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
	return listener{network: s.network, clock: s.clock, security: s.security(at), at: at, options: s.options, rate: s.rate}
}

// bound announces where a listener listens.
func (d driver) bound(at, to Addr) actions.Transition[driver] {
	d.listeners = d.listeners.Set(at, to)
	return actions.Next(d, actions.Replace(announcement(at, to)))
}

// announcing names the endpoint that tells of a listener.
type announcing struct{ At Addr }

func announcement(at, to Addr) actions.AddEndpoint {
	return endpoint.Publisher(topic.Where(At.Is(at), Bound.Is(to))).As(announcing{at})
}

// unobserved closes the listener that nobody observes any more. Its connections
// stay.
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

// closed tells why the listener has come to its end.
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

// accept starts a manager for a connection that has come in.
func (d driver) accept(at Addr, a accepted) actions.Transition[driver] {
	c := carried{a.Remote, at}
	// Connections to several addresses of this host can come from the same
	// port at the same time, and a new one can come before its predecessor is
	// known to be dead: they must not be taken for one.
	for n := 2; d.carries(c); n++ {
		c.Remote = a.Remote.Numbered(n)
	}
	d.conns = d.conns.Set(c, struct{}{})
	spawn := actions.Spawn(inbound(d.settings, c, a.Conn)).Named("tcp " + c.Remote.String() + " to " + at.String())
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

// parted is told that the manager of a connection has ended.
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

// hungUp is parted for a connection that the machine was to make. The reason is
// for those who wanted the connection; if they do not listen, the machine warns.
func (d driver) hungUp(c dialed, _ error) actions.Transition[driver] { return d.parted(c.carried, nil) }

// byTexts orders connections by the texts of their addresses.
type byTexts struct{}

func (byTexts) Compare(a, b carried) int {
	return cmp.Or(inet.ByText{}.Compare(a.Remote, b.Remote), inet.ByText{}.Compare(a.Local, b.Local))
}
