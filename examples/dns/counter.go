package main

import (
	"fmt"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
)

// An event is something that is counted.
type event int

const (
	asked     event = iota // a client has a question
	refused                // a client gets an error, because of what it has sent
	dropped                // a client gets nothing, because of what it has sent
	kept                   // there is an answer in the cache
	forwarded              // upstreams are asked
	retried                // an upstream is asked because another attempt has failed
	overTCP                // an upstream is asked over TCP, because the answer is long
	gaveUp                 // nobody has an answer
	strange                // a message claims to be an answer, and is none
	events                 // how many there are
)

var eventNames = [events]string{"asked", "refused", "dropped", "kept", "forwarded", "retried", "overTCP", "gaveUp", "strange"}

// String returns the name of the event.
func (e event) String() string { return eventNames[e] }

// count returns the action that counts an event.
func count(e event) actions.Action { return actions.Send(e) }

// counts are the state of the counter, the process that counts. It answers
// questions about this program, which are of class CHAOS:
//
//	dig @127.0.0.1 -p 5353 chaos txt counts.dns
type counts [events]uint64

const countsName = "counts.dns."

func countAll() actions.Process {
	return actions.Next(counts{},
		endpoint.Subscriber(topic.All[event](), endpoint.OnMessageState(counts.add)),
		endpoint.ObserveSubscribers(topic.Where(Class.Is(dnsmessage.ClassCHAOS)), endpoint.OnPresenceState(counts.tell)),
	)
}

func (c counts) add(e event) actions.Transition[counts] {
	c[e]++
	return actions.Next(c)
}

// tell answers a question.
func (c counts) tell(a Answer) actions.Transition[counts] {
	a.Reply = c.reply(a.Question)
	return actions.Next(c, actions.Send(a))
}

// reply returns the answer to a question about this program.
func (c counts) reply(q Question) Reply {
	if q.Name != countsName || q.Type != dnsmessage.TypeTXT && q.Type != dnsmessage.TypeALL {
		return Reply{Code: dnsmessage.RCodeRefused}
	}
	var text []string
	for e, n := range c {
		text = append(text, fmt.Sprintf("%v=%d", event(e), n))
	}
	name := dnsmessage.MustNewName(q.Name)
	return Reply{Packet: pack(&dnsmessage.Message{
		Questions: []dnsmessage.Question{{Name: name, Type: q.Type, Class: q.Class}},
		Answers: []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: name, Class: q.Class},
			Body:   &dnsmessage.TXTResource{TXT: text},
		}},
	})}
}
