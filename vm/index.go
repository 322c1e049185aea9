package vm

import (
	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
)

// This file finds endpoints: by topic, in the index, and within a process by name.

func newIndex() *topic.Index[entry] { return topic.NewIndex(byOrder) }

// enroll adds s to the index.
func (k *kernel) enroll(s entry) {
	o := s.e.role.Orientation
	if k.index[o] == nil {
		k.index[o] = newIndex()
	}
	k.index[o].Add(s.e.role.Topic, s)
	if x := k.m.misses; x != nil && len(x.recent) > 0 {
		x.endpointCame(k, s)
	}
}

// withdraw removes s from the index.
func (k *kernel) withdraw(s entry) {
	k.index[s.e.role.Orientation].Remove(s.e.role.Topic, s)
	if k.m.misses != nil {
		k.m.misses.endpointLeft(k, s.e.role)
	}
}

// relatives appends the endpoints that face r and have messages in common with
// it: those of process p first, and then the others in their order.
func (k *kernel) relatives(r topic.Role, p *proc, buf []entry) []entry {
	x := k.index[r.Orientation.Opposite()]
	if x == nil {
		return buf
	}
	found := x.Related(r.Topic, &k.related)
	for _, o := range found {
		if o.p == p {
			buf = append(buf, o)
		}
	}
	for _, o := range found {
		if o.p != p {
			buf = append(buf, o)
		}
	}
	clear(found)
	return buf
}

// manyEndpoints is the number of endpoints above which a process keeps a table of
// them by name.
const manyEndpoints = 8

// local returns the local endpoint of p named id, or nil.
func (p *proc) local(id actions.EndpointID) *endpoint {
	ends := p.cell.endpoints
	if len(ends) > manyEndpoints {
		if p.byID == nil {
			p.byID = make(map[actions.EndpointID]*endpoint, len(ends))
			for _, e := range ends {
				p.byID[e.id] = e
			}
		}
		return p.byID[id]
	}
	for _, e := range ends {
		if e.id == id {
			return e
		}
	}
	return nil
}

// meta returns the endpoint of p at a meta-level named id, or nil.
func (p *proc) meta(level uint32, id actions.EndpointID) *endpoint {
	for _, e := range p.cell.metas() {
		if e.level == level && e.id == id {
			return e
		}
	}
	return nil
}

// metasAt returns the endpoints of p at a meta-level.
func (p *proc) metasAt(level uint32) (at []*endpoint) {
	for _, e := range p.cell.metas() {
		if e.level == level {
			at = append(at, e)
		}
	}
	return at
}

// numbered returns the endpoint of p with the given number, or nil.
func (p *proc) numbered(level, seq uint32) *endpoint {
	ends := p.cell.endpoints
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
