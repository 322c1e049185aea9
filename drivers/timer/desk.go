package timer

import (
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/world"
)

// A desk is what the driver works with in its turn. It never changes once the
// turn is over: the methods that write to it are for a copy that nobody else
// has yet.
type desk struct {
	ticker   world.Device
	audience *audience
	schedule schedule
	seq      uint64 // of the timer that was set last

	held   bool    // the ticker is
	silent bool    // it has not said yet that it is open
	waking bool    // it has been told to wake us,
	wakes  instant // then

	readings uint64   // that the ticker was asked for
	asked    *arrival // what waits for one of them, and behind it the inbox
	awaited  uint64   // that one; 0 for the time of the opening

	ripening bool      // more than fits in one turn expires,
	ripe     time.Time // by now
}

// empty reports whether there is nothing that has to do with time.
func (d *desk) empty() bool { return d.schedule.empty() && d.asked == nil }

// expectsTime reports whether the ticker will say what the time is in a moment.
func (d *desk) expectsTime() bool { return d.asked != nil || d.held && d.silent }

func (d *desk) tell(command any) actions.Action { return actions.Tell(d.ticker, command) }

// take deals with the inbox, and returns what is left in it: all of it, if the
// ticker is about to say what the time is. If the time is needed, it is asked
// for. It has to be looked at after they have come, or timers could expire too
// early.
func (d *desk) take(inbox *arrival) (left *arrival, ask actions.Action) {
	switch {
	case d.expectsTime():
		return inbox, nil
	case inbox == nil:
		return nil, nil
	case !inbox.timely:
		d.schedule = d.schedule.add(d.changes(inbox, time.Time{}))
		return nil, nil
	case !d.held:
		d.asked, d.awaited = inbox, 0
		return nil, nil // to open the ticker will do
	}
	d.readings++
	d.asked, d.awaited = inbox, d.readings
	return nil, d.tell(read{d.readings})
}

// answer deals with what has waited for the time.
func (d *desk) answer(now time.Time) actions.Action {
	var answers actions.Tree
	for _, a := range d.asked.all() {
		if a.what == asksTime {
			answers = append(answers, actions.Send(Time{a.Label, now}))
		}
	}
	d.schedule = d.schedule.add(d.changes(d.asked, now))
	d.asked = nil
	return actions.Group(answers...)
}

// changes returns what arrivals change in the schedule.
func (d *desk) changes(a *arrival, now time.Time) []change {
	all := a.all()
	cs := make([]change, 0, len(all))
	for _, a := range all {
		c := change{name: nameOf(a.Label), every: a.Every}
		switch a.what {
		case setAt:
			c.at = instantOf(a.At)
		case setAfter:
			c.at = instantOf(now.Add(max(a.After, 0)))
		case cancelled:
			c.gone = true
		case asksTime:
			continue
		}
		d.seq++
		c.seq = d.seq
		cs = append(cs, c)
	}
	return cs
}

// turn is how many timers expire in one turn of the driver, so that what comes
// of it fits into the queues of processes.
const turn = 1 << 12

// expire tells of the timers that are due, and sets those again that come
// again. It leaves out those that have another one in their place, or none, in
// what has not been dealt with.
func (d *desk) expire(now time.Time, inbox *arrival) actions.Action {
	if d.ripening {
		d.ripe = now // later
		return nil
	}
	var due []change
	due, d.schedule = d.schedule.due(instantOf(now), turn)
	if len(due) == 0 {
		return nil
	}
	replaced := map[string]bool{}
	d.asked.replaces(replaced)
	inbox.replaces(replaced)
	told := make(actions.Tree, 0, len(due)+1)
	var again []change
	for _, c := range due {
		if replaced[c.label] {
			continue
		}
		told = append(told, actions.Send(Expired{c.label, now}))
		if c.every > 0 {
			c.at = following(c.at.time(), c.every, now)
			again = append(again, c)
		}
	}
	d.schedule = d.schedule.add(again)
	if len(due) == turn {
		d.ripening, d.ripe = true, now
		told = append(told, expireMore)
	}
	return told
}

// following returns the first time after now that is some intervals after at.
func following(at time.Time, every time.Duration, now time.Time) instant {
	for !at.After(now) {
		late := now.Sub(at) // or as much of it as a Duration holds
		at = at.Add(late - late%every).Add(every)
	}
	return instantOf(at)
}

// hold opens the ticker when it is needed, and closes it when it is not, so that
// a machine in which nobody waits for the time can come to its end. To see
// whether somebody sets another timer because of the one that has just expired,
// it is closed in the next turn only. And it has the ticker wake us in time.
func (d *desk) hold(inbox *arrival, settled bool) actions.Action {
	needed := !d.empty() || inbox != nil
	switch {
	case needed && !d.held:
		d.held, d.silent, d.waking = true, true, false
		return d.hear()
	case !needed && d.held && !settled:
		return settle
	case !needed && d.held:
		d.held = false
		return actions.Close(d.ticker)
	case d.silent || d.ripening || d.schedule.empty() || d.waking && !d.schedule.soonest.before(d.wakes):
		return nil
	}
	d.waking, d.wakes = true, d.schedule.soonest
	return d.tell(wake{d.wakes.time()})
}
