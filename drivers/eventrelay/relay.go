package eventrelay

import (
	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// serving is the message type of the topic by which the relays of one machine see each
// other.
type serving struct{ ID string }

var servingID = topic.FieldOf(func(s *serving) *string { return &s.ID })

// A relay is the state of a relay that stands by, or serves.
type relay struct {
	id     string
	others int // how many other relays serve
	serves bool
	wanted devices // those that somebody inside subscribes to
}

// Relay returns the action that spawns the process that carries events into a nested
// machine. The id tells the relays of one machine apart, in traces and logs.
func Relay(id string) actions.SpawnProcess {
	r := relay{id: id, wanted: none}
	return actions.Spawn(actions.Next(r, r.open(), actions.Yield(relay.serve))).Named("event relay " + id)
}

// open opens the endpoints of the relay. It observes the other relays and, if it serves,
// the subscribers.
func (r relay) open() actions.Action {
	all := actions.Tree{
		endpoint.ObservePublishers(topic.All[serving](),
			endpoint.OnPresenceState(func(r relay, _ serving) actions.Transition[relay] {
				r.others++
				return actions.Next(r)
			}).FromOthers(),
			endpoint.OnAbsenceState(func(r relay, _ serving, _ error) actions.Transition[relay] {
				r.others--
				return actions.Next(r, actions.Yield(relay.serve))
			}).FromOthers(),
		),
	}
	if r.serves {
		all = append(all, r.service())
	}
	for _, w := range r.wanted.all() {
		all = append(all, carry(w), publish(w)) // carry deletes the publisher if there is none outside
	}
	return all
}

// serve begins to serve, unless another relay does. It runs in a turn of its own, when
// the relay has seen all relays that began before it.
func (r relay) serve() actions.Transition[relay] {
	if r.serves || r.others > 0 {
		return actions.Next(r)
	}
	r.serves = true
	return actions.Next(r, r.service())
}

// service returns the endpoints that show other relays that this one serves, and that
// observe the subscribers.
func (r relay) service() actions.Action {
	return actions.Group(
		endpoint.Publisher(topic.Where(servingID.Is(r.id))),
		endpoint.ObserveSubscribers(topic.All[Event](),
			endpoint.OnFirstState(func(r relay, c Event) actions.Transition[relay] { return r.want(c.Device) }, Device),
			endpoint.OnLastState(func(r relay, c Event) actions.Transition[relay] { return r.leave(c.Device) }, Device),
		),
	)
}

// want carries the events of a device inward.
func (r relay) want(w world.Device) actions.Transition[relay] {
	if w == nil {
		return actions.Next(r)
	}
	r.wanted = r.wanted.with(w)
	return actions.Next(r, carry(w))
}

func (r relay) leave(w world.Device) actions.Transition[relay] {
	if w == nil {
		return actions.Next(r)
	}
	r.wanted = r.wanted.without(w)
	name := w.DeviceName()
	return actions.Next(r, actions.AtMeta(actions.Delete(name)), actions.Delete(name))
}

// carry carries the events of d inward. There is a publisher inside while there is one
// outside.
func carry(d world.Device) actions.Action {
	name := d.DeviceName()
	return actions.AtMeta(endpoint.Subscriber(From(d),
		endpoint.OnPresence(func(Event) actions.Action { return publish(d) }),
		endpoint.OnMessage(func(e Event) actions.Action { return actions.Send(e) }),
		endpoint.OnAbsence(func(_ Event, reason error) actions.Action { return actions.Delete(name).Because(reason) }),
	).As(name))
}
