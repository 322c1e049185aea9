package rpc

import (
	"fmt"
	"reflect"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
)

// A Destination is where the servers of a call are, if they are not in the machine of the
// caller: see [At]. It is plain data that can be compared. Register its type with
// [world.Register]: a machine with such calls can then be saved, and a journal can have
// them.
//
// Package rpc opens endpoints at the destination: for the servers of an operation, for
// the replies, and for strays. It keeps them, like those of other calls, until the process
// ends.
type Destination interface {
	// At returns the endpoint that takes part at the destination as e takes part in the
	// machine. It has the name of e, and is passive if e is. It panics with an error if
	// the destination refuses the endpoint in any case, because of its type for example;
	// so does Forward.
	At(e actions.AddEndpoint) actions.AddEndpoint

	// Forward returns the action that sends m at the destination, as [actions.Forward]
	// sends it in the machine.
	Forward(m topic.Message, sender topic.Orientation) *actions.SendMessage

	// Settled returns an endpoint with handler h, at which the destination says what a
	// caller knows of the peers of its endpoint with role r:
	//
	//   - Presence of a peer: the destination is within reach, and the endpoint has heard of
	//     all peers that were there.
	//   - A message that is [Unreachable]: the destination is not within reach. It comes
	//     when an attempt to reach it has failed or has taken too long. An endpoint that is
	//     opened later also gets the message, unless the destination is within reach by
	//     then.
	//   - Absence of the peer: the link to the destination is lost, for the reason.
	//
	// Settled reports false if the destination is the machine of the caller. The call is
	// then like one without a destination.
	Settled(r topic.Role, h *actions.Handler) (e actions.AddEndpoint, ok bool)
}

// Unreachable is a message by which a [Destination] says that it is not within reach.
type Unreachable interface {
	// Unreachable returns the reason, or nil if the message says something else.
	Unreachable() error
}

// At makes a call or a cast at a destination, such as a place of another machine. For nil
// it is made in the machine of the caller.
//
// A call waits until the destination is within reach. If the destination says that it is
// not, the call fails with [ErrUnreachable] and the reason, unless it is [Patient]. Until
// the destination is within reach, all further calls then fail at once. If nothing
// represents the destination in the machine of the caller, calls wait: see [Within].
//
// If the link to the destination is lost, calls that were sent fail with [ErrGone] and the
// reason: the operation may have been carried out. Otherwise a call ends as it does without
// a destination: with [ErrNobody], for example, if the destination is within reach and
// has no server.
//
// At panics if the destination cannot be compared.
func At(d Destination) Option {
	if err := checkDestination(d); err != nil {
		panic(err.Error())
	}
	return func(o *Options) { o.At = d }
}

// checkDestination returns an error if a destination cannot be compared.
func checkDestination(d Destination) error {
	if d != nil && !reflect.ValueOf(d).Comparable() {
		return fmt.Errorf("rpc: a %T is no destination, because it cannot be compared", d)
	}
	return nil
}

// endpointAt returns the endpoint e at a destination.
func endpointAt(d Destination, e actions.AddEndpoint) actions.AddEndpoint {
	if d == nil {
		return e
	}
	return d.At(e)
}

// forward returns the action that sends a request or a stray to a destination.
func forward(d Destination, s *actions.SendMessage) *actions.SendMessage {
	if d == nil {
		return s
	}
	return d.Forward(s.Message, topic.Publisher)
}

// away returns d, or nil if it is the machine of the caller.
func (d *definition) away(to Destination) Destination {
	if to != nil {
		if _, ok := to.Settled(d.role, nil); ok {
			return to
		}
	}
	return nil
}

// attend opens the endpoints of o at its destination that need the identity of the
// client.
func (o *operation) attend(id Caller) actions.Action {
	d, at := o.def, o.at
	h := clients.Handler(func(v *client, ev *actions.Event) (*client, actions.Action) {
		o := v.operation(d, at)
		switch {
		case o == nil:
			return v, nil
		case ev.Kind == actions.Presence:
			return v.reached(o)
		case ev.Kind == actions.Absence:
			return v.lost(o, ev.Reason)
		}
		if m, ok := ev.Message.Value().(Unreachable); ok {
			if err := m.Unreachable(); err != nil {
				return v.unreachable(o, err)
			}
		}
		return v, nil
	})
	h.Events = actions.EventsOf(actions.Presence, actions.Absence, actions.Delivery)
	settled, _ := at.Settled(d.role, h)
	settled.Passive = true
	return actions.Tree{d.replies(id, at), strays(id, at), settled.As(endpointID{d.name, "settled", at})}
}

// reached sends the requests that wait for a destination.
func (v *client) reached(o *operation) (*client, actions.Action) {
	p := *o
	p.seen, p.down, p.waiting = true, nil, nil
	return v.with(&p).sendAll(o, nil)
}

// lost ends the calls that were sent to a destination.
func (v *client) lost(o *operation, reason error) (*client, actions.Action) {
	p := *o
	p.seen = false
	next := v.with(&p)
	var as actions.Tree
	for c := range v.open.all {
		if c.isOf(o) {
			var a actions.Action
			next, a = next.finish(c, topic.Message{}, gone(o.def.name, reason))
			as = append(as, a)
		}
	}
	return next, as
}

// unreachable ends the calls that wait for a destination, but for patient ones.
func (v *client) unreachable(o *operation, reason error) (*client, actions.Action) {
	if o.seen {
		return v, nil
	}
	p := *o
	p.down, p.waiting = reason, nil
	var ended []*open
	for _, c := range o.waiting {
		if c.opts.Patient {
			p.waiting = append(p.waiting, c)
		} else {
			ended = append(ended, c)
		}
	}
	next := v.with(&p)
	var as actions.Tree
	for _, c := range ended {
		var a actions.Action
		next, a = next.finish(c, topic.Message{}, unreachable(o.def.name, reason))
		as = append(as, a)
	}
	return next, as
}
