package vm

import (
	"cmp"
	"fmt"
	"slices"

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
			_, alike, _ := keys.Next()
			all[t.seq] = slices.AppendSeq(all[t.seq], alike.all)
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

// numberAlike sets the numbers of the tallies in im, which is the portrait of s.
func (s State) numberAlike(im *Image, cells []cellAt) {
	var m *Machine
	for i := range im.Processes {
		for j := range im.Processes[i].Endpoints {
			d := &im.Processes[i].Endpoints[j]
			if len(d.Tallies) == 0 || d.Level == 0 && !d.hasAlike() {
				continue // at rest, all that is at level 0 counts
			}
			if m == nil {
				m = s.Machine(nil)
			}
			p := m.find(cells[i].path())
			there := conversationsAt(p, p.numbered(d.Level, d.Seq))
			d.Tallies = d.Tallies[:0]
			for _, t := range cells[i].c.counted()[d.Seq] {
				text := masked(t.conversation.Canonical())
				d.Tallies = append(d.Tallies, TallyImage{text, t.peers, numberOf(there[text], t.conversation)})
			}
			slices.SortFunc(d.Tallies, compareTallies)
		}
	}
}

// hasAlike reports whether d counts conversations with the same text.
func (d *EndpointImage) hasAlike() bool {
	for i, t := range d.Tallies {
		if i > 0 && t.Conversation == d.Tallies[i-1].Conversation {
			return true
		}
	}
	return false
}

func compareTallies(a, b TallyImage) int {
	return cmp.Or(cmp.Compare(a.Conversation, b.Conversation), cmp.Compare(a.Alike, b.Alike))
}

// conversationsAt returns what endpoint e of p counts its peers by, in the order
// of the first peers, by text.
func conversationsAt(p *proc, e *end) map[string][]topic.Topic {
	there := map[string][]topic.Topic{}
	outermost(p, e).conversations(*e.demand(), func(t topic.Topic) {
		text := masked(t.Canonical())
		if alike := there[text]; numberOf(alike, t) == len(alike) {
			there[text] = append(alike, t)
		}
	})
	return there
}

// numberOf returns the place in ts of a topic that is equivalent to t, or the
// length of ts if there is none.
func numberOf(ts []topic.Topic, t topic.Topic) int {
	if i := slices.IndexFunc(ts, t.Equivalent); i >= 0 {
		return i
	}
	return len(ts)
}

// tallyUp gives endpoint e of p the tallies of an image.
func tallyUp(p *proc, e *end, ts []TallyImage) error {
	there := conversationsAt(p, e)
	keys := immutable.NewSortedMap[string, tallied](nil)
	for i, t := range ts {
		alike := there[t.Conversation]
		switch {
		case i > 0 && compareTallies(ts[i-1], t) >= 0 || t.Alike < 0:
			return fmt.Errorf("it counts peers for %s out of order: number %d", t.Conversation, t.Alike)
		case t.Peers <= 0:
			return fmt.Errorf("it counts %d peers for %s", t.Peers, t.Conversation)
		case t.Alike >= len(alike):
			return fmt.Errorf("it counts peers for %s, number %d, but nobody is there", t.Conversation, t.Alike)
		case len(alike) > 1 && alike[t.Alike].Canonical() != t.Conversation:
			// What shares a pointer may not share it any more.
			return fmt.Errorf("it counts peers for several demands that only pointers tell apart, so that they cannot be told apart: %s", t.Conversation)
		}
		conversation := alike[t.Alike]
		text := conversation.Canonical()
		same, _ := keys.Get(text)
		_, n, _ := same.find(conversation)
		keys = keys.Set(text, same.with(n, tally{conversation, t.Peers}))
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
