package rpc

import (
	"slices"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
)

// A client is what a process has for its calls at a level: a local value. It never
// changes: its methods return another one.
//
// To call an operation for the first time, a process opens an endpoint that sees the
// servers. Then it spawns a process that ends at once, the ticket. The PID of the ticket
// comes after the news of all servers that were there, at any level, so the client knows
// when it has seen them. The PID of the first ticket also identifies the client: the
// endpoints for replies pin it. For an operation at a destination, the destination says
// when all servers have been seen: see [Destination].
type client struct {
	*standing
	last uint64 // the number of the last call
	open opens  // the calls that servers have
}

// A standing is the part of a client that most calls leave as it is. It never changes.
type standing struct {
	level int
	id    Caller // zero until it is known
	ops   []*operation
}

// clients are the clients of processes.
var clients actions.Local[client]

func init() { clients = actions.DefineLocal("rpc.client", client.endpoints) } // not in clients, which endpoints refers to

// An open is a call that has no answer yet. It never changes.
type open struct {
	*call
	n     uint64      // 0 until the client is known
	to    *recipients // nil while the call waits
	timed bool        // a timer is set
}

// Busy reports whether calls have no answer yet. They keep the process.
func (v *client) Busy() bool {
	return v.open.len() > 0 || slices.ContainsFunc(v.ops, func(o *operation) bool { return len(o.waiting) > 0 })
}

// endpoints opens the endpoints of a client.
func (v client) endpoints() actions.Action {
	as := actions.Tree{setsTimers()} // if there has been a call with a deadline
	for _, o := range v.ops {
		as = append(as, o.sees())
		switch {
		case o.at == nil && o.seen:
			as = append(as, o.def.replies(v.id, nil), strays(v.id, nil))
		case o.at != nil && v.id != (Caller{}):
			as = append(as, o.attend(v.id))
		}
	}
	for c := range v.all {
		if c.opts.Limited {
			as = append(as, v.timerEndpoints(c))
		}
	}
	return as
}

// strays returns the endpoint that says that a client sends a [Stray] to a destination.
func strays(id Caller, at Destination) actions.AddEndpoint {
	e := endpoint.Publisher(topic.Where(strayTo.Is(id))).As(endpointID{"", "strays", at})
	e.Passive = true
	return endpointAt(at, e)
}

var strayTo = topic.FieldOf(func(s *Stray) *Caller { return &s.To })

// An endpointID names an endpoint of a client.
type endpointID struct {
	op, what string
	at       Destination
}

// all yields all calls, those that servers have first.
func (v *client) all(yield func(*open) bool) {
	for c := range v.open.all {
		if !yield(c) {
			return
		}
	}
	for _, o := range v.ops {
		for _, c := range o.waiting {
			if !yield(c) {
				return
			}
		}
	}
}

// operation returns the operation of v with a definition at a destination, or nil.
func (v *client) operation(d *definition, at Destination) *operation {
	if v != nil {
		for _, o := range v.ops {
			if o.def == d && o.at == at {
				return o
			}
		}
	}
	return nil
}

// with returns v with an operation changed or added.
func (v *client) with(o *operation) *client {
	next, s := *v, *v.standing
	next.standing = &s
	i := slices.IndexFunc(v.ops, func(p *operation) bool { return p.def == o.def && p.at == o.at })
	if i < 0 {
		s.ops = append(slices.Clip(v.ops), o)
		return &next
	}
	s.ops = slices.Clone(v.ops)
	s.ops[i] = o
	return &next
}

// begin begins a call.
func (v *client) begin(c *call, level int) (*client, actions.Action) {
	at := c.opts.At
	o := v.operation(c.def, at)
	if o != nil && o.seen {
		return v.send(o, open{call: c})
	}
	if o != nil && o.down != nil && !c.opts.Patient {
		return v, c.resume(topic.Message{}, unreachable(c.def.name, o.down))
	}
	var opens actions.Action
	if o == nil {
		if v == nil {
			v = &client{standing: &standing{level: level}}
		}
		o = &operation{def: c.def, at: at}
		if at != nil && v.id != (Caller{}) {
			opens = actions.Tree{o.sees(), o.attend(v.id)}
		} else {
			opens = actions.Tree{o.sees(), ticket(o, level)}
		}
		opens = actions.AtLevel(level, opens)
	}
	w := &open{call: c}
	v, timer := v.number(w, o)
	return v.with(o.wait(w)), actions.Group(timer, opens)
}

