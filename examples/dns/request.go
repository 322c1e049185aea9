package main

import (
	"golang.org/x/net/dns/dnsmessage"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/inet"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/drivers/udp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
)

// A way is how an answer gets to a client.
type way struct {
	us, them inet.Addr
	stream   bool // over TCP
}

// serve handles what a client has sent. For a question it spawns a process that
// waits for the answer, or sends an error if there are too many of them;
// otherwise it sends an error or nothing.
func (w way) serve(packet []byte, tooMany bool) (a actions.Action, isRequest bool) {
	q, code, ok := readQuery(packet)
	switch {
	case !ok:
		return count(dropped), false
	case code != dnsmessage.RCodeSuccess:
		return actions.Tree{w.send(q.refuse(code)), count(refused)}, false
	case tooMany:
		return actions.Tree{w.send(q.refuse(dnsmessage.RCodeServerFailure)), count(gaveUp)}, false
	}
	return actions.Tree{actions.Spawn(request(w, q)).Named("request"), count(asked)}, true
}

// request is the process that has a question. The conversation about the
// question needs to know nothing else of a client.
func request(w way, q query) actions.Process {
	return actions.Stateless(
		w.hold(),
		endpoint.Subscriber(Answering(q.question), endpoint.OnMessage(func(a Answer) actions.Action {
			return actions.Tree{w.send(q.respond(a.Reply, w.room(q))), actions.Quit()}
		})),
	)
}

// hold keeps the way open, as long as the process lives, and shows that there is a
// request: the process that has spawned it counts them. When a connection has
// gone, so has its client.
func (w way) hold() actions.Action {
	if !w.stream {
		return endpoint.Publisher(topic.All[waiting]()) // the service keeps the socket
	}
	return tcp.Between(w.us, w.them).Publisher(
		endpoint.OnAbsence(func(tcp.Data, error) actions.Action { return actions.Quit() }),
	)
}

// room returns how long an answer may be.
func (w way) room(q query) int {
	if w.stream {
		return mostMessage
	}
	return q.size
}

func (w way) send(packet []byte) actions.Action {
	if w.stream {
		return tcp.Between(w.us, w.them).Send(framed(packet))
	}
	return actions.Send(udp.Packet{Source: w.us, Destination: w.them, Body: packet})
}
