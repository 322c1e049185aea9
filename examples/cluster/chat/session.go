package main

import (
	"bytes"
	"errors"
	"strings"
	"unicode"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
)

// A session is one person's presence in the room.
type session struct {
	On, Who    string
	Connection tcp.Connection
}

// maxLine is how many bytes a line may have, its end included.
const maxLine = 4096

// enter says what the person is called and who is here, and makes the person present. After
// that, the endpoint that hears the room has the words for what comes later.
func (s session) enter() actions.Action {
	return actions.Group(
		actions.AtMeta(s.Connection.SetMode(tcp.Lines(maxLine), tcp.Unlimited)),
		s.tell("You are "+s.Who+"."),
		s.hear(" is here."),
		endpoint.Publisher(topic.Where(On.Is(s.On), Who.Is(s.Who))),
		actions.AtMeta(
			s.Connection.Publisher(),
			s.Connection.Subscriber(endpoint.OnMessage(s.typed), endpoint.OnAbsence(s.leave)),
		),
		s.hear(" arrived."),
	)
}

// hear tells the person what happens in the room.
func (s session) hear(present string) actions.Action {
	return endpoint.Subscriber(topic.All[Says](),
		endpoint.OnPresence(func(p Says) actions.Action { return s.tell(p.Who + present) }).FromOthers(),
		endpoint.OnAbsence(func(p Says, reason error) actions.Action { return s.tell(p.Who + farewell(p.On, reason)) }),
		endpoint.OnMessage(func(m Says) actions.Action { return s.tell(m.Who + ": " + m.What) }),
	).As("hearing")
}

// tell tells the person a line.
func (s session) tell(line string) actions.Action {
	return actions.AtMeta(s.Connection.SendString(line + "\n"))
}

// typed says a line in the room. It may have no end, if it is the last.
func (s session) typed(d tcp.Data) actions.Action {
	if len(d.Bytes) == 0 { // there are no more
		return nil
	}
	return actions.Send(Says{s.On, s.Who, strings.Map(visible, string(bytes.TrimRight(d.Bytes, "\r\n")))})
}

// visible drops what does something to the terminals of others.
func visible(r rune) rune {
	if unicode.In(r, unicode.Cc, unicode.Bidi_Control, unicode.Zl, unicode.Zp) {
		return -1
	}
	return r
}

// leave ends the session of somebody who has gone. If it is their fault, others hear of it.
func (s session) leave(_ tcp.Data, reason error) actions.Action {
	if !errors.Is(reason, tcp.ErrLineTooLong) && !errors.Is(reason, tcp.ErrSlowConsumer) {
		return actions.Quit()
	}
	return actions.Group(report("%s is gone: %v", s.Who, reason), actions.Fail(reason))
}

// farewell says how somebody on a node is gone, as far as this node knows.
func farewell(node string, reason error) string {
	for _, r := range []struct {
		is    error
		words string
	}{
		{tcp.ErrLineTooLong, " is gone: its line was too long."},
		{tcp.ErrSlowConsumer, " is gone: too much waited to be sent."},
		{distributed.ErrLeft, " departed: node " + node + " has stopped."},
		{distributed.ErrCut, " is gone: the connection to node " + node + " has ended."},
		{distributed.ErrLease, " is gone: node " + node + " was silent for too long."},
		{distributed.ErrLost, " is gone: the link to node " + node + " is lost."},
	} {
		if errors.Is(reason, r.is) {
			return r.words
		}
	}
	return " departed."
}
