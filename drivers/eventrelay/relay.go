package eventrelay

import (
	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// serving is the topic by which the relays of one machine know of each other.
type serving struct{ ID string }

var servingID = topic.FieldOf(func(s *serving) *string { return &s.ID })

// A relay is the state of a relay that stands by, or serves.
type relay struct {
	id     string
	others int // that serve
	serves bool
}

// Relay returns the process that carries events into a nested machine. The id
// tells the relays of one machine apart, in traces and logs.
func Relay(id string) actions.SpawnProcess {
	return actions.Spawn(actions.Next(relay{id: id},
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
		actions.Yield(relay.serve),
	)).Named("event relay " + id)
}

// serve begins to serve, unless another relay does. It is called in a turn of
// its own, by when every relay knows of those that have begun before it.
func (r relay) serve() actions.Transition[relay] {
	if r.serves || r.others > 0 {
		return actions.Next(r)
	}
	r.serves = true
	return actions.Next(r,
		endpoint.Publisher(topic.Where(servingID.Is(r.id))),
		endpoint.ObserveSubscribers(topic.All[Event](),
			endpoint.OnFirst(func(c Event) actions.Action {
				return actions.When(c.Device != nil, carry(c.Device))
			}, Device),
			endpoint.OnLast(func(c Event) actions.Action {
				return actions.When(c.Device != nil, actions.AtMeta(actions.Delete(c.Device)), actions.Delete(c.Device))
			}, Device),
		),
	)
}

// carry carries the events of d inward. Those inside see a publisher for as long
// as there is one outside.
func carry(d world.Device) actions.Action {
	return actions.AtMeta(endpoint.Subscriber(From(d),
		endpoint.OnPresence(func(Event) actions.Action { return publish(d) }),
		endpoint.OnMessage(func(e Event) actions.Action { return actions.Send(e) }),
		endpoint.OnAbsence(func(_ Event, reason error) actions.Action { return actions.Delete(d).Because(reason) }),
	).As(d))
}
