package vmtest

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/internal/text"
	"github.com/go-marketplace/marketplace/topic"
)

// A Probe is an endpoint that keeps its events until the test expects them.
//
// Each Expect method compares the oldest events that are left with what it expects,
// and removes them. If they are not equal, the test fails and ends. Events that are
// left at the end of the test are no failure, unless the test ends with
// [Probe.ExpectNothing].
type Probe[M any] struct {
	puppet
	role  topic.Role
	heard []Heard[M]
}

// Heard is an event of a [Probe].
type Heard[M any] struct {
	actions.Event

	// About is the message or, for presence and absence, an example of the
	// conversation, as handlers get it.
	About M
}

// Subscriber puts a probe in a place that is like an endpoint.Subscriber.
func Subscriber[M any](at Place, p topic.Pattern[M]) *Probe[M] {
	at.puppeteer().m.t.Helper()
	return New(at, topic.Subscriber, topic.Participant, p)
}

// Publisher puts a probe in a place that is like an endpoint.Publisher.
func Publisher[M any](at Place, p topic.Pattern[M]) *Probe[M] {
	at.puppeteer().m.t.Helper()
	return New(at, topic.Publisher, topic.Participant, p)
}

// ObservePublishers puts a probe in a place that is like an
// endpoint.ObservePublishers.
func ObservePublishers[M any](at Place, p topic.Pattern[M]) *Probe[M] {
	at.puppeteer().m.t.Helper()
	return New(at, topic.Subscriber, topic.Observer, p)
}

// ObserveSubscribers puts a probe in a place that is like an
// endpoint.ObserveSubscribers.
func ObserveSubscribers[M any](at Place, p topic.Pattern[M]) *Probe[M] {
	at.puppeteer().m.t.Helper()
	return New(at, topic.Publisher, topic.Observer, p)
}

// New puts a probe of any orientation and interest in a place: the general form
// of the others. A probe for [topic.Any] gets all messages of its orientation.
func New[M any](at Place, o topic.Orientation, i topic.Interest, pattern topic.Pattern[M]) *Probe[M] {
	m := at.puppeteer().m
	m.t.Helper()
	p := &Probe[M]{role: topic.Role{Orientation: o, Interest: i, Topic: pattern.Topic()}}
	p.puppet = puppet{m, cord{Probe: len(m.probes) + 1}}
	m.probes = append(m.probes, p.hear)
	// The records have the events of the endpoint. It needs a handler only so that
	// messages count as heard.
	e := actions.AddEndpoint{ID: p.cord, Role: p.role}
	if m.config.Heard {
		e.Handler = &actions.Handler{Events: actions.EventsOf(actions.Delivery), Run: func(state any, _ *actions.Event) (any, actions.Action) { return state, nil }}
	}
	at.Perform(actions.Spawn(actions.Stateless(p.cord.hold(), e)).Named(p.cord.String()))
	return p
}

func (p *Probe[M]) hear(ev *actions.Event) {
	h := Heard[M]{Event: *ev}
	erased, isErased := any(&h.About).(*topic.Erased)
	switch {
	case isErased:
		*erased = topic.Erased{Message: ev.Message, Topic: ev.Peer.Topic}
	case ev.Kind == actions.Delivery:
		h.About, _ = topic.As[M](ev.Message)
	default:
		c, _ := topic.Typed[M](ev.Peer.Topic)
		h.About = c.Example()
	}
	p.heard = append(p.heard, h)
}

// String describes the probe for people.
func (p *Probe[M]) String() string { return fmt.Sprintf("%v (%v)", p.cord, p.role) }

// Send sends m, from the process of the probe, to all matching subscribers.
func (p *Probe[M]) Send(m M) {
	p.m.t.Helper()
	p.Perform(forward(m, topic.Publisher))
}

// Feedback sends m, from the process of the probe, to all matching publishers.
func (p *Probe[M]) Feedback(m M) {
	p.m.t.Helper()
	p.Perform(forward(m, topic.Subscriber))
}

func forward[M any](m M, sender topic.Orientation) actions.Action {
	if e, ok := any(m).(topic.Erased); ok {
		return actions.Forward(e.Message, sender)
	}
	return actions.Forward(topic.MessageOf(m), sender)
}

