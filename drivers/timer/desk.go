package timer

import (
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/world"
)

// A desk is the part of the driver's state that it works with in its turn. It never
// changes once the turn is over: the methods that write to it are for a copy that
// no one else has yet.
type desk struct {
	ticker   world.Device
	audience *audience
	schedule schedule
	seq      uint64 // of the timer that was set last

	held   bool    // the driver holds the ticker
	silent bool    // no value has come from the ticker since it was opened
	waking bool    // a wake is pending in the ticker
	wakes  instant // the time of the last wake

	readings uint64   // how many reads the ticker was told
	asked    *arrival // the arrivals that wait for a time; the inbox waits behind them
	awaited  uint64   // the number of the read that gives it; 0 for the opening

	ripening bool      // more timers expire than fit into one turn
	ripe     time.Time // the time by which they expire
}

// empty reports whether no timer is pending and nothing waits for the time.
func (d *desk) empty() bool { return d.schedule.empty() && d.asked == nil }

// expectsTime reports whether the ticker will report the time in a moment.
func (d *desk) expectsTime() bool { return d.asked != nil || d.held && d.silent }

func (d *desk) tell(command any) actions.Action { return actions.Tell(d.ticker, command) }

// take handles the inbox, and returns what is left in it: all of it, if the ticker
// is about to report the time. If the inbox needs the time, take asks for it: a
// time from before the arrivals could let timers expire too early.
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
		return nil, nil // the ticker reports the time when it is opened
	}
	d.readings++
	d.asked, d.awaited = inbox, d.readings
	return nil, d.tell(read{d.readings})
}

// answer handles the arrivals that have waited for the time.
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

// changes returns the changes that arrivals make to the schedule.
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

// turn is how many timers expire in one turn of the driver. It is bounded so that
// the messages fit into the queues of processes.
const turn = 1 << 12

// expire sends the Expired of the timers that are due, and sets repeating timers
// again. It leaves out timers that an arrival not handled yet replaces or cancels.
func (d *desk) expire(now time.Time, inbox *arrival) actions.Action {
	if d.ripening {
		d.ripe = now // which is later than before
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
		late := now.Sub(at) // at most what a Duration holds
		at = at.Add(late - late%every).Add(every)
	}
	return instantOf(at)
}

// hold opens the ticker when the driver needs it, and closes it when not, so that a
// machine in which nobody waits for the time can end. It closes the ticker one turn
// later, in case somebody sets another timer because one has just expired. It also
// tells the ticker when to wake the driver.
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
