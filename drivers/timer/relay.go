package timer

import (
	"fmt"

	"github.com/benbjohnson/immutable"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
)

// Relay returns the action that spawns the process that makes the timers of the
// outer machine available in a nested one. It serves while a [Driver] or another
// Relay serves outside. The id tells relays apart, in traces and logs.
//
// For each timer that is set inside, the relay sets one outside, with a label that
// it makes up. When that expires, the relay sends the Expired inside, with the label
// used there. So labels may be the same as in other machines.
func Relay(id string) actions.SpawnProcess {
	return actions.Spawn(actions.Next(&relay{id: id, errands: none},
		// The PID of a process outside is a number that no other relay has.
		actions.AtMeta(actions.SpawnThen(actions.Stateless(), (*relay).numbered).Named("number of timer relay "+id)),
	)).Named("timer relay " + id)
}

// A relay is the state of a relay. It is immutable.
type relay struct {
	id      string
	number  actions.PID // which no other relay outside has
	counter uint64      // of the labels made up
	drivers int         // how many drivers and relays serve outside
	errands             // none while nobody serves outside
}

// errands are the requests that a relay passes on.
type errands struct {
	audience *audience
	outer    *immutable.SortedMap[string, string]     // labels outside, by label inside
	inner    *immutable.SortedMap[string, innerTimer] // timers inside, by label outside
	readers  *immutable.SortedMap[string, string]     // labels of a Read inside, by label outside
}

// none are the errands of a relay that does not serve.
var none = errands{
	nobody,
	immutable.NewSortedMap[string, string](nil),
	immutable.NewSortedMap[string, innerTimer](nil),
	immutable.NewSortedMap[string, string](nil),
}

// An innerTimer is a timer as it was set inside.
type innerTimer struct {
	label string
	again bool // it repeats
}

type errand = actions.Transition[*relay]

// The names of the endpoints of a relay.
type (
	insideEnd  uint8
	timerEnd   string // outside, by label
	readingEnd string // outside, by label
)

const (
	setEnd insideEnd = iota
	cancelEnd
	readEnd
	expiredEnd
	timeEnd
)

// numbered sets the relay's number. From then on the relay watches who serves
// outside. It needs no messages, so it observes the topic of an empty label, under
// which nobody sends any.
func (r *relay) numbered(number actions.PID) errand {
	n := *r
	n.number = number
	return actions.Next(&n, n.watch())
}

func (r *relay) watch() actions.Action {
	return actions.AtMeta(endpoint.ObservePublishers(Expiring(""),
		endpoint.OnPresenceState((*relay).present),
		endpoint.OnAbsenceState((*relay).absent),
	))
}

// serve opens the endpoints by which the relay serves inside.
func (r *relay) serve() actions.Action {
	return actions.Group(
		endpoint.Subscriber(topic.All[Set](), endpoint.OnMessageState((*relay).set)).As(setEnd),
		endpoint.Subscriber(topic.All[Cancel](), endpoint.OnMessageState((*relay).cancel)).As(cancelEnd),
		endpoint.Subscriber(topic.All[Read](), endpoint.OnMessageState((*relay).read)).As(readEnd),
		endpoint.Publisher(topic.All[Time]()).As(timeEnd),
		announce((*relay).demand).As(expiredEnd),
	)
}

// open opens the endpoints of the relay.
func (r *relay) open() actions.Action {
	if r.number == 0 {
		return nil // it does not watch yet
	}
	all := actions.Tree{r.watch()}
	if r.drivers > 0 {
		all = append(all, r.serve())
	}
	for i := r.inner.Iterator(); !i.Done(); {
		made, _, _ := i.Next()
		all = append(all, actions.AtMeta(hearTimer(made)))
	}
	for i := r.readers.Iterator(); !i.Done(); {
		made, _, _ := i.Next()
		all = append(all, actions.AtMeta(hearReading(made)))
	}
	return all
}

// present begins to serve when the first driver or relay is there outside.
func (r *relay) present(Expired) errand {
	n := *r
	n.drivers++
	if n.drivers > 1 {
		return actions.Next(&n)
	}
	n.errands = none
	return actions.Next(&n, n.serve())
}

// absent stops serving when the last driver or relay outside has gone, and its
// timers with it.
func (r *relay) absent(_ Expired, reason error) errand {
	n := *r
	n.drivers--
	if n.drivers > 0 {
		return actions.Next(&n)
	}
	as := actions.Tree{
		actions.Delete(expiredEnd).Because(reason),
		actions.Delete(timeEnd).Because(reason),
		actions.Delete(setEnd),
		actions.Delete(cancelEnd),
		actions.Delete(readEnd),
	}
	for i := n.inner.Iterator(); !i.Done(); {
		made, _, _ := i.Next()
		as = append(as, actions.AtMeta(actions.Delete(timerEnd(made))))
	}
	for i := n.readers.Iterator(); !i.Done(); {
		made, _, _ := i.Next()
		as = append(as, actions.AtMeta(actions.Delete(readingEnd(made))))
	}
	n.errands = none
	return actions.Next(&n, as)
}

