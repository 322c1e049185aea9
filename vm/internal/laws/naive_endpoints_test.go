package laws

import (
	"cmp"
	"math/rand/v2"
	"reflect"
	"slices"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
)

// This file says what endpoints are told, and when.

// A naiveEnd is an endpoint.
type naiveEnd struct {
	id      actions.EndpointID
	level   int        // at which it is; 0 for a local one
	of      *naiveProc // its process, which may be further inside
	role    topic.Role
	handler *actions.Handler
	hear    func(*actions.Event) // if it is for a process further inside
	counts  map[string]*naiveCount
	gone    bool
}

// A naiveAnonymous is the name of an endpoint that has been given none.
type naiveAnonymous int

// A naiveEntry is an endpoint and its process.
type naiveEntry struct {
	p *naiveProc
	e *naiveEnd
}

func (p *naiveProc) local(id actions.EndpointID) *naiveEnd {
	for _, e := range p.ends {
		if e.id == id {
			return e
		}
	}
	return nil
}

// mayOpen reports whether p can have such an endpoint. Otherwise p has failed.
func (p *naiveProc) mayOpen(a actions.AddEndpoint) bool {
	if a.ID != nil && !reflect.ValueOf(a.ID).Comparable() || !a.Role.Topic.Valid() {
		p.fail(vm.ErrAction)
		return false
	}
	return a.Handler == nil || p.fits(a.Handler.State)
}

func (p *naiveProc) add(a actions.AddEndpoint, of *naiveProc, hear func(*actions.Event)) {
	if !p.mayOpen(a) {
		return
	}
	if a.ID == nil {
		p.anonymous++
		a.ID = naiveAnonymous(p.anonymous)
	}
	if e := p.local(a.ID); e != nil {
		if !e.role.Equal(a.Role) {
			p.fail(vm.ErrRole)
			return
		}
		e.handler, e.hear = a.Handler, hear
		return
	}
	e := &naiveEnd{id: a.ID, of: of, role: a.Role, handler: a.Handler, hear: hear, counts: map[string]*naiveCount{}}
	p.ends = append(p.ends, e)
	p.vm.arrive(naiveEntry{p, e})
}

func (p *naiveProc) delete(a actions.DeleteEndpoint) {
	if a.ID == nil || !reflect.ValueOf(a.ID).Comparable() {
		return
	}
	e := p.local(a.ID)
	if e == nil {
		return
	}
	p.ends = slices.DeleteFunc(p.ends, func(o *naiveEnd) bool { return o == e })
	e.gone = true
	p.vm.depart(naiveEntry{p, e}, a.Reason)
}

// everybody returns all endpoints in the order in which they are served: those
// of the acting process, and then the others by PID; those of one process in
// the order of their creation.
func (v *naiveVM) everybody() []naiveEntry {
	order := slices.Clone(v.procs)
	if v.m.faults.ToldBackwards {
		slices.Reverse(order)
	}
	if v.m.faults.NoOrder {
		rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	}
	if i := slices.Index(order, v.acting); i >= 0 && !v.m.faults.ActingInLine {
		order = slices.Insert(slices.Delete(order, i, i+1), 0, v.acting)
	}
	var all []naiveEntry
	for _, p := range order {
		for _, e := range p.ends {
			all = append(all, naiveEntry{p, e})
		}
	}
	return all
}

// send delivers a message once to every endpoint that faces the sender and
// whose topic matches, whatever its interest.
func (p *naiveProc) send(s *actions.SendMessage, from *naiveProc) {
	for _, o := range p.vm.everybody() {
		if o.e.role.Orientation != s.Orientation && o.e.role.Topic.Matches(s.Message) {
			o.tell(&actions.Event{Kind: actions.Delivery, Message: s.Message, Peer: topic.Role{Orientation: s.Orientation}, Self: o.e.of == from})
		}
	}
}

// known returns what an endpoint in role own is told of one in role peer: the
// role of the peer, about what they have in common. It reports false if it is
// told nothing.
func (v *naiveVM) known(own, peer topic.Role) (topic.Role, bool) {
	common, related := own.Intersect(peer)
	peer.Topic = common
	return peer, related && (own.Sees(peer) || v.m.faults.ObserversVisible)
}

// arrive tells everybody that n has come, and n who is there.
func (v *naiveVM) arrive(n naiveEntry) { v.announce(n, actions.Presence, nil) }

// depart tells everybody that n has gone, and n that they are gone for it.
func (v *naiveVM) depart(n naiveEntry, reason error) { v.announce(n, actions.Absence, reason) }

// announce is one pass over all others. In each pair the one that was there
// before hears first.
func (v *naiveVM) announce(n naiveEntry, kind actions.EventKind, reason error) {
	all := v.everybody()
	if v.m.faults.KillerInLine && n.p != v.acting {
		slices.SortStableFunc(all, func(a, b naiveEntry) int { return cmp.Compare(a.p.pid, b.p.pid) })
	}
	for _, o := range all {
		if o.e == n.e {
			continue
		}
		toOther := func() {
			if peer, ok := v.known(o.e.role, n.e.role); ok {
				o.news(n, kind, peer, reason)
			}
		}
		toSubject := func() {
			if peer, ok := v.known(n.e.role, o.e.role); ok {
				n.news(o, kind, peer, reason)
			}
		}
		if v.m.faults.NewcomerFirst {
			toSubject()
			toOther()
			continue
		}
		toOther()
		toSubject()
	}
}

