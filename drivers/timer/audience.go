package timer

import (
	"slices"

	"github.com/benbjohnson/immutable"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
)

// An audience has the labels of Expired to which somebody subscribes. It is
// immutable.
type audience struct {
	labels *immutable.Map[string, struct{}] // that subscriptions name
	globs  []topic.Pattern[Expired]         // of subscriptions that match several labels
	all    bool                             // there is a subscription to all labels
}

var nobody = &audience{labels: immutable.NewMap[string, struct{}](nil)}

// hears reports whether somebody subscribes to a label.
func (a *audience) hears(label string) bool {
	if a.all {
		return true
	}
	if _, ok := a.labels.Get(label); ok {
		return true
	}
	return slices.ContainsFunc(a.globs, func(p topic.Pattern[Expired]) bool { return p.Matches(Expired{Label: label}) })
}

// with returns the audience with the subscribers of conversation c.
func (a *audience) with(c topic.Pattern[Expired]) *audience {
	n := *a
	switch label, pinned := Label.In(c); {
	case pinned:
		n.labels = a.labels.Set(label, struct{}{})
	case covers(c, topic.All[Expired]()):
		n.all = true
	default:
		n.globs = append(slices.Clip(a.globs), c)
	}
	return &n
}

// without returns the audience without the subscribers of conversation c.
func (a *audience) without(c topic.Pattern[Expired]) *audience {
	n := *a
	switch label, pinned := Label.In(c); {
	case pinned:
		n.labels = a.labels.Delete(label)
	case covers(c, topic.All[Expired]()):
		n.all = false
	default:
		text := c.String() // by which the machine counts conversations
		n.globs = slices.DeleteFunc(slices.Clone(a.globs), func(p topic.Pattern[Expired]) bool { return p.String() == text })
	}
	return &n
}

func covers(p, q topic.Pattern[Expired]) bool { return p.Topic().Covers(q.Topic()) }

// conversation returns the conversation of an event at an endpoint for Expired.
func conversation(ev *actions.Event) topic.Pattern[Expired] {
	c, _ := topic.Typed[Expired](ev.Peer.Topic)
	return c
}

// announce returns the endpoint by which a driver or a relay shows that it serves
// timers. The function demand hears of the first and the last subscriber of a
// label. Observers do not count.
func announce[S any](demand func(S, *actions.Event) actions.Transition[S]) actions.AddEndpoint {
	h := actions.HandlerOf(demand)
	h.Events = actions.EventsOf(actions.First, actions.Last)
	h.Demand = &actions.Demand{By: topic.Select[Expired](Label)}
	e := endpoint.Publisher(topic.All[Expired]())
	e.Handler = h
	return e
}
