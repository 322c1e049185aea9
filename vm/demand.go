package vm

import (
	"slices"

	"github.com/benbjohnson/immutable"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
)

// tally returns the place of the counts of endpoint e in m, or -1.
func (m *extras) tally(e *endpoint) int {
	if m == nil {
		return -1
	}
	return slices.IndexFunc(m.tallies, func(t tallies) bool { return t.seq == e.seq && t.level == e.level })
}

// forget drops the counts of endpoint e.
func (c *cell) forget(e *endpoint) {
	if i := c.extras.tally(e); i >= 0 {
		c.extras.tallies = slices.Delete(c.extras.tallies, i, i+1)
	}
}

// count counts the peer of an event at an endpoint that counts its demand. It
// reports whether the peer is the first, so that the event First follows.
func (k *kernel) count(h *pendingCall) bool {
	d := h.handler.Demand
	if h.ev.Kind != actions.Presence && h.ev.Kind != actions.Absence || !d.Filter.Passes(h.ev.Peer, h.ev.Self) {
		return false
	}
	conversation := h.ev.Peer.Topic.Project(d.By)
	counts, at := k.counts(h.p, h.e)
	text := conversation.Canonical()
	alike, _ := counts.Get(text)
	t, n, told := alike.find(conversation)
	first := false
	if h.ev.Kind == actions.Presence {
		t.peers++
		first = !told
	} else if t.peers == 0 {
		return false // it came before the endpoint counted
	} else {
		t.peers--
		if t.peers == 0 {
			k.m.pendingLasts = append(k.m.pendingLasts, pendingLast{h.p.path(), h.e.level, h.e.seq, text, conversation, h.ev.Peer})
		}
	}
	h.p.cell.extras.tallies[at].keys = counts.Set(text, alike.with(n, t))
	if first {
		h.first = *h.ev
		h.first.Kind = actions.First
		h.first.Peer.Topic = conversation
	}
	return first
}

// find returns the tally of a conversation, and its number among those in a. If
// there is none, it returns a new one, with the number that it would have, and
// reports false.
func (a tallied) find(conversation topic.Topic) (t tally, n int, ok bool) {
	if !a.first.conversation.Valid() {
		return tally{conversation: conversation}, 0, false
	}
	if a.first.conversation.Equivalent(conversation) {
		return a.first, 0, true
	}
	if a.others != nil {
		for _, t := range *a.others {
			n++
			if t.conversation.Equivalent(conversation) {
				return t, n, true
			}
		}
	}
	return tally{conversation: conversation}, n + 1, false
}

// with returns the tallies in a, with t as the one with number n.
func (a tallied) with(n int, t tally) tallied {
	if n == 0 {
		a.first = t
		return a
	}
	var others []tally
	if a.others != nil {
		others = *a.others
	}
	others = slices.Replace(slices.Clone(others), n-1, min(n, len(others)), t)
	a.others = &others
	return a
}

// without returns the tallies in a but for the one with number n. It reports
// false if that was the only one.
func (a tallied) without(n int) (tallied, bool) {
	if a.others == nil {
		return tallied{}, false
	}
	all := append([]tally{a.first}, *a.others...)
	all = slices.Delete(all, n, n+1)
	others := all[1:]
	if len(others) == 0 {
		return tallied{first: all[0]}, true
	}
	return tallied{all[0], &others}, true
}

// all yields the tallies in a.
func (a tallied) all(yield func(tally) bool) {
	if !yield(a.first) || a.others == nil {
		return
	}
	for _, t := range *a.others {
		if !yield(t) {
			return
		}
	}
}

// counts returns the counts of endpoint e of p, and their place.
func (k *kernel) counts(p *proc, e *endpoint) (*immutable.SortedMap[string, tallied], int) {
	r := p.own().ensureExtras()
	at := r.tally(e)
	if at < 0 {
		at = len(r.tallies)
		r.tallies = append(r.tallies, tallies{e.level, e.seq, immutable.NewSortedMap[string, tallied](nil)})
	}
	return r.tallies[at].keys, at
}

// recount updates the counts of an endpoint that has another handler. If the new
// handler counts otherwise, the counts begin again with the peers that the endpoint
// has been told of.
func (k *kernel) recount(p *proc, old, e *endpoint) {
	var was, is actions.Demand
	if old.handler != nil && old.handler.Demand != nil {
		was = *old.handler.Demand
	}
	counts := e.handler != nil && e.handler.Demand != nil
	if counts {
		is = *e.handler.Demand
	}
	if was == is && counts == (old.handler != nil && old.handler.Demand != nil) {
		return
	}
	p.own().forget(e)
	if !counts || e.level > 0 {
		return // at a meta-level, only what comes from now on counts
	}
	keys := immutable.NewSortedMap[string, tallied](nil)
	entry{p, old}.conversations(is, func(conversation topic.Topic) {
		text := conversation.Canonical()
		alike, _ := keys.Get(text)
		t, n, _ := alike.find(conversation)
		keys = keys.Set(text, alike.with(n, tally{conversation, t.peers + 1}))
	})
	_, at := k.counts(p, e)
	p.cell.extras.tallies[at].keys = keys
}

// conversations calls f for each peer that s counts under d, with the conversation
// that it counts the peer by.
func (s entry) conversations(d actions.Demand, f func(topic.Topic)) {
	for _, o := range s.p.k.relatives(s.e.role, s.p, nil) {
		itself := o.p == s.p && o.e.seq == s.e.seq // in the role to which it has moved
		if t, ok := d.Counts(s.e.role, o.e.role, o.p == s.p); ok && !itself {
			f(t)
		}
	}
}

// When the machine is at rest, an endpoint whose demand has fallen to zero is told by
// the event Last, if the demand is still zero by then:
//
//	Rule 0: A demand that falls to zero is noted, and nobody is told.
//	Rule 1: At rest, the pending ones are told in the order of their notes, before
//	        anything that results from telling is performed.
//	Rule 2: One whose demand is not zero any more is dropped, and so is one whose
//	        endpoint is gone, or counts no longer.
//	Rule 3: A machine that has done enough for one input tells them, too, once, so
//	        that processes that never rest delay nobody.
//
// For example, a subscriber moves from one key to another and back within a round:
// the demand for the first key falls to zero and rises again, and nobody hears
// Last.

// deliverLast pops the oldest pending Last, and tells the endpoint if the demand is
// still zero. It reports whether it did.
func (m *Machine) deliverLast() bool {
	l := m.pendingLasts[0]
	m.pendingLasts = m.pendingLasts[1:]
	p := m.find(l.path)
	if p == nil {
		return false
	}
	e := p.numbered(l.level, l.seq)
	if e == nil || e.handler == nil || e.handler.Demand == nil {
		return false
	}
	at := p.cell.extras.tally(e)
	if at < 0 {
		return false
	}
	alike, _ := p.cell.extras.tallies[at].keys.Get(l.text)
	t, n, told := alike.find(l.conversation)
	if !told || t.peers > 0 {
		return false
	}
	r := p.own().ensureExtras()
	if rest, some := alike.without(n); some {
		r.tallies[at].keys = r.tallies[at].keys.Set(l.text, rest)
	} else {
		r.tallies[at].keys = r.tallies[at].keys.Delete(l.text)
	}
	l.peer.Topic = t.conversation
	m.wake(p, e, e.handler, &actions.Event{Kind: actions.Last, Peer: l.peer})
	return true
}
