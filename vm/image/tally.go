package image

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
)

// The tallies of an image have the texts of conversations. The endpoints in the
// machine determine the conversations themselves.

// tallies reads the tallies of the image, after all endpoints.
func (r *reader) tallies() {
	if !r.im.hasTallies() {
		return
	}
	if _, err := r.parts.State(); err != nil { // no peers can be found in parts that do not fit
		r.faults = append(r.faults, err)
		return
	}
	peers := peerFinder{parts: &r.parts}
	for i := range r.im.Processes {
		for j := range r.im.Processes[i].Endpoints {
			d := &r.im.Processes[i].Endpoints[j]
			if len(d.Tallies) == 0 {
				continue
			}
			e := &r.parts.Processes[i].Endpoints[j]
			var err error
			if e.Tallies, err = read(peers.conversations(i, e), d.Tallies); err != nil {
				r.fault(i, "endpoint %s: %w", d.label(), err)
			}
		}
	}
}

// read returns the tallies of an endpoint. It finds their conversations, by text, in
// there.
func read(there map[string][]topic.Topic, ts []Tally) (all []vm.TallyParts, err error) {
	for i, t := range ts {
		alike := there[t.Conversation]
		switch {
		case i > 0 && compareTallies(ts[i-1], t) >= 0 || t.Alike < 0:
			return nil, fmt.Errorf("it counts peers for %s out of order: number %d", t.Conversation, t.Alike)
		case t.Peers <= 0:
			return nil, fmt.Errorf("it counts %d peers for %s", t.Peers, t.Conversation)
		case t.Alike >= len(alike):
			return nil, fmt.Errorf("it counts peers for %s, number %d, but nobody is there", t.Conversation, t.Alike)
		case len(alike) > 1 && alike[t.Alike].Canonical() != t.Conversation:
			// Values that shared a pointer may have different ones now.
			return nil, fmt.Errorf("it counts peers for several demands that differ only in pointers, so they cannot be told apart: %s", t.Conversation)
		}
		all = append(all, vm.TallyParts{Conversation: alike[t.Alike], Peers: t.Peers})
	}
	return all, nil
}

// numberAlike sets the numbers of the tallies in im, which is the image of parts.
func numberAlike(im *Image, parts *vm.Parts) {
	peers := peerFinder{parts: parts}
	for i := range im.Processes {
		for j := range im.Processes[i].Endpoints {
			d := &im.Processes[i].Endpoints[j]
			if len(d.Tallies) == 0 || d.Level == 0 && !d.hasAlike() {
				continue // the number is 0: at rest, a local endpoint counts all its peers
			}
			e := &parts.Processes[i].Endpoints[j]
			there := peers.conversations(i, e)
			d.Tallies = d.Tallies[:0]
			for _, t := range e.Tallies {
				text := masked(t.Conversation.Canonical())
				d.Tallies = append(d.Tallies, Tally{text, t.Peers, numberOf(there[text], t.Conversation)})
			}
			slices.SortFunc(d.Tallies, compareTallies)
		}
	}
}

func (im *Image) hasTallies() bool {
	for i := range im.Processes {
		if slices.ContainsFunc(im.Processes[i].Endpoints, func(d Endpoint) bool { return len(d.Tallies) > 0 }) {
			return true
		}
	}
	return false
}

// hasAlike reports whether d counts conversations with the same text.
func (d *Endpoint) hasAlike() bool {
	for i, t := range d.Tallies {
		if i > 0 && t.Conversation == d.Tallies[i-1].Conversation {
			return true
		}
	}
	return false
}

func compareTallies(a, b Tally) int {
	return cmp.Or(cmp.Compare(a.Conversation, b.Conversation), cmp.Compare(a.Alike, b.Alike))
}

// numberOf returns the place in ts of a topic that is equivalent to t, or the
// length of ts if there is none.
func numberOf(ts []topic.Topic, t topic.Topic) int {
	if i := slices.IndexFunc(ts, t.Equivalent); i >= 0 {
		return i
	}
	return len(ts)
}

// A peerFinder finds the peers of endpoints in parts.
type peerFinder struct {
	parts   *vm.Parts
	indexes map[int][2]*topic.Index[peer] // by the machine, which is a process or -1
}

// peer is an endpoint of a process.
type peer struct {
	pid actions.PID
	e   *vm.EndpointParts
}

func bySeq(a, b peer) int { return cmp.Or(cmp.Compare(a.pid, b.pid), cmp.Compare(a.e.Seq, b.e.Seq)) }

// host returns the machine in which process i lives: a process, or -1.
func (c *peerFinder) host(i int) int {
	depth := c.parts.Processes[i].Depth
	if depth == 0 {
		return -1
	}
	for i--; i >= 0 && c.parts.Processes[i].Depth >= depth; i-- {
	}
	return i
}

// index returns the endpoints in a machine, by orientation.
func (c *peerFinder) index(machine int) [2]*topic.Index[peer] {
	if x, ok := c.indexes[machine]; ok {
		return x
	}
	x := [2]*topic.Index[peer]{topic.NewIndex(bySeq), topic.NewIndex(bySeq)}
	depth := uint32(0)
	if machine >= 0 {
		depth = c.parts.Processes[machine].Depth + 1
	}
	for i := machine + 1; i < len(c.parts.Processes) && c.parts.Processes[i].Depth >= depth; i++ {
		p := &c.parts.Processes[i]
		if p.Depth > depth {
			continue
		}
		for j := range p.Endpoints {
			if e := &p.Endpoints[j]; e.Level == 0 {
				x[e.Role.Orientation].Add(e.Role.Topic, peer{p.PID, e})
			}
		}
	}
	if c.indexes == nil {
		c.indexes = map[int][2]*topic.Index[peer]{}
	}
	c.indexes[machine] = x
	return x
}

// conversations returns the conversations by which endpoint e of process i counts its
// peers, by text, in the order in which the machine would tell it of the first peers
// if it came now.
func (c *peerFinder) conversations(i int, e *vm.EndpointParts) map[string][]topic.Topic {
	d := *demand(e.Handler)
	i, e = c.outermost(i, e)
	pid := c.parts.Processes[i].PID
	x := c.index(c.host(i))[e.Role.Orientation.Opposite()]
	there := map[string][]topic.Topic{}
	note := func(o peer) {
		itself := o.pid == pid && o.e.Seq == e.Seq
		if t, ok := d.Counts(e.Role, o.e.Role, o.pid == pid); ok && !itself {
			text := masked(t.Canonical())
			if alike := there[text]; numberOf(alike, t) == len(alike) {
				there[text] = append(alike, t)
			}
		}
	}
	var buf []peer
	found := x.Related(e.Role.Topic, &buf)
	for _, own := range []bool{true, false} {
		for _, o := range found {
			if (o.pid == pid) == own {
				note(o)
			}
		}
	}
	return there
}

// outermost returns the endpoint that stands for e of process i in the machine in
// which its peers are, and its process.
func (c *peerFinder) outermost(i int, e *vm.EndpointParts) (int, *vm.EndpointParts) {
	for e.Level > 0 {
		host := c.host(i)
		es := c.parts.Processes[host].Endpoints
		at := slices.IndexFunc(es, func(o vm.EndpointParts) bool { return o.Inner == c.parts.Processes[i].PID && o.InnerSeq == e.Seq })
		i, e = host, &es[at]
	}
	return i, e
}