// Close ends the process of the probe. Its peers get the reason, which may be nil.
// The test can still expect earlier events of the probe.
func (p *Probe[M]) Close(reason error) {
	p.m.t.Helper()
	p.Perform(actions.Fail(reason))
}

// ExpectPresence expects the presence of peers, one for each conversation, in this
// order.
func (p *Probe[M]) ExpectPresence(conversations ...M) {
	p.m.t.Helper()
	p.expect(actions.Presence, conversations)
}

// ExpectAbsence expects the absence of a peer, with a reason that matches the given
// one by [errors.Is]. A nil reason matches only nil.
func (p *Probe[M]) ExpectAbsence(conversation M, reason error) {
	p.m.t.Helper()
	for _, h := range p.expect(actions.Absence, []M{conversation}) {
		if !errors.Is(h.Reason, reason) {
			p.m.fatalf("vmtest: %v: the reason of the absence of %s is not as expected\nwant: %v\ngot:  %v", p, text.Value(conversation), reason, h.Reason)
		}
	}
}

// ExpectMessages expects these messages, in this order.
func (p *Probe[M]) ExpectMessages(messages ...M) {
	p.m.t.Helper()
	p.expect(actions.Delivery, messages)
}

// expect takes events of the given kind, one for each in want. It returns nil if
// they are not there.
func (p *Probe[M]) expect(kind actions.EventKind, want []M) []Heard[M] {
	p.m.t.Helper()
	n := 0
	var got []M
	for n < len(want) && n < len(p.heard) && p.heard[n].Kind == kind {
		got = append(got, p.heard[n].About)
		n++
	}
	if diff := cmp.Diff(want, got, p.m.config.Compare...); len(want) > 0 && diff != "" {
		p.m.fatalf("vmtest: %v: expected %v, in Go:\n%s\nIt has been told%s\nThe difference (-want +got):\n%s", p, kind, indent(texts(want)), p.list(), diff)
		return nil
	}
	taken := p.heard[:n:n]
	p.heard = p.heard[n:]
	return taken
}

// ExpectNothing expects that the probe has no events left.
func (p *Probe[M]) ExpectNothing() {
	p.m.t.Helper()
	if len(p.heard) > 0 {
		p.m.fatalf("vmtest: %v: expected nothing, but it has been told%s", p, p.list())
	}
}

// Take removes all events that are left, and returns them. Use it to skip events, or
// for data that the Expect methods do not compare, such as the role of a peer.
func (p *Probe[M]) Take() []Heard[M] {
	taken := p.heard
	p.heard = nil
	return taken
}

// list returns what is left, for people.
func (p *Probe[M]) list() string {
	if len(p.heard) == 0 {
		return " nothing (any more)."
	}
	lines := make([]string, len(p.heard))
	for i := range p.heard {
		lines[i] = p.heard[i].Event.String()
	}
	return ":\n" + indent(lines)
}

func texts[T any](vs []T) []string {
	lines := make([]string, len(vs))
	for i, v := range vs {
		lines[i] = text.Value(v)
	}
	return lines
}

func indent(lines []string) string { return "\t" + strings.Join(lines, "\n\t") }

// comparison has the options with which messages and commands are compared.
var comparison = []cmp.Option{
	cmp.Exporter(func(reflect.Type) bool { return true }),
	cmp.FilterPath(func(p cmp.Path) bool {
		t := p.Last().Type()
		return t != nil && t.Kind() == reflect.Pointer && text.Known(t)
	}, cmp.Comparer(func(a, b any) bool { return a == b })),
	cmp.Comparer(func(a, b topic.Topic) bool { return a.Equivalent(b) }),
	cmp.Transformer("Value", topic.Message.Value),
	cmp.FilterPath(func(p cmp.Path) bool {
		t := p.Last().Type()
		return t != nil && t.PkgPath() == topicPackage && strings.HasPrefix(t.Name(), "Pattern[")
	}, cmp.Comparer(func(a, b interface{ Topic() topic.Topic }) bool { return a.Topic().Equivalent(b.Topic()) })),
}

var topicPackage = reflect.TypeFor[topic.Topic]().PkgPath()
