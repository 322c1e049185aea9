package main

import (
	"errors"
	"strings"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
)

// A session is one person's presence in the room.
type session struct {
	user     string
	them, us tcp.Addr
	begun    string // of a line whose end has not come yet
}

// listen carries what the person types into the room.
func (s session) listen() actions.Action {
	return actions.Tree{
		endpoint.Publisher(topic.Where(Who.Is(s.user))),
		actions.AtMeta(endpoint.Subscriber(tcp.Flow(s.them, s.us),
			endpoint.OnMessageState(session.hear),
			endpoint.OnAbsence(func(tcp.Data, error) actions.Action { return actions.Quit() }),
		)),
	}
}

// speak carries what happens in the room to the person.
func (s session) speak() actions.Action {
	return actions.Tree{
		actions.AtMeta(endpoint.Publisher(tcp.Flow(s.us, s.them))),
		s.tell("You are " + s.user + "."),
		endpoint.Subscriber(topic.All[Says](),
			endpoint.OnPresence(func(c Says) actions.Action { return s.announce(c.Who, "arrived") }),
			endpoint.OnAbsence(func(c Says, _ error) actions.Action { return s.announce(c.Who, "departed") }),
			endpoint.OnMessage(func(m Says) actions.Action { return s.tell(m.Who + ": " + m.What) }),
		),
	}
}

// maxLine is the length of the longest line that somebody may say.
const maxLine = 4096

var errTooLong = errors.New("chat: line too long")

// hear says every line that is complete, wherever the stream was cut.
func (s session) hear(d tcp.Data) actions.Transition[session] {
	var said actions.Tree
	text := s.begun + string(d.Bytes)
	for {
		line, rest, complete := strings.Cut(text, "\n")
		if len(line) > maxLine {
			return actions.Next(s, s.tell("That is too long."), actions.Fail(errTooLong))
		}
		if !complete {
			s.begun = line
			return actions.Next(s, said)
		}
		said = append(said, actions.Send(Says{s.user, strings.TrimSuffix(line, "\r")}))
		text = rest
	}
}

func (s session) announce(who, what string) actions.Action {
	return actions.When(who != s.user, s.tell(who+" "+what+"."))
}

func (s session) tell(line string) actions.Action {
	return actions.AtMeta(actions.Send(tcp.Data{From: s.us, To: s.them, Bytes: []byte(line + "\n")}))
}
