package vm

import (
	"fmt"

	"github.com/benbjohnson/immutable"

	"github.com/go-marketplace/marketplace/topic"
)

// The tallies of an image have the texts of conversations. What the
// conversations are shows in who is there.

// counted returns the tallies of c, by the number of the endpoint.
func (c *cell) counted() map[uint32][]tally {
	if c.more == nil || len(c.more.tallies) == 0 {
		return nil
	}
	all := map[uint32][]tally{}
	for _, t := range c.more.tallies {
		for keys := t.keys.Iterator(); !keys.Done(); {
			_, one, _ := keys.Next()
			all[t.seq] = append(all[t.seq], one)
		}
	}
	return all
}

// tallies gives the endpoints of s, which are all there, the tallies of the
// image.
func (r *revival) tallies(s State) {
	var m *Machine
	for i := range r.im.Processes {
		for j := range r.im.Processes[i].Endpoints {
			d := &r.im.Processes[i].Endpoints[j]
			if len(d.Tallies) == 0 {
				continue
			}
			if m == nil {
				m = s.Machine(nil)
			}
			if p := m.find(r.path(i)); p != nil {
				if err := tallyUp(p, p.numbered(d.Level, d.Seq), d.Tallies); err != nil {
					r.fault(i, "endpoint %s: %w", d.label(), err)
				}
			}
		}
	}
}

// tallyUp gives endpoint e of p the tallies of an image.
func tallyUp(p *proc, e *end, ts []TallyImage) error {
	there := map[string]topic.Topic{}
	alike := map[string]bool{}
	outermost(p, e).conversations(*e.demand(), func(t topic.Topic) {
		text := masked(t.Canonical())
		if other, ok := there[text]; ok && !other.Equivalent(t) {
			alike[text] = true
		}
		there[text] = t
	})
	keys := immutable.NewSortedMap[string, tally](nil)
	last := ""
	for _, t := range ts {
		conversation, ok := there[t.Conversation]
		switch {
		case t.Conversation <= last:
			return fmt.Errorf("it counts peers for %s out of order", t.Conversation)
		case t.Peers <= 0:
			return fmt.Errorf("it counts %d peers for %s", t.Peers, t.Conversation)
		case !ok:
			return fmt.Errorf("it counts peers for %s, but nobody is there", t.Conversation)
		case alike[t.Conversation]:
			return fmt.Errorf("it counts peers for several demands that cannot be told apart: %s", t.Conversation)
		}
		last = t.Conversation
		keys = keys.Set(conversation.Canonical(), tally{conversation, t.Peers, true})
	}
	// Nothing else knows of the cell yet, so it is written to in place.
	r := p.cell.rest()
	r.tallies = append(r.tallies, tallies{e.level, e.seq, keys})
	return nil
}

// outermost returns the endpoint that stands for e of p in the machine in which
// it converses.
func outermost(p *proc, e *end) entry {
	for e.level > 0 {
		id := metaID{p.cell.pid, e.level, e.id}
		p = p.k.host
		if e.level == 1 {
			e = p.local(id)
		} else {
			e = p.meta(e.level-1, id)
		}
	}
	return entry{p, e}
}
