package main

import (
	"bytes"
	"errors"
	"strings"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
)

var sessions = actions.Define("chat.session", session.open)

// A session is one person's presence in the room.
type session struct {
	ID           actions.PID
	Who          Person
	Claims, Held int // how many names were claimed, and which claim is held; 0 is none
	Connection
}

// A Connection is the way to the person.
type Connection tcp.Connection

// tcp returns c as the driver knows it.
func (c Connection) tcp() tcp.Connection { return tcp.Connection(c) }

// The names of the endpoints of a session. That of a claim is its number.
const (
	presence = "presence"
	hearing  = "hearing"
)

// enter says what the person is called and who is here, and opens the session.
// For open, who is here has been told already: it only gives the endpoint that
// hears the room the handlers for what comes later.
func (s session) enter() actions.Action {
	return actions.Group(
		actions.AtMeta(s.tcp().SetMode(tcp.Lines(maxLine), tcp.Unlimited)),
		s.youAre(),
		s.hear(s.isHere),
		s.open(),
	)
}

// open opens all that a session has.
func (s session) open() actions.Action {
	return actions.Group(
		s.appear(),
		actions.When(s.Held > 0, s.claim(s.Who.Name, s.Held)),
		actions.AtMeta(
			s.tcp().Publisher(),
			s.tcp().Subscriber(
				endpoint.OnMessageState(session.typed),
				endpoint.OnAbsenceState(session.leave),
			),
		),
		s.hear(s.arrived),
	)
}

// appear has others see the person, under the name of the moment.
func (s session) appear() actions.Action {
	return endpoint.Publisher(topic.Where(Who.Is(s.Who))).As(presence)
}

// hear carries what happens in the room to the person.
func (c Connection) hear(present func(Says) actions.Action) actions.Action {
	return endpoint.Subscriber(topic.All[Says](),
		endpoint.OnPresence(present).FromOthers(),
		endpoint.OnAbsence(c.departed),
		endpoint.OnMessage(func(m Says) actions.Action { return c.tell(m.Who.Name, ": ", m.What) }),
	).As(hearing)
}

func (c Connection) isHere(p Says) actions.Action { return c.tell(p.Who.Name, " is here.") }

func (c Connection) arrived(p Says) actions.Action {
	if p.Who.Was != "" {
		return c.tell(p.Who.Was, " is now ", p.Who.Name, ".")
	}
	return c.tell(p.Who.Name, " arrived.")
}

// errRenamed is why somebody is absent who is present under another name.
var errRenamed = errors.New("chat: the person has another name now")

func (c Connection) departed(p Says, reason error) actions.Action {
	switch {
	case errors.Is(reason, errRenamed):
		return nil
	case errors.Is(reason, tcp.ErrSlowConsumer):
		return c.tell(p.Who.Name, " is gone: it read too slowly.")
	case errors.Is(reason, tcp.ErrLineTooLong):
		return c.tell(p.Who.Name, " is gone: its line was too long.")
	}
	return c.tell(p.Who.Name, " departed.")
}

// maxLine is how many bytes a line may have, its end included.
const maxLine = 4096

// typed is told of a line. It may have no end, if it is the last.
func (s session) typed(d tcp.Data) actions.Transition[session] {
	line := strings.Map(visible, string(bytes.TrimRight(d.Bytes, "\r\n")))
	switch {
	case len(d.Bytes) == 0: // there are no more
		return actions.Next(s)
	case strings.HasPrefix(line, "/"):
		return s.command(line)
	}
	return actions.Next(s, actions.Send(Says{s.Who, line}))
}

// leave ends the session of somebody who has gone. If it is their fault, everybody
// else hears of it, and the operator.
func (s session) leave(_ tcp.Data, reason error) actions.Transition[session] {
	tooLong := errors.Is(reason, tcp.ErrLineTooLong)
	if !tooLong && !errors.Is(reason, tcp.ErrSlowConsumer) {
		return actions.Next(s, actions.Quit())
	}
	return actions.Next(s,
		actions.When(tooLong, s.tell("That is too long.")),
		actions.AtMeta(console.Printf("chat: %s is gone: %v", s.Who.Name, reason)),
		actions.Fail(reason),
	)
}

// tell tells the person a line, which is put together of parts.
func (c Connection) tell(parts ...string) actions.Action {
	size := len("\n")
	for _, p := range parts {
		size += len(p)
	}
	line := make([]byte, 0, size)
	for _, p := range parts {
		line = append(line, p...)
	}
	return actions.AtMeta(c.tcp().Send(append(line, '\n')))
}
