package image

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
)

// The tallies of an image have the texts of conversations. What the conversations
// are shows in who is there.

// tallies reads the tallies of the image, when all endpoints are there.
func (r *reader) tallies() {
	if !r.im.hasTallies() {
		return
	}
	if _, err := r.parts.State(); err != nil { // nobody can be found in parts that do not fit
		r.faults = append(r.faults, err)
		return
	}
	crowd := crowd{parts: &r.parts}
	for i := range r.im.Processes {
		for j := range r.im.Processes[i].Endpoints {
			d := &r.im.Processes[i].Endpoints[j]
			if len(d.Tallies) == 0 {
				continue
			}
			e := &r.parts.Processes[i].Endpoints[j]
			var err error
			if e.Tallies, err = read(crowd.conversations(i, e), d.Tallies); err != nil {
				r.fault(i, "endpoint %s: %w", d.label(), err)
			}
		}
	}
}

// read returns the tallies of an endpoint that may count its peers by what is
// there, by text.
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
			// What shares a pointer may not share it any more.
			return nil, fmt.Errorf("it counts peers for several demands that only pointers tell apart, so that they cannot be told apart: %s", t.Conversation)
		}
		all = append(all, vm.TallyParts{Conversation: alike[t.Alike], Peers: t.Peers})
	}
	return all, nil
}

// numberAlike sets the numbers of the tallies in im, which is the image of parts.
func numberAlike(im *Image, parts *vm.Parts) {
	crowd := crowd{parts: parts}
	for i := range im.Processes {
		for j := range im.Processes[i].Endpoints {
			d := &im.Processes[i].Endpoints[j]
			if len(d.Tallies) == 0 || d.Level == 0 && !d.hasAlike() {
				continue // at rest, all that is at level 0 counts
			}
			e := &parts.Processes[i].Endpoints[j]
			there := crowd.conversations(i, e)
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

// A crowd finds who is there in the machines of parts.
type crowd struct {
	parts   *vm.Parts
	indexes map[int][2]*topic.Index[someone] // by the machine, which is a process or -1
}

// someone is an endpoint of a process.
type someone struct {
	pid actions.PID
	e   *vm.EndpointParts
}

func bySeq(a, b someone) int { return cmp.Or(cmp.Compare(a.pid, b.pid), cmp.Compare(a.e.Seq, b.e.Seq)) }

// host returns the machine in which process i lives: a process, or -1.
func (c *crowd) host(i int) int {
	depth := c.parts.Processes[i].Depth
	if depth == 0 {
		return -1
	}
	for i--; i >= 0 && c.parts.Processes[i].Depth >= depth; i-- {
	}
	return i
}

// index returns the endpoints in a machine, by orientation.
func (c *crowd) index(machine int) [2]*topic.Index[someone] {
	if x, ok := c.indexes[machine]; ok {
		return x
	}
	x := [2]*topic.Index[someone]{topic.NewIndex(bySeq), topic.NewIndex(bySeq)}
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
				x[e.Role.Orientation].Add(e.Role.Topic, someone{p.PID, e})
			}
		}
	}
	if c.indexes == nil {
		c.indexes = map[int][2]*topic.Index[someone]{}
	}
	c.indexes[machine] = x
	return x
}

// conversations returns what endpoint e of process i counts its peers by, by text,
// in the order in which it would hear of the first peers if it came now.
func (c *crowd) conversations(i int, e *vm.EndpointParts) map[string][]topic.Topic {
	d := *demand(e.Handler)
	i, e = c.outermost(i, e)
	pid := c.parts.Processes[i].PID
	x := c.index(c.host(i))[e.Role.Orientation.Opposite()]
	there := map[string][]topic.Topic{}
	note := func(o someone) {
		itself := o.pid == pid && o.e.Seq == e.Seq
		if t, ok := d.Counts(e.Role, o.e.Role, o.pid == pid); ok && !itself {
			text := masked(t.Canonical())
			if alike := there[text]; numberOf(alike, t) == len(alike) {
				there[text] = append(alike, t)
			}
		}
	}
	var buf []someone
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
// which it converses, and its process.
func (c *crowd) outermost(i int, e *vm.EndpointParts) (int, *vm.EndpointParts) {
	for e.Level > 0 {
		host := c.host(i)
		es := c.parts.Processes[host].Endpoints
		at := slices.IndexFunc(es, func(o vm.EndpointParts) bool { return o.Inner == c.parts.Processes[i].PID && o.InnerSeq == e.Seq })
		i, e = host, &es[at]
	}
	return i, e
}
