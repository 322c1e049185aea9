package main

import (
	"bytes"
	"errors"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
)

// A session is one person's presence in the room.
type session struct {
	User     string
	Them, Us tcp.Addr
}

// welcome says what the person is called, and has what they type come in lines.
func (s session) welcome() actions.Action {
	return actions.Group(
		actions.AtMeta(tcp.SetMode(s.Them, s.Us, tcp.Lines(maxLine), tcp.Unlimited)),
		s.tell("You are "+s.User+"."),
	)
}

// open opens all that a session has.
func (s session) open() actions.Action { return actions.Group(s.listen(), s.speak()) }

// listen carries what the person types into the room.
func (s session) listen() actions.Action {
	return actions.Group(
		endpoint.Publisher(topic.Where(Who.Is(s.User))),
		actions.AtMeta(endpoint.Subscriber(tcp.Flow(s.Them, s.Us),
			endpoint.OnMessage(s.say),
			endpoint.OnAbsence(func(_ tcp.Data, reason error) actions.Action { return s.leave(reason) }),
		)),
	)
}

// speak carries what happens in the room to the person.
func (s session) speak() actions.Action {
	return actions.Group(
		actions.AtMeta(endpoint.Publisher(tcp.Flow(s.Us, s.Them))),
		endpoint.Subscriber(topic.All[Says](),
			endpoint.OnPresence(func(c Says) actions.Action { return s.announce(c.Who, "arrived") }),
			endpoint.OnAbsence(func(c Says, _ error) actions.Action { return s.announce(c.Who, "departed") }),
			endpoint.OnMessage(func(m Says) actions.Action { return s.tell(m.Who + ": " + m.What) }),
		),
	)
}

// maxLine is how many bytes a line may have, its end included.
const maxLine = 4096

// say says a line. If its end has not come, it is the last, and was not meant to
// be said.
func (s session) say(d tcp.Data) actions.Action {
	line, complete := bytes.CutSuffix(d.Bytes, []byte("\n"))
	return actions.When(complete, actions.Send(Says{s.User, string(bytes.TrimSuffix(line, []byte("\r")))}))
}

// leave ends the session of somebody who has gone, or has said too much.
func (s session) leave(reason error) actions.Action {
	if errors.Is(reason, tcp.ErrLineTooLong) {
		return actions.Tree{s.tell("That is too long."), actions.Fail(reason)}
	}
	return actions.Quit()
}

func (s session) announce(who, what string) actions.Action {
	return actions.When(who != s.User, s.tell(who+" "+what+"."))
}

func (s session) tell(line string) actions.Action {
	return actions.AtMeta(actions.Send(tcp.Data{From: s.Us, To: s.Them, Bytes: []byte(line + "\n")}))
}
