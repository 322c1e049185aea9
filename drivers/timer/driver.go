package timer

import (
	"fmt"
	"reflect"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// Driver returns the process that serves timers by the clock of the operating
// system. A machine has one, or a [Relay].
func Driver() actions.SpawnProcess { return DriverOn(world.SystemClock()) }

// DriverOn is [Driver] by another clock, such as a [world.ManualClock] that a
// test moves. It panics if the clock is nil, or cannot be compared.
//
// Timers expire when the clock says so: if it is set back, they expire so much
// later.
func DriverOn(clock world.Clock) actions.SpawnProcess {
	mustCompare("DriverOn", clock)
	d := newDriver(clock)
	return actions.Spawn(actions.Next(d, d.open())).Named("timer driver")
}

func mustCompare(function string, clock world.Clock) {
	switch {
	case clock == nil:
		panic("timer: " + function + " of a nil world.Clock: for the clock of the operating system, use the function without On")
	case !reflect.ValueOf(clock).Comparable():
		panic(fmt.Sprintf("timer: %s of a %T, which cannot be compared: use a pointer to one", function, clock))
	}
}

// A driver is the state of the driver. It is immutable.
//
// What comes in is only put into the inbox. In its next turn the driver deals
// with all of it at once; that is settle.
type driver struct {
	*desk
	inbox *arrival // nil if it is empty
}

type step = actions.Transition[*driver]

func newDriver(clock world.Clock) *driver {
	return &driver{desk: &desk{ticker: ticker{clock}, audience: nobody}}
}

// open opens what the driver has: endpoints, and the ticker while it is needed.
func (d *driver) open() actions.Action {
	return actions.Group(
		endpoint.Subscriber(topic.All[Set](), endpoint.OnMessageState((*driver).set)),
		endpoint.Subscriber(topic.All[Cancel](), endpoint.OnMessageState((*driver).cancel)),
		endpoint.Subscriber(topic.All[Read](), endpoint.OnMessageState((*driver).read)),
		endpoint.Publisher(topic.All[Time]()),
		announce((*driver).demand),
		actions.When(d.held, d.hear()),
	)
}

// hear holds the ticker.
func (d *desk) hear() actions.Action {
	return actions.OpenDevice{Device: d.ticker, Handler: tickerEvents}
}

func (d *driver) set(s Set) step {
	if err := s.mistake(); err != nil {
		return actions.Next(d, refuse(s.Label, err))
	}
	if !d.audience.hears(s.Label) {
		return actions.Next(d, refuse(s.Label, ErrNobodyWaits))
	}
	if s.At.IsZero() {
		return d.arrive(setAfter, s)
	}
	return d.arrive(setAt, s)
}

func (d *driver) cancel(c Cancel) step {
	if c.Label == "" {
		return actions.Next(d, refuse(c.Label, ErrNoLabel))
	}
	return d.arrive(cancelled, Set{Label: c.Label})
}

func (d *driver) read(r Read) step {
	if r.Label == "" {
		return actions.Next(d, refuse(r.Label, ErrNoLabel))
	}
	return d.arrive(asksTime, Set{Label: r.Label})
}

// arrive puts something into the inbox.
func (d *driver) arrive(what what, s Set) step {
	n := &driver{d.desk, d.inbox.and(what, s)}
	if d.inbox != nil || d.expectsTime() {
		return actions.Next(n) // it will be dealt with
	}
	return actions.Next(n, settle)
}

// What the driver does in its next turn. It is set by init, because all of this
// refers to each other.
var (
	settle       actions.Action // deal with the inbox
	expireMore   actions.Action // go on with what is left to expire
	tickerEvents *actions.Handler
)

func init() {
	settle = actions.Yield((*driver).settle)
	expireMore = actions.Yield((*driver).expireMore)
	tickerEvents = endpoint.Device(ticker{},
		endpoint.OnValueState((*driver).tick),
		endpoint.OnEndedState((*driver).stopped),
	).Handler
}

// settle deals with the inbox.
func (d *driver) settle() step {
	n := *d.desk
	inbox, ask := n.take(d.inbox)
	return actions.Next(&driver{&n, inbox}, ask, n.hold(inbox, true))
}

// tick is told what time it is.
func (d *driver) tick(t now) step {
	n := *d.desk
	n.silent = false
	if t.Reading == 0 || !instantOf(t.Now).before(n.wakes) {
		n.waking = false // by a ticker that has just been opened, or that has done so
	}
	if n.asked != nil && t.Reading < n.awaited {
		// It is not known yet from when on some timers count, and so which timer
		// is the next. But that will be known in a moment.
		return actions.Next(&driver{&n, d.inbox}, actions.When(t.Reading == 0, n.tell(read{n.awaited})))
	}
	answers := n.answer(t.Now)
	inbox, ask := n.take(d.inbox)
	expired := n.expire(t.Now, inbox)
	return actions.Next(&driver{&n, inbox}, answers, expired, ask, n.hold(inbox, false))
}

// expireMore goes on with what is left to expire.
func (d *driver) expireMore() step {
	n := *d.desk
	inbox, ask := n.take(d.inbox)
	n.ripening = false
	expired := n.expire(n.ripe, inbox)
	return actions.Next(&driver{&n, inbox}, expired, ask, n.hold(inbox, false))
}

// stopped is told that the ticker has come to an end, which it does when the
// machine stops. Timers are of no use any more.
func (d *driver) stopped(reason error) step { return actions.Next(d, actions.Fail(reason)) }

// demand is told who has come to wait for timers, and who has gone.
func (d *driver) demand(ev *actions.Event) step {
	n, c := *d.desk, conversation(ev)
	if ev.Kind == actions.First {
		n.audience = n.audience.with(c)
		return actions.Next(&driver{&n, d.inbox})
	}
	n.audience = n.audience.without(c)
	label, pinned := Label.In(c)
	switch {
	case pinned && (n.audience.hears(label) || n.empty() && d.inbox == nil):
		return actions.Next(&driver{&n, d.inbox})
	case pinned:
		return (&driver{&n, d.inbox}).arrive(cancelled, Set{Label: label})
	}
	n.schedule = n.schedule.only(n.audience.hears)
	n.asked = n.asked.only(n.audience.hears)
	inbox := d.inbox.only(n.audience.hears)
	return actions.Next(&driver{&n, inbox}, n.hold(inbox, false))
}
