package rpc

import (
	"slices"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
)

// An operation is one that a process has called at a destination.
type operation struct {
	def     *definition
	at      Destination
	seen    bool        // all servers that were there have been seen, and the destination is within reach
	down    error       // why the destination is not within reach; nil if it is, or may be
	servers []server    // in the order in which they came
	all     *recipients // the servers, if each takes all requests; nil if not, or if there are none
	waiting []*open     // calls without a server, in the order of their beginning
}

// A server is an endpoint that serves an operation.
type server struct {
	peer         actions.PeerID
	conversation topic.Topic
	member       string // of a queue group, or ""
}

// Recipients are the servers that have a request, and have not gone. They never change.
type recipients struct {
	member string // the member of a queue group that it is, or ""
	peers  []actions.PeerID
}

// has reports whether a server is among r.
func (r *recipients) has(peer actions.PeerID) bool { return r != nil && slices.Contains(r.peers, peer) }

// isOf reports whether c is a call of o.
func (c *open) isOf(o *operation) bool { return c.def == o.def && c.opts.At == o.at }

// wait returns o with a call that waits.
func (o *operation) wait(c *open) *operation {
	p := *o
	p.waiting = append(slices.Clip(o.waiting), c)
	return &p
}

// address chooses the servers that get the request of c, and makes it. It returns nil if
// there is none.
func (c open) address(o *operation, id Caller) *sent {
	if c.to = o.all; c.to != nil {
		return c.request(c, "", id)
	}
	if o.members() {
		return c.addressMember(o, id)
	}
	s := c.request(c, "", id)
	var to recipients
	for _, r := range o.servers {
		if r.conversation.Matches(s.send.Message) {
			to.peers = append(to.peers, r.peer)
		}
	}
	if len(to.peers) == 0 {
		return nil
	}
	s.to = &to
	return s
}

// members reports whether servers of o are members of a queue group.
func (o *operation) members() bool {
	return slices.ContainsFunc(o.servers, func(s server) bool { return s.member != "" })
}

// addressMember chooses a member of a queue group: the calls go around.
func (c open) addressMember(o *operation, id Caller) *sent {
	n := len(o.servers)
	for i := range n {
		r := o.servers[(int(c.n%uint64(n))+i)%n]
		if r.member == "" {
			continue
		}
		s := c.request(c, r.member, id)
		if r.conversation.Matches(s.send.Message) {
			s.to = &recipients{r.member, []actions.PeerID{r.peer}}
			return s
		}
	}
	return nil
}

// serve returns o with other servers.
func (o *operation) serve(servers []server) *operation {
	p := *o
	p.servers, p.all = servers, nil
	var all recipients
	for _, s := range servers {
		// The conversation pins Op and Server, at least.
		if s.member != "" || len(s.conversation.Constraints()) != 2 {
			return &p
		}
		all.peers = append(all.peers, s.peer)
	}
	if len(servers) > 0 {
		p.all = &all
	}
	return &p
}

// sees returns the endpoint that sees the servers of o come and go.
func (o *operation) sees() actions.AddEndpoint {
	d, at := o.def, o.at
	h := clients.Handler(func(v *client, ev *actions.Event) (*client, actions.Action) {
		o := v.operation(d, at)
		switch {
		case o == nil:
			return v, nil
		case ev.Kind == actions.Presence:
			conversation := ev.Peer.Topic
			return v.came(o, server{ev.PeerID, conversation, d.member(conversation)})
		default:
			return v.left(o, ev.PeerID, ev.Reason)
		}
	})
	h.Events = actions.EventsOf(actions.Presence, actions.Absence)
	return endpointAt(at, actions.AddEndpoint{ID: endpointID{d.name, "servers", at}, Role: d.role, Handler: h, Passive: true})
}

// came adds a server, and sends the requests that wait for one.
func (v *client) came(o *operation, s server) (*client, actions.Action) {
	p := o.serve(append(slices.Clip(o.servers), s))
	if !o.seen || len(o.waiting) == 0 {
		return v.with(p), nil
	}
	p.waiting = nil
	return v.with(p).sendAll(o, nil)
}

// left removes a server. The calls that only it could have answered fail, or go to
// another member of its queue group. If it was the last member, the calls that wait can
// go to servers that are no members.
func (v *client) left(o *operation, peer actions.PeerID, reason error) (*client, actions.Action) {
	p := o.serve(slices.DeleteFunc(slices.Clone(o.servers), func(s server) bool { return s.peer == peer }))
	next := v.with(p)
	var as actions.Tree
	for c := range v.open.all {
		if !c.isOf(o) || !c.to.has(peer) {
			continue
		}
		var still *open
		if c.to.member == "" {
			d := *c
			d.to = &recipients{peers: slices.DeleteFunc(slices.Clone(c.to.peers), func(h actions.PeerID) bool { return h == peer })}
			if len(d.to.peers) > 0 {
				still = &d
			}
		} else if s := c.address(p, v.id); s != nil {
			still = &s.open
			as = append(as, actions.AtLevel(v.level, forward(o.at, &s.send)))
		}
		if still != nil {
			change := *next
			change.open = next.open.with(still)
			next = &change
		} else {
			var a actions.Action
			next, a = next.finish(c, topic.Message{}, gone(o.def.name, reason))
			as = append(as, a)
		}
	}
	if len(o.waiting) == 0 || !o.seen || !o.members() || p.members() {
		return next, as
	}
	q := *p
	q.waiting = nil
	return next.with(&q).sendAll(o, as)
}
