package distributed

import (
	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
)

// claimed handles an endpoint that takes part at a place.
func (d driver) claimed(ev endpoint.Event[happening]) driverStep {
	c, text, ok := claimIn(ev.Conversation)
	if !ok {
		return actions.Next(d, d.say(ev.Conversation))
	}
	return d.change(c.place.home(), func(l *link) actions.Action {
		return actions.Group(d.tell(l, l.claim(c, text)), d.hurry(l))
	})
}

// say tells an endpoint that wants to know whether a claim is settled, why it is not, if
// that is known.
func (d driver) say(p topic.Pattern[happening]) actions.Action {
	text, ok := happeningClaim.In(p)
	if s, _ := happeningSign.In(p); !ok || s != settledSign {
		return nil
	}
	c, ok := readClaim(text)
	if !ok {
		return nil
	}
	l, ok := d.links.Get(c.place.home())
	switch {
	case !ok:
		return nil
	case l.session == 0 && l.trouble != nil:
		return unsettled(text, l.trouble)
	case l.isStale(c.place):
		return unsettled(text, l.stale(c.place))
	}
	if r, ok := l.roles.Get(c.role); ok && r.refused != nil {
		return unsettled(text, r.refused)
	}
	return nil
}

// hurry makes the device of a link that is in trouble connect at once.
func (d driver) hurry(l *link) actions.Action {
	return actions.When(l.session == 0 && l.trouble != nil, actions.Tell(d.device(l.home), linkHurry{}))
}

// unclaimed handles an endpoint that has left.
func (d driver) unclaimed(ev endpoint.Event[happening]) driverStep {
	c, text, ok := claimIn(ev.Conversation)
	if !ok {
		return actions.Next(d)
	}
	return d.change(c.place.home(), func(l *link) actions.Action { return d.tell(l, l.unclaim(c, text, ev.Reason)) })
}

// claimIn returns the claim of a subscriber of happenings, if it is an endpoint at a place.
func claimIn(p topic.Pattern[happening]) (c claim, text string, ok bool) {
	text, ok = happeningClaim.In(p)
	if _, sign := happeningSign.In(p); !ok || sign {
		return c, text, false
	}
	c, ok = readClaim(text)
	return c, text, ok
}
