package main

import (
	"errors"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/drivers/inet"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/drivers/udp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// resolve starts a resolver, in a machine in which there are the drivers for
// TCP, UDP, timers and the console.
func resolve(c *config) actions.Action {
	return actions.Tree{
		actions.Spawn(answerQuestions(c)).Named("asker"),
		actions.Spawn(countAll()).Named("counter"),
		actions.Spawn(listen(c.listen)).Named("service"),
	}
}

// A service is the state of the process that listens to clients.
type service struct {
	busy int // requests over UDP
}

// maxRequests is how many requests there may be over UDP at a time, from all
// clients together: over UDP nobody can tell one client from another. A client
// with another one is told that there is no answer, and that is counted. So
// memory is bounded, whatever arrives.
const maxRequests = 4096

// waiting says, by its presence, that there is a request over UDP.
type waiting struct{}

// listen is the process that listens to clients, first over UDP, and then over
// TCP at the same port, which need not be known before. Without it there is no
// service: if it ends, so does everything else.
func listen(at inet.Addr) actions.Process {
	return actions.Next(service{},
		endpoint.Subscriber(udp.Arriving(at), endpoint.OnMessageState(service.hear)),
		endpoint.ObservePublishers(topic.All[waiting](), endpoint.OnAbsenceState(service.served)),
		endpoint.ObservePublishers(udp.ListeningAt(at),
			endpoint.OnPresence(func(l udp.Listening) actions.Action {
				return actions.When(l.Bound != inet.Addr{}, listenTCP(inet.Listener(at.Host(), l.Bound.Port())))
			}),
			endpoint.OnAbsence(func(_ udp.Listening, reason error) actions.Action { return giveUp(reason) }),
		),
		endpoint.Subscriber(topic.All[duty](),
			endpoint.OnAbsence(func(_ duty, reason error) actions.Action { return giveUp(reason) }),
		),
	)
}

// hear serves a client over UDP.
func (s service) hear(p udp.Packet) actions.Transition[service] {
	if p.Truncated {
		return actions.Next(s, count(dropped))
	}
	a, isRequest := way{us: p.Destination, them: p.Source}.serve(p.Body, s.busy >= maxRequests)
	if isRequest {
		s.busy++
	}
	return actions.Next(s, a)
}

// served handles the end of a request over UDP.
func (s service) served(waiting, error) actions.Transition[service] {
	s.busy--
	return actions.Next(s)
}

// listenTCP listens to clients over TCP, and says where it listens.
func listenTCP(at inet.Addr) actions.Action {
	return actions.Tree{
		endpoint.ObservePublishers(tcp.Arriving(at), endpoint.OnPresence(func(d tcp.Data) actions.Action {
			return actions.Spawn(attend(d.Connection())).Named("session")
		})),
		endpoint.ObservePublishers(tcp.ListeningAt(at),
			endpoint.OnPresence(func(l tcp.Listening) actions.Action {
				return actions.When(l.Bound != inet.Addr{}, console.Printf("dns: listening on %v", l.Bound))
			}),
			endpoint.OnAbsence(func(_ tcp.Listening, reason error) actions.Action { return giveUp(reason) }),
		),
	}
}

// giveUp ends the service, for a reason that the operator should know, unless
// the operator has stopped it.
func giveUp(reason error) actions.Action {
	return actions.Tree{
		actions.When(reason != nil && !errors.Is(reason, world.ErrStopped), endpoint.Exit(reason)),
		actions.Fail(reason),
	}
}
