package vm

import (
	"fmt"
	"slices"

	"github.com/benbjohnson/immutable"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
)

// tally returns the place of the counts of endpoint e in m, or -1.
func (m *more) tally(e *end) int {
	if m == nil {
		return -1
	}
	return slices.IndexFunc(m.tallies, func(t tallies) bool { return t.seq == e.seq && t.level == e.level })
}

// forget drops the counts of endpoint e.
func (c *cell) forget(e *end) {
	if i := c.more.tally(e); i >= 0 {
		c.more.tallies = slices.Delete(c.more.tallies, i, i+1)
	}
}

// count counts the peer that an event tells of. It reports whether this is the
// first one, so that there is another event to tell.
func (k *kernel) count(h *hearing) bool {
	d := h.handler.Demand
	if h.ev.Kind != actions.Presence && h.ev.Kind != actions.Absence || !d.Filter.Passes(h.ev.Peer, h.ev.Self) {
		return false
	}
	conversation := h.ev.Peer.Topic.Project(d.By)
	counts, at := k.counts(h.p, h.e)
	key, t := place(counts, conversation)
	first := false
	if h.ev.Kind == actions.Presence {
		t.peers++
		first = !t.told
		t.told = true
	} else if t.peers == 0 {
		return false // it came before anybody counted
	} else {
		t.peers--
		if t.peers == 0 {
			k.m.lasts = append(k.m.lasts, last{h.p.path(), h.e.level, h.e.seq, key, h.ev.Peer})
		}
	}
	h.p.cell.more.tallies[at].keys = counts.Set(key, t)
	if first {
		h.first = *h.ev
		h.first.Kind = actions.First
		h.first.Peer.Topic = conversation
	}
	return first
}

// manyAlike is how many conversations may have one text: those with parts whose
// own texts do not tell them apart.
const manyAlike = 4

// place returns the key for a conversation, and its tally.
func place(counts *immutable.SortedMap[string, tally], conversation topic.Topic) (key string, t tally) {
	text := conversation.Canonical()
	free := ""
	for n := range manyAlike {
		key := text
		if n > 0 {
			key = fmt.Sprintf("%s, number %d", text, n)
		}
		t, ok := counts.Get(key)
		if ok && t.conversation.Equivalent(conversation) {
			return key, t
		}
		if !ok && free == "" {
			free = key
		}
		if !ok && n == 0 && counts.Len() == 0 {
			break
		}
	}
	if free == "" {
		free = text
	}
	return free, tally{conversation: conversation}
}

// counts returns the counts of endpoint e of p, and their place.
func (k *kernel) counts(p *proc, e *end) (*immutable.SortedMap[string, tally], int) {
	r := p.own().rest()
	at := r.tally(e)
	if at < 0 {
		at = len(r.tallies)
		r.tallies = append(r.tallies, tallies{e.level, e.seq, immutable.NewSortedMap[string, tally](nil)})
	}
	return r.tallies[at].keys, at
}

// recount sees to the counts of an endpoint that has got another handler: if
// it counts otherwise, it begins anew, from those whom it has been told of.
func (k *kernel) recount(p *proc, old, e *end) {
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
	keys := immutable.NewSortedMap[string, tally](nil)
	entry{p, old}.conversations(is, func(conversation topic.Topic) {
		key, t := place(keys, conversation)
		keys = keys.Set(key, tally{conversation, t.peers + 1, true})
	})
	_, at := k.counts(p, e)
	p.cell.more.tallies[at].keys = keys
}

// conversations calls f for each peer that s counts if it counts as d says, with
// what it counts the peer by.
func (s entry) conversations(d actions.Demand, f func(topic.Topic)) {
	for _, o := range s.p.k.relatives(s.e.role, s.p, nil) {
		peer := o.e.role
		common, ok := peer.Intersect(s.e.role)
		peer.Topic = common
		itself := o.p == s.p && o.e.seq == s.e.seq // in the role to which it has moved
		if ok && !itself && s.e.role.Sees(peer) && d.Filter.Passes(peer, o.p == s.p) {
			f(common.Project(d.By))
		}
	}
}

// A last is a demand that has fallen to zero. It is judged when the machine has
// come to rest.
type last struct {
	path  Path
	level uint32
	seq   uint32
	key   string
	peer  topic.Role // who has left last
}

// judge looks at the demand that has fallen to zero first. If it still is there,
// the endpoint is told. It reports whether that is so.
func (m *Machine) judge() bool {
	l := m.lasts[0]
	m.lasts = m.lasts[1:]
	p := m.find(l.path)
	if p == nil {
		return false
	}
	e := p.numbered(l.level, l.seq)
	if e == nil || e.handler == nil || e.handler.Demand == nil {
		return false
	}
	at := p.cell.more.tally(e)
	if at < 0 {
		return false
	}
	t, ok := p.cell.more.tallies[at].keys.Get(l.key)
	if !ok || t.peers > 0 || !t.told {
		return false
	}
	r := p.own().rest()
	r.tallies[at].keys = r.tallies[at].keys.Delete(l.key)
	l.peer.Topic = t.conversation
	m.arouse(p, e, e.handler, &actions.Event{Kind: actions.Last, Peer: l.peer})
	return true
}

// numbered returns the endpoint of p with the given number, or nil.
func (p *proc) numbered(level, seq uint32) *end {
	ends := p.cell.ends
	if level > 0 {
		ends = p.cell.metas()
	}
	for _, e := range ends {
		if e.seq == seq && e.level == level {
			return e
		}
	}
	return nil
}