// number gives a call, which waits for a destination, its number, and sets its timer, if
// the client is known.
func (v *client) number(c *open, o *operation) (*client, actions.Action) {
	if o.at == nil || v.id == (Caller{}) || c.n != 0 {
		return v, nil
	}
	next := *v
	next.last++
	c.n = next.last
	return &next, c.setTimer(v.level, true)
}

// ticket spawns the process whose PID says that all servers of o have been seen, if they
// are in the machine of the caller.
func ticket(o *operation, level int) actions.Action {
	return spawnTicket(level, func(v *client, pid actions.PID) (*client, actions.Action) {
		return v.ready(v.operation(o.def, o.at), Caller{N: uint64(pid)})
	})
}

// spawnTicket spawns a process that ends at once, and continues with its PID.
func spawnTicket(level int, f func(*client, actions.PID) (*client, actions.Action)) actions.Action {
	return actions.Spawn(actions.Stateless()).Named("rpc.ticket").Continue(actions.Resumption{
		Run: func(state any, pid actions.PID) (any, actions.Action) {
			return state, update(level, func(v *client) (*client, actions.Action) { return f(v, pid) })
		},
	})
}

// update updates the client for a level.
func update(level int, f func(*client) (*client, actions.Action)) actions.Action {
	return actions.AtLevel(level, clients.Update(func(v *client, _ int) (*client, actions.Action) {
		if v == nil {
			return nil, nil
		}
		return f(v)
	}))
}

// ready begins the calls that wait for the servers of o to be seen. If these are
// elsewhere, it asks the destination to say when they have been.
func (v *client) ready(o *operation, id Caller) (*client, actions.Action) {
	if o == nil {
		return v, nil
	}
	p := *o
	if p.at == nil {
		p.seen, p.waiting = true, nil
	}
	v = v.with(&p)
	if v.id == (Caller{}) {
		v.standing.id = id // with has made the standing
	}
	if p.at == nil {
		return v.sendAll(o, actions.AtLevel(v.level, actions.Tree{o.def.replies(v.id, nil), strays(v.id, nil)}))
	}
	var as actions.Tree
	p.waiting = nil
	for _, c := range o.waiting {
		w := *c
		next, timer := v.number(&w, o)
		v, as, p.waiting = next, append(as, timer), append(p.waiting, &w)
	}
	return v.with(&p), append(as, actions.AtLevel(v.level, o.attend(v.id)))
}

// sendAll sends the requests of the calls that have waited in o, after other actions.
func (v *client) sendAll(o *operation, before actions.Action) (*client, actions.Action) {
	as := actions.Tree{before}
	for _, c := range o.waiting {
		var a actions.Action
		v, a = v.send(v.operation(o.def, o.at), *c)
		as = append(as, a)
	}
	return v, as
}

// send sends the request of a call to the servers that take it.
func (v *client) send(o *operation, c open) (*client, actions.Action) {
	last := v.last
	fresh := c.n == 0
	if fresh {
		last++
		c.n = last
	}
	s := c.address(o, v.id)
	if s == nil {
		next := *v
		next.last = last
		if c.opts.Patient {
			d := c // so that c does not escape
			return next.with(o.wait(&d)), c.setTimer(v.level, fresh)
		}
		if fresh {
			return &next, c.resume(topic.Message{}, nobody(c.def.name))
		}
		d := c
		return next.finish(&d, topic.Message{}, nobody(c.def.name))
	}
	next := &s.with
	if v.open.len() > 0 {
		next = new(client)
	}
	*next = client{v.standing, last, v.open.with(&s.open)}
	request := actions.AtLevel(v.level, forward(o.at, &s.send))
	if c.opts.Limited {
		return next, actions.Tree{c.setTimer(v.level, fresh), request}
	}
	return next, request
}

// finish ends a call that does not wait.
func (v *client) finish(c *open, reply topic.Message, err error) (*client, actions.Action) {
	next := *v
	next.open = v.open.without(c.n)
	a := c.resume(reply, err)
	if c.opts.Limited {
		a = actions.Tree{actions.AtLevel(v.level, actions.Delete(timerID{c.n})), a}
	}
	return &next, a
}

// hearReplies returns the handler of the replies to calls of d at a destination.
func hearReplies(d *definition, at Destination) *actions.Handler {
	h := clients.Handler(func(v *client, ev *actions.Event) (*client, actions.Action) {
		if v == nil {
			return nil, nil
		}
		n := d.number(ev.Message)
		c := v.open.get(n)
		if c == nil || c.def != d || c.opts.At != at {
			return v, actions.AtLevel(v.level, forward(at, actions.Send(Stray{d.name, v.id, n})))
		}
		return v.finish(c, ev.Message, nil)
	})
	h.Events = actions.EventsOf(actions.Delivery)
	return h
}
