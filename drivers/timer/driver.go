package timer

import (
	"fmt"
	"reflect"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// Driver returns the action that spawns the process that serves timers, with the
// clock of the operating system. A machine has one Driver or one [Relay].
func Driver() actions.SpawnProcess { return DriverOn(world.SystemClock()) }

// DriverOn is [Driver] with another clock, such as a [world.ManualClock] that a
// test moves. It panics if the clock is nil, or cannot be compared.
//
// Timers follow the clock: if it is set back, they expire later by as much.
func DriverOn(clock world.Clock) actions.SpawnProcess {
	mustCompare("DriverOn", clock)
	d := newDriver(clock)
	return actions.Spawn(actions.Next(d, d.open())).Named("timer driver")
}

func mustCompare(function string, clock world.Clock) {
	switch {
	case clock == nil:
		panic("timer: " + function + " with a nil world.Clock: for the clock of the operating system, use the function without On")
	case !reflect.ValueOf(clock).Comparable():
		panic(fmt.Sprintf("timer: %s with a %T, which cannot be compared: use a pointer to one", function, clock))
	}
}

// A driver is the state of the driver. It is immutable.
//
// The driver puts requests into the inbox, and handles all of them at once in its
// next turn, in settle.
type driver struct {
	*desk
	inbox *arrival // nil if it is empty
}

type step = actions.Transition[*driver]

func newDriver(clock world.Clock) *driver {
	return &driver{desk: &desk{ticker: ticker{clock}, audience: nobody}}
}

// open opens the endpoints of the driver, and the ticker if the driver holds it.
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

// hear opens the ticker.
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

// arrive puts a request into the inbox.
func (d *driver) arrive(what what, s Set) step {
	n := &driver{d.desk, d.inbox.and(what, s)}
	if d.inbox != nil || d.expectsTime() {
		return actions.Next(n) // settle or tick will handle it
	}
	return actions.Next(n, settle)
}

// What the driver does in its next turn. The function init sets these variables,
// because they and the methods refer to each other.
var (
	settle       actions.Action // handles the inbox
	expireMore   actions.Action // goes on with the timers that are still due
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

// settle handles the inbox.
func (d *driver) settle() step {
	n := *d.desk
	inbox, ask := n.take(d.inbox)
	return actions.Next(&driver{&n, inbox}, ask, n.hold(inbox, true))
}

// tick handles the time from the ticker.
func (d *driver) tick(t now) step {
	n := *d.desk
	n.silent = false
	if t.Reading == 0 || !instantOf(t.Now).before(n.wakes) {
		n.waking = false // the ticker has just been opened, or the wake has come
	}
	if n.asked != nil && t.Reading < n.awaited {
		// The moment from which some timers count is not known yet, and so the
		// next timer is not either. The ticker reports it soon.
		return actions.Next(&driver{&n, d.inbox}, actions.When(t.Reading == 0, n.tell(read{n.awaited})))
	}
	answers := n.answer(t.Now)
	inbox, ask := n.take(d.inbox)
	expired := n.expire(t.Now, inbox)
	return actions.Next(&driver{&n, inbox}, answers, expired, ask, n.hold(inbox, false))
}

// expireMore goes on with the timers that are still due.
func (d *driver) expireMore() step {
	n := *d.desk
	inbox, ask := n.take(d.inbox)
	n.ripening = false
	expired := n.expire(n.ripe, inbox)
	return actions.Next(&driver{&n, inbox}, expired, ask, n.hold(inbox, false))
}

// stopped handles the end of the ticker, which ends only when the machine stops.
// The driver fails for the same reason.
func (d *driver) stopped(reason error) step { return actions.Next(d, actions.Fail(reason)) }

// demand handles the first subscriber of a conversation, and the last to go.
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
