package rpc

import (
	"context"
	"fmt"
	"slices"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/timer"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
)

// label returns the label of the timer of a call.
func (v *client) label(c *open) string { return fmt.Sprintf("rpc %d.%d", v.id.N, c.n) }

// timerID names the endpoint that waits for the timer of a call.
type timerID struct{ n uint64 }

// setTimer sets the timer of a call with a deadline, when it begins. The client must have
// the call by then, so setTimer updates the client once more.
func (c *open) setTimer(level int, begins bool) actions.Action {
	if !c.opts.Limited || !begins {
		return nil
	}
	n := c.n
	return update(level, func(v *client) (*client, actions.Action) {
		c := v.find(n)
		if c == nil {
			return v, nil
		}
		return v, actions.AtLevel(v.level, actions.Tree{v.timerEndpoints(c), v.timerTicket(c)})
	})
}

// timerEndpoints returns the endpoint that sets the timer of c when it sees the driver,
// and then waits for it, and [setsTimers]. A driver that comes after another one does not
// know the timer, so the endpoint sets it again.
func (v *client) timerEndpoints(c *open) actions.Action {
	label, n, within, level, op := v.label(c), c.n, c.opts.Within, v.level, c.def.name
	wait := endpoint.Subscriber(timer.Expiring(label),
		endpoint.OnPresence(func(timer.Expired) actions.Action {
			return update(level, func(v *client) (*client, actions.Action) {
				if c := v.find(n); c == nil || c.timed {
					return v, nil
				}
				return v.timed(n, true), actions.AtLevel(level, timer.After(label, within))
			})
		}),
		endpoint.OnAbsence(func(timer.Expired, error) actions.Action {
			return update(level, func(v *client) (*client, actions.Action) { return v.timed(n, false), nil })
		}).IgnoringReason(),
		endpoint.OnMessage(func(timer.Expired) actions.Action {
			return update(level, func(v *client) (*client, actions.Action) {
				return v.expire(n, fmt.Errorf("rpc: no answer to a call of %s within %v: %w", op, within, context.DeadlineExceeded))
			})
		}),
	).As(timerID{n})
	wait.Passive = true
	return actions.Tree{setsTimers(), wait}
}

// setsTimers returns the endpoint that says that the process sets timers. It stays when
// the calls have ended.
func setsTimers() actions.AddEndpoint {
	e := endpoint.Publisher(topic.All[timer.Set]()).As(timerID{})
	e.Passive = true
	return e
}

// timerTicket spawns a process that ends at once. Its PID comes after the news of the
// timer driver, if there is one. If there is none, the call fails.
func (v *client) timerTicket(c *open) actions.Action {
	n, op := c.n, c.def.name
	return spawnTicket(v.level, func(v *client, _ actions.PID) (*client, actions.Action) {
		if c := v.find(n); c == nil || c.timed {
			return v, nil
		}
		return v.expire(n, fmt.Errorf("%w, for a call of %s", ErrNoTimer, op))
	})
}

// find returns an open or waiting call, or nil.
func (v *client) find(n uint64) *open {
	if v == nil {
		return nil
	}
	if c := v.open.get(n); c != nil {
		return c
	}
	for c := range v.all {
		if c.n == n {
			return c
		}
	}
	return nil
}

// timed returns v with the note whether a call has its timer.
func (v *client) timed(n uint64, timed bool) *client {
	c := v.find(n)
	if c == nil {
		return v
	}
	d := *c
	d.timed = timed
	if v.open.get(n) != nil {
		next := *v
		next.open = v.open.with(&d)
		return &next
	}
	o := *v.operation(c.def, c.opts.At)
	o.waiting = slices.Clone(o.waiting)
	o.waiting[slices.Index(o.waiting, c)] = &d
	return v.with(&o)
}

// expire ends a call that has no answer.
func (v *client) expire(n uint64, err error) (*client, actions.Action) {
	c := v.find(n)
	if c == nil {
		return v, nil
	}
	if v.open.get(n) == nil {
		o := *v.operation(c.def, c.opts.At)
		o.waiting = slices.DeleteFunc(slices.Clone(o.waiting), func(d *open) bool { return d == c })
		v = v.with(&o)
	}
	return v.finish(c, topic.Message{}, err)
}
