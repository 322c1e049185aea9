package main

import (
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/drivers/timer"
	"github.com/go-marketplace/marketplace/endpoint"
)

// A session is the state of the process that listens to a client over TCP,
// which may send several questions before there is an answer. The answers may
// come in any order. The connection is closed when the session has ended, and
// with it the last of its requests.
type session struct {
	way
	label string
	begun []byte // of a message whose end has not come yet
	busy  int    // requests
}

const (
	sessionIdle  = 10 * time.Second // after the last one, a client is thought to have no more questions
	sessionLimit = 100              // requests at a time
)

// attend is the process of a session.
func attend(c tcp.Connection) actions.Process {
	s := session{way: way{us: c.Us, them: c.Them, stream: true}, label: "dns session with " + c.Them.String()}
	return actions.Next(s,
		c.Subscriber(
			endpoint.OnMessageState(session.hear),
			endpoint.OnAbsence(func(tcp.Data, error) actions.Action { return actions.Quit() }),
		),
		endpoint.ObservePublishers(c.Out(), endpoint.OnAbsenceState(session.served)),
		endpoint.Subscriber(timer.Expiring(s.label),
			endpoint.OnMessage(func(timer.Expired) actions.Action { return actions.Quit() }),
		),
		timer.After(s.label, sessionIdle),
	)
}

// hear serves every message that is complete, wherever the stream was cut.
func (s session) hear(d tcp.Data) actions.Transition[session] {
	var served actions.Tree
	stream := join(s.begun, d.Bytes)
	for {
		packet, rest, complete := cut(stream)
		if !complete {
			s.begun = rest
			return actions.Next(s, served, actions.When(len(served) > 0, timer.After(s.label, sessionIdle)))
		}
		stream = rest
		a, isRequest := s.serve(packet, s.busy >= sessionLimit)
		if isRequest {
			s.busy++
		}
		served = append(served, a)
	}
}

// served handles the end of a request.
func (s session) served(tcp.Data, error) actions.Transition[session] {
	s.busy--
	return actions.Next(s)
}
