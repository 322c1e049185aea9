package journal

import (
	"encoding/binary"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/vm"
)

// A register makes a Presence from presence changes.
type register struct {
	Presence
	named    map[string]int // present endpoints with a name, by identity
	root     place          // has all present endpoints
	places   []*place       // of all intervals whose endpoints are present; nil for others
	stopping bool
}

// A place has the present endpoints of a process, and the places of the processes inside
// it.
type place struct {
	parent    *place
	pid       actions.PID
	inside    map[actions.PID]*place
	endpoints map[int]struct{} // by the indexes of their intervals
}

func newRegister() *register { return &register{named: map[string]int{}} }

// at returns the place of a process, or nil if nothing is present there. If make is true, it
// makes the place.
func (p *place) at(path vm.Path, make bool) *place {
	for _, pid := range path {
		next := p.inside[pid]
		if next == nil && !make {
			return nil
		}
		if next == nil {
			next = &place{parent: p, pid: pid}
			if p.inside == nil {
				p.inside = map[actions.PID]*place{}
			}
			p.inside[pid] = next
		}
		p = next
	}
	return p
}

// remove removes an endpoint, and then all places that have nothing any more.
func (p *place) remove(n int) {
	delete(p.endpoints, n)
	for p.parent != nil && len(p.endpoints) == 0 && len(p.inside) == 0 {
		delete(p.parent.inside, p.pid)
		p = p.parent
	}
}

// all returns the endpoints at a place and inside it.
func (p *place) all() (endpoints []int) {
	for todo := []*place{p}; len(todo) > 0; {
		p, todo = todo[len(todo)-1], todo[:len(todo)-1]
		for n := range p.endpoints {
			endpoints = append(endpoints, n)
		}
		for _, inner := range p.inside {
			todo = append(todo, inner)
		}
	}
	return endpoints
}

// startWith begins with the endpoints of a snapshot.
func (r *register) startWith(at Mark, presence []presenceChange) {
	r.Begin, r.End = at, at
	for i := range presence {
		r.begin(&presence[i])
		r.Intervals[i].Earlier = true
	}
}

// apply applies a presence change.
func (r *register) apply(c *presenceChange) {
	if c.op == gone {
		r.close(c.path, c.why)
		return
	}
	old, known := r.named[identity(c.path, c.level, c.id)]
	known = known && c.id != ""
	switch {
	case c.op == closed:
		if known {
			r.end(old, c.why)
		}
		return
	case known && (c.op == opened || r.Intervals[old].Role() == c.role):
		return // it gets another handler; or it opens again in another role, and its process fails
	case known:
		r.end(old, "")
	}
	r.begin(c)
}

// identity returns a key for an endpoint that has a name.
func identity(path vm.Path, level uint32, id string) string {
	return string(appendText(binary.AppendUvarint(appendPath(nil, path), uint64(level)), id))
}

func (r *register) begin(c *presenceChange) {
	n := len(r.Intervals)
	i := Interval{Path: c.path, Name: c.name, Level: c.level, ID: c.id, From: r.End}
	i.Orientation, i.Interest, i.Topic = readRole(c.role)
	r.Intervals = append(r.Intervals, i)
	if c.id != "" {
		r.named[identity(c.path, c.level, c.id)] = n
	}
	p := r.root.at(c.path, true)
	if p.endpoints == nil {
		p.endpoints = map[int]struct{}{}
	}
	p.endpoints[n] = struct{}{}
	r.places = append(r.places, p)
}

// end ends an interval.
func (r *register) end(n int, why string) {
	i := &r.Intervals[n]
	i.To, i.Reason = r.End, why
	if i.ID != "" {
		delete(r.named, identity(i.Path, i.Level, i.ID))
	}
	r.places[n].remove(n)
	r.places[n] = nil
}

// close ends the intervals of a process and of all inside it.
func (r *register) close(path vm.Path, why string) {
	if p := r.root.at(path, false); p != nil {
		for _, n := range p.all() {
			r.end(n, why)
		}
	}
}
