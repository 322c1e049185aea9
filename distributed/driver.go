package distributed

import (
	"errors"
	"fmt"
	"time"

	"github.com/benbjohnson/immutable"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed/internal/wire"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// A driver is the state of the driver. It keeps a link to each place that somebody in its
// machine takes part in, subscribes to the presence of, or sends to.
type driver struct {
	config  Config
	client  uint64  // which machine of the node this is; 0 until the first link
	lives   uint64  // how many links were opened
	here    []Place // as which this machine is served, in order
	opening int     // how many places will be served, and are not yet
	links   *immutable.SortedMap[home, *link]
	watched *immutable.SortedMap[string, watched]
}

type driverStep = actions.Transition[driver]

type byHome struct{}

func (byHome) Compare(a, b home) int { return a.compare(b) }

func newDriver(c Config) driver {
	return driver{config: c, links: immutable.NewSortedMap[home, *link](byHome{}), watched: immutable.NewSortedMap[string, watched](nil)}
}

// Driver returns the action that spawns the driver: the process that keeps links for those
// who use [Place.At], [Send], [Feedback] and [Reach] in the machine, or from inside it by
// [actions.AtMeta]. A machine needs one driver for each Network.
//
// Driver panics if c is not as its fields demand.
func (c Config) Driver() actions.SpawnProcess {
	d := newDriver(c.settled("Driver"))
	return actions.Spawn(actions.Next(d, d.open())).Named("distributed driver")
}

// open opens the endpoints and the devices of the driver.
func (d driver) open() actions.Action {
	as := actions.Tree{
		endpoint.ObserveSubscribers(topic.All[happening](),
			endpoint.OnEvent(actions.Presence, driver.claimed),
			endpoint.OnEvent(actions.Absence, driver.unclaimed)),
		sending,
		endpoint.ObserveSubscribers(topic.All[Up](),
			endpoint.OnEvent(actions.Presence, driver.reached),
			endpoint.OnEvent(actions.Absence, driver.unreached)),
		endpoint.ObservePublishers(Whereabouts(),
			endpoint.OnPresenceState(func(d driver, h Here) driverStep { return d.serves(h.Place, true) }),
			endpoint.OnAbsenceState(func(d driver, h Here, _ error) driverStep { return d.serves(h.Place, false) }).IgnoringReason()),
		endpoint.ObservePublishers(topic.All[opening](),
			endpoint.OnPresenceState(func(d driver, _ opening) driverStep { return d.opens(1) }),
			endpoint.OnAbsenceState(func(d driver, _ opening, _ error) driverStep { return d.opens(-1) }).IgnoringReason()),
		endpoint.Publisher(topic.Where(upPlace.Is(Place{}), upOwn.Is(true))),
	}
	for i := d.links.Iterator(); !i.Done(); {
		_, l, _ := i.Next()
		as = append(as, d.hold(l.home), actions.When(l.lingering, d.linger(l.home)), l.up(), l.publishAll())
	}
	for i := d.watched.Iterator(); !i.Done(); {
		name, _, _ := i.Next()
		as = append(as, d.watch(name))
	}
	return as
}

func (d driver) device(h home) linkDevice { return linkDevice{d.config, h} }

// hold opens the device of a link.
func (d driver) hold(h home) actions.Action {
	return endpoint.Device(d.device(h),
		endpoint.OnValueState(func(d driver, v linkOpen) driverStep { return d.opened(h, v) }),
		endpoint.OnValueState(func(d driver, v linkLost) driverStep { return d.lost(h, v.Reason) }),
		endpoint.OnValueState(func(d driver, v linkTrouble) driverStep { return d.inTrouble(h, v.Reason) }),
		endpoint.OnValueState(func(d driver, v linkJoined) driverStep { return d.joined(h, v) }),
		endpoint.OnValueState(func(d driver, v linkData) driverStep { return d.heard(h, v) }),
		endpoint.OnEndedState(func(d driver, reason error) driverStep { return d.ended(h, reason) }),
	)
}

// change changes the link to a home, or makes one.
func (d driver) change(h home, f func(l *link) actions.Action) driverStep {
	var l link
	var as actions.Tree
	if old, ok := d.links.Get(h); ok {
		l = *old
	} else {
		l = link{home: h, own: d.isOwn(h), device: d.device(h), roles: noRoles, ids: noIDs}
		as = actions.Tree{d.hold(h)}
	}
	as = append(as, f(&l))
	d.links = d.links.Set(h, &l)
	return actions.Next(d, as).Then(func(d driver) driverStep { return d.rest(h) })
}

// lingering is how long a link stays after the last message, while nothing else needs it.
const lingering = 30 * time.Second

// linger opens the alarm that rings when a link has had time to be used again.
func (d driver) linger(h home) actions.Action {
	return endpoint.Device(d.lingerAlarm(h), endpoint.OnValueState(func(d driver, _ world.AlarmRang) driverStep {
		return d.change(h, func(l *link) actions.Action {
			l.lingering = false
			return actions.Close(d.lingerAlarm(h)) // so that it can be set again at once
		})
	}))
}

func (d driver) lingerAlarm(h home) world.Alarm {
	return world.Alarm{Clock: d.config.Clock, After: lingering, Label: fmt.Sprintf("distributed %v", h)}
}

// rest closes a link that nobody needs any more, when the others have had their turn: a
// process that ends may have spawned another that needs the link.
func (d driver) rest(h home) driverStep {
	if l, ok := d.links.Get(h); !ok || l.needed() || l.lingering {
		return actions.Next(d)
	}
	return actions.Next(d, actions.Yield(func(d driver) driverStep { return d.close(h) }))
}

// close closes a link that nobody needs, or lets it linger.
func (d driver) close(h home) driverStep {
	l, ok := d.links.Get(h)
	switch {
	case !ok || l.needed() || l.lingering:
		return actions.Next(d)
	case l.used:
		m := *l
		m.used, m.lingering = false, true
		d.links = d.links.Set(h, &m)
		return actions.Next(d, d.linger(h))
	}
	d.links = d.links.Delete(h)
	return actions.Next(d, actions.When(l.session != 0, actions.Delete(upEnd{h})), actions.Close(d.device(h)))
}

// isOwn reports whether a home is on this node.
func (d driver) isOwn(h home) bool { return h.Node == d.config.Network.Node() }

// tell adds to actions those that send what a link has to say.
func (d driver) tell(l *link, as actions.Action) actions.Action {
	if len(l.out.bodies) == 0 && len(l.out.warnings) == 0 {
		return as
	}
	t := actions.Tree{as}
	for _, w := range l.out.warnings {
		t = append(t, actions.Tell(l.device, w))
	}
	for _, b := range l.out.bodies {
		t = append(t, actions.Tell(l.device, linkSend{Session: l.session, Body: b}))
	}
	l.out = outbox{}
	return t
}

// opened handles the opening of the device of a link. If there was a link before, the
// machine was restarted.
func (d driver) opened(h home, v linkOpen) driverStep {
	if d.client == 0 {
		d.client = v.Client
	}
	d.lives++
	return d.lost(h, errInterrupted).And(actions.Tell(d.device(h), linkBegin{d.client, d.lives}))
}

// lost handles the loss of a link.
func (d driver) lost(h home, reason error) driverStep {
	return d.change(h, func(l *link) actions.Action { return l.lose(reason) }).Then(func(d driver) driverStep {
		if _, ok := d.watched.Get(h.Name); ok {
			return d.follow(h.Name)
		}
		return actions.Next(d)
	})
}

// inTrouble handles that there was no link for a lease.
func (d driver) inTrouble(h home, reason error) driverStep {
	return d.change(h, func(l *link) actions.Action {
		return d.tell(l, l.giveUp(fmt.Errorf("%w: %w", ErrUnreachable, reason)))
	})
}

// joined handles a new link.
func (d driver) joined(h home, j linkJoined) driverStep {
	return d.change(h, func(l *link) actions.Action {
		as := l.join(j, d.here, d.opening > 0)
		return d.tell(l, actions.Group(l.up(), as))
	})
}

// heard handles what the home says.
func (d driver) heard(h home, v linkData) driverStep {
	l, ok := d.links.Get(h)
	if !ok || v.Session != l.session {
		return actions.Next(d)
	}
	r := reading{link: *l, border: d.borderTo(l)}
	known, err := wire.ReadFromHome(v.Body, l.known, &r)
	if err != nil {
		return actions.Next(d, actions.Tell(d.device(h), linkEnd{v.Session, err}))
	}
	if !r.changed && len(known.Types) == len(l.known.Types) {
		return actions.Next(d, d.tell(&r.link, r.actions))
	}
	return d.change(h, func(l *link) actions.Action {
		*l = r.link
		l.known = known
		return d.tell(l, r.actions)
	})
}

// borderTo returns the border over which messages come from the home of a link.
func (d driver) borderTo(l *link) border {
	return border{sender: Place{l.home.Node, l.home.Name, l.epoch}, here: d.here, via: rpc.Via(l.via)}
}

// ended handles the end of the device of a link: it could not keep up, or the machine
// stops.
func (d driver) ended(h home, reason error) driverStep {
	return d.change(h, func(l *link) actions.Action {
		return actions.Group(l.lose(reason), actions.When(!errors.Is(reason, world.ErrStopped), d.hold(h)))
	})
}
