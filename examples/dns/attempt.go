package main

import (
	"fmt"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/inet"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/drivers/udp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
)

// An attempt asks one upstream once.
type attempt struct {
	conversation string // the name of the conversation that it belongs to
	question     Question
	upstream     inet.Addr
	stream       bool // over TCP
	extended     bool // with EDNS
}

// An outcome is the result of an attempt.
type outcome struct {
	of      attempt
	verdict verdict
	reply   Reply
}

// ofConversation is pinned by those who are about one conversation.
var ofConversation = topic.FieldOf(func(o *outcome) *string { return &o.of.conversation })

// An exchange is the state of the process that makes an attempt. It has a
// socket of its own, so that nobody who wants to answer in place of the
// upstream can guess its port, or the ID of its message.
type exchange struct {
	attempt
	us    inet.Addr
	id    uint16
	begun bool
	heard []byte // over TCP, and no message yet
}

// try makes an attempt. The process ends with it, or with the conversation.
func try(a attempt) actions.Action {
	return actions.SpawnFunc(func(self actions.PID) actions.Process {
		e := exchange{attempt: a, us: inet.Handle(fmt.Sprintf("dns %v", self))}
		return actions.Next(e,
			endpoint.Publisher(topic.Where(ofConversation.Is(a.conversation)),
				endpoint.OnPresenceState(exchange.begin),
				endpoint.OnAbsence(func(outcome, error) actions.Action { return actions.Quit() }),
			),
			actions.Yield(exchange.look),
		)
	}).Named("attempt at " + a.upstream.String())
}

// begin is told that the conversation is there.
func (e exchange) begin(outcome) actions.Transition[exchange] {
	e.begun = true
	return actions.Next(e, endpoint.Device(entropy{}, endpoint.OnValueState(exchange.open)))
}

// look sees whether the conversation has gone before it could be seen.
func (e exchange) look() actions.Transition[exchange] {
	return actions.Next(e, actions.When(!e.begun, actions.Quit()))
}

// open gets an ID, and opens the socket. It asks the question as soon as the
// socket is there.
func (e exchange) open(u unguessed) actions.Transition[exchange] {
	e.id = u.ID
	packet := upstreamQuery(e.question, e.id, e.extended)
	if e.stream {
		return actions.Next(e, e.overTCP(packet))
	}
	return actions.Next(e, e.overUDP(packet))
}

func (e exchange) overUDP(packet []byte) actions.Action {
	return actions.Tree{
		endpoint.Subscriber(udp.Arriving(e.us), endpoint.OnMessageState(exchange.packet)),
		endpoint.Subscriber(udp.NotLeaving(e.us), endpoint.OnMessage(func(udp.Undelivered) actions.Action { return e.end(failed, Reply{}) })),
		// Others in here subscribe to packets, too, and not to those for an
		// upstream.
		endpoint.Publisher(topic.Where(udp.Source.Is(e.us), udp.Destination.Is(e.upstream)),
			endpoint.OnPresence(func(udp.Packet) actions.Action {
				return actions.Send(udp.Packet{Source: e.us, Destination: e.upstream, Body: packet})
			}),
			endpoint.OnAbsence(func(udp.Packet, error) actions.Action { return e.end(failed, Reply{}) }),
		),
	}
}

func (e exchange) overTCP(packet []byte) actions.Action {
	c := tcp.Between(e.us, e.upstream)
	return actions.Tree{
		c.Subscriber(
			endpoint.OnPresence(func(tcp.Data) actions.Action { return c.Send(framed(packet)) }),
			endpoint.OnMessageState(exchange.data),
			endpoint.OnAbsence(func(tcp.Data, error) actions.Action { return e.end(failed, Reply{}) }),
		),
		c.Publisher(),
	}
}

// packet handles what has arrived at the socket, wherever it comes from.
func (e exchange) packet(p udp.Packet) actions.Transition[exchange] {
	if p.Source != e.upstream {
		return actions.Next(e, count(strange))
	}
	return actions.Next(e, e.judge(p.Body))
}

// data handles a piece of what the upstream sends over TCP.
func (e exchange) data(d tcp.Data) actions.Transition[exchange] {
	e.heard = join(e.heard, d.Bytes)
	var said actions.Tree
	for {
		packet, rest, complete := cut(e.heard)
		if !complete {
			return actions.Next(e, said)
		}
		e.heard = rest
		said = append(said, e.judge(packet))
	}
}

// judge checks what claims to be an answer. It ignores what is none, because
// the answer may still come.
func (e exchange) judge(packet []byte) actions.Action {
	reply, v := readReply(packet, e.question, e.id, e.extended)
	switch {
	case v == stranger:
		return count(strange)
	case v == truncated && e.stream:
		v = failed // where it has all the room there is
	}
	return e.end(v, reply)
}

// end tells the conversation the outcome.
func (e exchange) end(v verdict, r Reply) actions.Action {
	return actions.Tree{actions.Send(outcome{e.attempt, v, r}), actions.Quit()}
}
