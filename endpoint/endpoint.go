package endpoint

import (
	"fmt"
	"reflect"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
)

// Subscriber opens an endpoint that takes part in the conversations about p as a
// subscriber: it receives messages. It panics like [New].
func Subscriber[M any](p topic.Pattern[M], hs ...Handler[M]) actions.AddEndpoint {
	return New(topic.Subscriber, topic.Participant, p, hs...)
}

// Publisher opens an endpoint that takes part in the conversations about p as a
// publisher: subscribers see it, and it receives feedback. [actions.Send] sends
// messages. It panics like [New].
func Publisher[M any](p topic.Pattern[M], hs ...Handler[M]) actions.AddEndpoint {
	return New(topic.Publisher, topic.Participant, p, hs...)
}

// ObservePublishers opens an endpoint that sees publishers come and go, and that
// they do not see. The endpoint itself is a subscriber, so it receives messages as
// well. It panics like [New].
func ObservePublishers[M any](p topic.Pattern[M], hs ...Handler[M]) actions.AddEndpoint {
	return New(topic.Subscriber, topic.Observer, p, hs...)
}

// ObserveSubscribers opens an endpoint that sees subscribers come and go, and that
// they do not see. The endpoint itself is a publisher, so it receives feedback as
// well. It panics like [New].
func ObserveSubscribers[M any](p topic.Pattern[M], hs ...Handler[M]) actions.AddEndpoint {
	return New(topic.Publisher, topic.Observer, p, hs...)
}

// New opens an endpoint of any orientation and interest: the general form of
// the others. It panics if there are two handlers for one kind of event, handlers
// for two types of state, a zero Handler, or an [OnFirst] and an [OnLast] that count
// differently.
func New[M any](o topic.Orientation, i topic.Interest, p topic.Pattern[M], hs ...Handler[M]) actions.AddEndpoint {
	return build(topic.Role{Orientation: o, Interest: i, Topic: p.Topic()}, hs)
}

// FromRole opens an endpoint with a role that is computed, so that the type of its
// messages is not known. It panics like [New], and if the role has the zero Topic.
func FromRole(r topic.Role, hs ...Handler[topic.Erased]) actions.AddEndpoint {
	if _, ok := r.Topic.Intersect(topic.Any.Topic()); !ok {
		panic("endpoint: FromRole of a role without a topic: use topic.Any or the Topic of a pattern")
	}
	return build(r, hs)
}

func build[M any](r topic.Role, hs []Handler[M]) actions.AddEndpoint {
	a := actions.AddEndpoint{Role: r}
	if len(hs) == 0 {
		return a
	}
	t := &table{}
	for _, h := range hs {
		t.set(h.handler, r.Topic)
	}
	a.Handler = t.handler()
	return a
}

// handler is a [Handler] or a [DeviceHandler] without its message type.
type handler struct {
	kind   actions.EventKind
	state  reflect.Type // nil for the plain form
	run    func(state any, ev *actions.Event) (any, actions.Action)
	filter actions.Filter
	by     topic.Selection // for First and Last
	value  reflect.Type    // for Value: the type of value

	ignores bool // for Absence: it ignores the reason
}

// A table has the handlers of one endpoint, by kind of event.
type table struct {
	state reflect.Type
	by    [actions.EventKinds]handler
}

func (t *table) set(h handler, whose fmt.Stringer) {
	if h.run == nil {
		panic(fmt.Sprintf("endpoint: zero Handler of %v: make handlers with OnMessage and the like", whose))
	}
	if t.by[h.kind].run != nil {
		panic(fmt.Sprintf("endpoint: two handlers for %v of %v: use one, with a switch in it", h.kind, whose))
	}
	if t.state != nil && h.state != nil && t.state != h.state {
		panic(fmt.Sprintf("endpoint: handlers for two types of state, %v and %v, of %v: a process has one", t.state, h.state, whose))
	}
	if h.state != nil {
		t.state = h.state
	}
	t.by[h.kind] = h
}

func (t *table) handler() *actions.Handler {
	h := &actions.Handler{State: t.state, Demand: t.demand()}
	only, n := handler{}, 0
	for i, k := range t.by {
		if k.run != nil {
			h.Events |= actions.EventsOf(actions.EventKind(i))
			only, n = k, n+1
		}
		if k.ignores {
			h.Events |= actions.IgnoresReason
		}
	}
	if n == 1 && only.filter == (actions.Filter{}) {
		h.Run = only.run
		return h
	}
	h.Run = func(state any, ev *actions.Event) (any, actions.Action) {
		k := &t.by[ev.Kind]
		if k.run == nil || !k.filter.Passes(ev.Peer, ev.Self) {
			return state, nil
		}
		return k.run(state, ev)
	}
	return h
}

// demand returns how the machine counts peers. It panics if OnFirst and OnLast of
// the endpoint disagree.
func (t *table) demand() *actions.Demand {
	first, last := t.by[actions.First], t.by[actions.Last]
	switch {
	case first.run == nil && last.run == nil:
		return nil
	case first.run == nil:
		first = last
	case last.run != nil && (first.by != last.by || first.filter != last.filter):
		panic("endpoint: OnFirst and OnLast of one endpoint count differently: give both the same fields and filters")
	}
	return &actions.Demand{By: first.by, Filter: first.filter}
}
