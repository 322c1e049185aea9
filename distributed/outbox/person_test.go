package outbox_test

import (
	"errors"
	"fmt"
	"slices"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/outbox"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/world"
)

// This file has the process of a simulated machine.

// A body is a message that is delivered.
type body struct {
	Node string
	Life int // of a machine without a journal
	To   int // which box
	K    int // counts the messages of the machine to the box
}

// An order says what a person does.
type order struct {
	Do string // "hand", "open", "close", "dump"
	To int
}

// A result is how a call has ended.
type result struct {
	To, K int
	End   string // "" for delivered
}

// A person hands messages over, and gets messages.
type person struct {
	port world.Device // by which it gets orders
	personState
}

type personState struct {
	Node    string
	Life    int
	Open    bool
	Handed  [maxBoxes]int
	Results []result
	Heard   []body
}

// maxBoxes is how many receivers there are at most.
const maxBoxes = 2

func boxOf(to int) outbox.Box {
	return outbox.Box{Place: distributed.Place{Node: fmt.Sprint("r", to), Name: "hall"}, Name: "orders"}
}

var ended rpc.Then[person, result, outbox.ID]

func init() {
	world.Register[body]("outbox_test.body")
	world.Register[order]("outbox_test.order")
	world.Register[result]("outbox_test.result")
	world.Register[personState]("outbox_test.personState")
	ended = rpc.DefineThen("outbox_test.ended", person.ended)
}

// kind is the process type of the person of a machine.
func (m *machine) kind() actions.Definition[person] {
	return actions.CodedAs(actions.Define("outbox_test.person", person.open), func(p person) personState { return p.personState },
		func(s personState) (person, error) { return person{m.Port(), s}, nil })
}

func (p person) open() actions.Action {
	return actions.Group(endpoint.Device(p.port, endpoint.OnValueState(person.obey)), actions.When(p.Open, p.listen()))
}

func (p person) listen() actions.Action {
	return endpoint.Subscriber(outbox.From("orders"), endpoint.OnMessageState(func(p person, d outbox.Delivery) actions.Transition[person] {
		b, _ := d.Body.(body)
		p.Heard = append(slices.Clip(p.Heard), b)
		return actions.Next(p, actions.Tell(p.port, b))
	})).As("listen")
}

func (p person) obey(o order) actions.Transition[person] {
	switch o.Do {
	case "hand":
		p.Handed[o.To]++
		k := p.Handed[o.To]
		return actions.Next(p, rpc.CallThen(outbox.Deliver, outbox.Message{To: boxOf(o.To), Body: body{p.Node, p.Life, o.To, k}}, ended, result{To: o.To, K: k}))
	case "open":
		if p.Open {
			return actions.Next(p)
		}
		p.Open = true
		return actions.Next(p, p.listen())
	case "close":
		p.Open = false
		return actions.Next(p, actions.Delete("listen"))
	}
	return actions.Next(p, actions.Tell(p.port, p.personState))
}

func (p person) ended(r result, _ outbox.ID, err error) actions.Transition[person] {
	switch {
	case errors.Is(err, outbox.ErrForgotten):
		r.End = "forgotten"
	case errors.Is(err, outbox.ErrFull):
		r.End = "full"
	case err != nil:
		r.End = err.Error()
	}
	p.Results = append(slices.Clip(p.Results), r)
	return actions.Next(p)
}
