package supervise

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/timer"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
)

// A restart has a timer for the time until the supervisor carries it out, and then one
// for the time that it counts. The label has the number of the restart, and says which
// of the two it is.
const (
	waiting  = "wait"
	counting = "count"
)

func (s supervisor[A]) prefix() string { return fmt.Sprintf("supervise/%v/", s.Self) }

func (s supervisor[A]) label(what string, restart uint64) string {
	return fmt.Sprintf("%s%s/%d", s.prefix(), what, restart)
}

// timers returns the endpoint that hears of the timers of s.
func (d *kind[A]) timers(s supervisor[A]) actions.AddEndpoint {
	return endpoint.Subscriber(topic.Where(topic.Glob(timer.Label, s.prefix()+"*")),
		endpoint.OnPresenceState(d.driverCame),
		endpoint.OnAbsenceState(d.driverWent),
		endpoint.OnMessageState(d.expired),
	).As(timersID)
}

// timersID names the endpoint. No child has an empty name.
const timersID = ""

// setsTimers names the endpoint that says that a supervisor sets timers.
type setsTimers struct{}

// driverCame sets the timers of restarts that count, which another driver does not
// know. They count longer than they should.
func (d *kind[A]) driverCame(s supervisor[A], _ timer.Expired) actions.Transition[supervisor[A]] {
	s.Drivers++
	var set actions.Tree
	for _, r := range s.Restarts {
		if r.Done {
			set = append(set, timer.After(s.label(counting, r.Number), d.plan(s.Arg).spec.Period))
		}
	}
	return actions.Next(s, set)
}

// driverWent goes on with the children that wait, if nobody is left to say when.
func (d *kind[A]) driverWent(s supervisor[A], _ timer.Expired, _ error) actions.Transition[supervisor[A]] {
	if s.Drivers--; s.Drivers > 0 {
		return actions.Next(s)
	}
	s.Children = slices.Clone(s.Children)
	for i := range s.Children {
		s.Children[i].WaitsFor = 0
	}
	s, settle := d.later(s)
	return actions.Next(s, settle)
}

// expired goes on when a timer has expired.
func (d *kind[A]) expired(s supervisor[A], e timer.Expired) actions.Transition[supervisor[A]] {
	what, number, _ := strings.Cut(strings.TrimPrefix(e.Label, s.prefix()), "/")
	n, err := strconv.ParseUint(number, 10, 64)
	switch {
	case err != nil:
		return actions.Next(s)
	case what == counting:
		s.Restarts = slices.DeleteFunc(slices.Clone(s.Restarts), func(r restart) bool { return r.Done && r.Number == n })
		return actions.Next(s)
	}
	s.Children = slices.Clone(s.Children)
	for i := range s.Children {
		if s.Children[i].WaitsFor == n {
			s.Children[i].WaitsFor = 0
		}
	}
	s, settle := d.later(s)
	return actions.Next(s, settle)
}