// replace moves an endpoint to another role, in one step. If what it has in
// common with another endpoint stays the same, the two hear nothing; otherwise
// what it was has gone, and what it is now has come.
func (p *naiveProc) replace(a actions.AddEndpoint, of *naiveProc, hear func(*actions.Event)) {
	v := p.vm
	var e *naiveEnd
	if a.ID != nil && reflect.ValueOf(a.ID).Comparable() {
		e = p.local(a.ID)
	}
	if e == nil || e.role.Equal(a.Role) {
		p.add(a, of, hear)
		return
	}
	if !p.mayOpen(a) {
		return
	}
	n, was, is := naiveEntry{p, e}, e.role, a.Role
	e.role, e.handler, e.hear = a.Role, a.Handler, hear
	for _, o := range v.everybody() {
		if o.e == e && !v.m.faults.MeetsItself {
			continue
		}
		for _, kind := range []actions.EventKind{actions.Absence, actions.Presence} {
			v.moved(o, n, o.e.role, o.e.role, was, is, kind)
			v.moved(n, o, was, is, o.e.role, o.e.role, kind)
		}
	}
}

// moved tells to what has gone, or come, of the endpoint about. The role of to
// has changed from ownWas to ownIs, and that of about from peerWas to peerIs.
func (v *naiveVM) moved(to, about naiveEntry, ownWas, ownIs, peerWas, peerIs topic.Role, kind actions.EventKind) {
	was, before := v.known(ownWas, peerWas)
	is, after := v.known(ownIs, peerIs)
	switch {
	case before && after && was.Equal(is) && !v.m.faults.ReplaceBlinks:
	case before && kind == actions.Absence:
		to.news(about, kind, was, nil)
	case after && kind == actions.Presence:
		to.news(about, kind, is, nil)
	}
}

func (to naiveEntry) news(about naiveEntry, kind actions.EventKind, peer topic.Role, reason error) {
	if to.p.vm.m.faults.AbsenceForgotten && kind == actions.Absence && to.p.pid%2 == 0 {
		return
	}
	to.tell(&actions.Event{Kind: kind, Peer: peer, Self: to.e.of == about.e.of, Reason: reason})
}

// tell tells an endpoint of an event, and then, if it counts its peers, that
// this is the first.
func (to naiveEntry) tell(ev *actions.Event) {
	switch {
	case to.p.dead && !to.p.vm.m.faults.DeadHear:
	case to.e.hear != nil:
		to.e.hear(ev)
	case to.e.handler != nil:
		to.p.handle(to.e.handler, ev)
		if first := to.count(ev); first != nil {
			to.p.handle(to.e.handler, first)
		}
	}
}

// A naiveCount counts the peers of an endpoint whose conversations have the
// same value in the fields that the endpoint counts by.
type naiveCount struct {
	peers int
	told  bool // that there is one
}

// count counts the peer of ev. It returns an event for the endpoint if the peer
// is the first.
func (to naiveEntry) count(ev *actions.Event) *actions.Event {
	d := to.e.handler.Demand
	if d == nil || ev.Kind != actions.Presence && ev.Kind != actions.Absence || !d.Filter.Passes(ev.Peer, ev.Self) {
		return nil
	}
	summary := *ev
	summary.Reason = nil
	summary.Peer.Topic = ev.Peer.Topic.Project(d.By)
	key := summary.Peer.Topic.String()
	c := to.e.counts[key]
	if c == nil {
		c = &naiveCount{}
		to.e.counts[key] = c
	}
	switch {
	case ev.Kind == actions.Presence:
		c.peers++
		if c.peers == 1 && !c.told || to.p.vm.m.faults.EveryoneFirst {
			c.told = true
			summary.Kind = actions.First
			return &summary
		}
	case c.peers > 0: // otherwise it was there before there was an endpoint to count it
		c.peers--
		if c.peers == 0 {
			summary.Kind = actions.Last
			m := to.p.vm.m
			if m.faults.LastStranger {
				summary.Peer.Interest = topic.Participant
			}
			m.fallen = append(m.fallen, naiveFallen{to, c, summary})
		}
	}
	return nil
}

// A naiveFallen is a demand that has fallen to zero.
type naiveFallen struct {
	to    naiveEntry
	count *naiveCount
	last  actions.Event
}

// tellFallen tells endpoints that their demand has fallen to zero, if it is
// still zero now that the machine is at rest. It reports whether there were
// any.
func (m *naiveMachine) tellFallen() (any bool) {
	fallen := m.fallen
	m.fallen = nil
	for i, f := range fallen {
		if any && m.faults.LastOneByOne {
			m.fallen = append(slices.Clone(fallen[i:]), m.fallen...)
			return
		}
		if f.to.p.dead || f.to.e.gone || f.count.peers > 0 || !f.count.told {
			continue
		}
		f.count.told = false
		f.to.p.handle(f.to.e.handler, &f.last)
		f.to.p.vm.roundsOutward()
		any = true
	}
	return any
}