// makeUp returns a label that has not been used before.
func (r *relay) makeUp() string {
	r.counter++
	return fmt.Sprintf("timer relay %q %v.%d", r.id, r.number, r.counter)
}

// All endpoints outside share these handlers, which are the same for all labels.
var (
	outerTimer   = endpoint.Subscriber(topic.All[Expired](), endpoint.OnMessageState((*relay).expired)).Handler
	outerReading = endpoint.Subscriber(topic.All[Time](), endpoint.OnMessageState((*relay).told)).Handler
)

// set sets a timer outside. It makes up a new label even if a timer with the same
// label is pending, because that one may be expiring just now.
func (r *relay) set(s Set) errand {
	if r.drivers == 0 {
		return actions.Next(r) // the endpoint will be gone in a moment
	}
	if err := s.mistake(); err != nil {
		return actions.Next(r, refuse(s.Label, err))
	}
	if !r.audience.hears(s.Label) {
		return actions.Next(r, refuse(s.Label, ErrNobodyWaits))
	}
	n := *r
	old := n.forget(s.Label)
	made := n.makeUp()
	n.outer, n.inner = n.outer.Set(s.Label, made), n.inner.Set(made, innerTimer{s.Label, s.Every > 0})
	s.Label = made
	return actions.Next(&n, old, actions.AtMeta(
		hearTimer(made),
		actions.Send(s),
	))
}

// hearTimer and hearReading subscribe outside to a label that was made up.
func hearTimer(made string) actions.Action {
	return hear(timerEnd(made), Expiring(made).Topic(), outerTimer)
}

func hearReading(made string) actions.Action {
	return hear(readingEnd(made), Telling(made).Topic(), outerReading)
}

func hear(id actions.EndpointID, t topic.Topic, h *actions.Handler) actions.Action {
	return actions.AddEndpoint{ID: id, Role: topic.Role{Orientation: topic.Subscriber, Topic: t}, Handler: h}
}

// forget removes the timer with a label, if there is one. It deletes the endpoint
// outside, so the timer ends there.
func (r *relay) forget(label string) actions.Action {
	made, ok := r.outer.Get(label)
	if !ok {
		return nil
	}
	r.outer, r.inner = r.outer.Delete(label), r.inner.Delete(made)
	return actions.AtMeta(actions.Delete(timerEnd(made)))
}

func (r *relay) cancel(c Cancel) errand {
	if c.Label == "" {
		return actions.Next(r, refuse(c.Label, ErrNoLabel))
	}
	n := *r
	forgotten := n.forget(c.Label)
	return actions.Next(&n, forgotten)
}

func (r *relay) read(q Read) errand {
	if r.drivers == 0 {
		return actions.Next(r)
	}
	if q.Label == "" {
		return actions.Next(r, refuse(q.Label, ErrNoLabel))
	}
	n := *r
	made := n.makeUp()
	n.readers = n.readers.Set(made, q.Label)
	return actions.Next(&n, actions.AtMeta(
		hearReading(made),
		actions.Send(Read{made}),
	))
}

// expired passes on the Expired of a timer outside, unless the relay has removed
// the timer.
func (r *relay) expired(e Expired) errand {
	t, ok := r.inner.Get(e.Label)
	if !ok {
		return actions.Next(r)
	}
	pass := actions.Send(Expired{t.label, e.Now})
	if t.again {
		return actions.Next(r, pass)
	}
	n := *r
	forgotten := n.forget(t.label)
	return actions.Next(&n, pass, forgotten)
}

// told passes on the time.
func (r *relay) told(t Time) errand {
	label, ok := r.readers.Get(t.Label)
	if !ok {
		return actions.Next(r)
	}
	n := *r
	n.readers = n.readers.Delete(t.Label)
	return actions.Next(&n, actions.Send(Time{label, t.Now}), actions.AtMeta(actions.Delete(readingEnd(t.Label))))
}

// demand handles the first subscriber of a conversation inside, and the last to go.
func (r *relay) demand(ev *actions.Event) errand {
	n, c := *r, conversation(ev)
	if ev.Kind == actions.First {
		n.audience = n.audience.with(c)
		return actions.Next(&n)
	}
	n.audience = n.audience.without(c)
	if label, pinned := Label.In(c); pinned {
		return actions.Next(&n, n.unheard(label))
	}
	var forgotten actions.Tree
	for i := r.outer.Iterator(); !i.Done(); {
		label, _, _ := i.Next()
		forgotten = append(forgotten, n.unheard(label))
	}
	return actions.Next(&n, forgotten)
}

// unheard removes the timer with a label, unless somebody subscribes to it.
func (r *relay) unheard(label string) actions.Action {
	if r.audience.hears(label) {
		return nil
	}
	return r.forget(label)
}
