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
// endpoints for replies pin it.
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
		as = append(as, o.def.servers())
		if o.seen {
			as = append(as, o.def.replies(v.id), strays(v.id))
		}
	}
	for c := range v.all {
		if c.opts.Limited {
			as = append(as, v.timerEndpoints(c))
		}
	}
	return as
}

// strays returns the endpoint that says that a client sends a [Stray].
func strays(id Caller) actions.AddEndpoint {
	e := endpoint.Publisher(topic.Where(strayTo.Is(id))).As(endpointID{"", "strays"})
	e.Passive = true
	return e
}

var strayTo = topic.FieldOf(func(s *Stray) *Caller { return &s.To })

// An endpointID names an endpoint of a client.
type endpointID struct{ op, what string }

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

// operation returns the operation of v with a definition, or nil.
func (v *client) operation(d *definition) *operation {
	if v != nil {
		for _, o := range v.ops {
			if o.def == d {
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
	i := slices.IndexFunc(v.ops, func(p *operation) bool { return p.def == o.def })
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
	o := v.operation(c.def)
	switch {
	case o == nil:
		if v == nil {
			v = &client{standing: &standing{level: level}}
		}
		o = (&operation{def: c.def}).wait(&open{call: c})
		return v.with(o), actions.AtLevel(level, actions.Tree{c.def.servers(), ticket(c.def, level)})
	case !o.seen:
		return v.with(o.wait(&open{call: c})), nil
	default:
		return v.send(o, open{call: c})
	}
}

// ticket spawns the process whose PID says that all servers of d have been seen.
func ticket(d *definition, level int) actions.Action {
	return spawnTicket(level, func(v *client, pid actions.PID) (*client, actions.Action) { return v.ready(d, Caller{N: uint64(pid)}) })
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

// ready begins the calls that wait for the servers of d to be seen.
func (v *client) ready(d *definition, id Caller) (*client, actions.Action) {
	o := v.operation(d)
	if o == nil {
		return v, nil
	}
	p := *o
	p.seen, p.waiting = true, nil
	v = v.with(&p)
	if v.id == (Caller{}) {
		v.standing.id = id // with has made the standing
	}
	return v.sendAll(d, o.waiting, actions.AtLevel(v.level, actions.Tree{d.replies(v.id), strays(v.id)}))
}

// sendAll sends the requests of calls, after other actions.
func (v *client) sendAll(d *definition, calls []*open, before actions.Action) (*client, actions.Action) {
	as := actions.Tree{before}
	for _, c := range calls {
		var a actions.Action
		v, a = v.send(v.operation(d), *c)
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
		return &next, c.resume(topic.Message{}, nobody(c.def.name))
	}
	next := &s.with
	if v.open.len() > 0 {
		next = new(client)
	}
	*next = client{v.standing, last, v.open.with(&s.open)}
	request := actions.AtLevel(v.level, &s.send)
	if c.opts.Limited {
		return next, actions.Tree{c.setTimer(v.level, fresh), request}
	}
	return next, request
}

// finish ends a call that servers have.
func (v *client) finish(c *open, reply topic.Message, err error) (*client, actions.Action) {
	next := *v
	next.open = v.open.without(c.n)
	a := c.resume(reply, err)
	if c.opts.Limited {
		a = actions.Tree{actions.AtLevel(v.level, actions.Delete(timerID{c.n})), a}
	}
	return &next, a
}

// hearReplies returns the handler of the replies to calls of d.
func hearReplies(d *definition) *actions.Handler {
	h := clients.Handler(func(v *client, ev *actions.Event) (*client, actions.Action) {
		if v == nil {
			return nil, nil
		}
		n := d.number(ev.Message)
		c := v.open.get(n)
		if c == nil || c.def != d {
			return v, actions.AtLevel(v.level, actions.Send(Stray{d.name, v.id, n}))
		}
		return v.finish(c, ev.Message, nil)
	})
	h.Events = actions.EventsOf(actions.Delivery)
	return h
}
