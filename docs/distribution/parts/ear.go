package parts

import (
	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// Says is what somebody says. On is the node on which somebody is.
type Says struct{ On, Who, What string }

var (
	On  = topic.FieldOf(func(s *Says) *string { return &s.On })
	Who = topic.FieldOf(func(s *Says) *string { return &s.Who })
)

func init() { world.Register[Says]("parts.Says") }

// ears has an ear for each other node with a room, while that is within reach.
func ears() actions.Process {
	return actions.Stateless(endpoint.Subscriber(distributed.Named("room"),
		endpoint.OnPresence(func(u distributed.Up) actions.Action { return ear(u.Place).As(u.Place.Node) }),
		endpoint.OnAbsence(func(u distributed.Up, reason error) actions.Action {
			return actions.Delete(u.Place.Node).Because(reason)
		})))
}

// ear repeats in this room what the people of another node say in theirs.
func ear(there distributed.Place) actions.AddEndpoint {
	return there.At(endpoint.Subscriber(topic.Where(On.Is(there.Node)),
		endpoint.OnPresence(func(s Says) actions.Action {
			return endpoint.Publisher(topic.Where(On.Is(s.On), Who.Is(s.Who))).As(s)
		}),
		endpoint.OnAbsence(func(s Says, reason error) actions.Action { return actions.Delete(s).Because(reason) }),
		endpoint.OnMessage(func(s Says) actions.Action { return actions.Send(s) })))
}
