package vm

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/go-marketplace/marketplace/actions"
)

// label describes d for people.
func (d *EndpointImage) label() string {
	s := d.ID
	switch {
	case d.Inner > 0:
		s = fmt.Sprintf("of process %d inside", d.Inner)
	case d.Anonymous > 0:
		s = "without a name"
	}
	if d.Level > 0 {
		s += fmt.Sprintf(" at level %d", d.Level)
	}
	return s + " (" + d.Role + ")"
}

// endpoints gives c, which is process i, its endpoints, of those that its kind
// gives.
func (r *revival) endpoints(i int, c *cell, g given) {
	p := &r.im.Processes[i]
	r.eachEndpoint(i, c, func(d *EndpointImage) (*end, error) {
		if d.Inner != 0 || d.InnerSeq != 0 {
			return nil, fmt.Errorf("is that of a process inside, but there is no machine")
		}
		a, err := g.find(d)
		switch {
		case err != nil:
			return nil, fmt.Errorf("the Open of kind %q %w", p.Kind, err)
		case roleText(a.Role) != d.Role:
			return nil, fmt.Errorf("the Open of kind %q gives it another role: %v", p.Kind, a.Role)
		}
		e := newEnd(a, d.Seq)
		e.level = d.Level
		if d.Anonymous > 0 {
			e.id = anonymous(d.Anonymous)
		}
		if counts := e.demand() != nil; counts != d.Counts || !counts && len(d.Tallies) > 0 {
			return nil, fmt.Errorf("the Open of kind %q gives it a handler of which this is not true: it counts its demand: %v", p.Kind, d.Counts)
		}
		return e, nil
	})
}

// find takes the endpoint that d describes from g.
func (g *given) find(d *EndpointImage) (a actions.AddEndpoint, err error) {
	if d.Anonymous > 0 {
		as := g.unnamed[d.Level]
		switch {
		case d.ID != "" || d.Anonymous > d.Seq || d.Level == 0 && d.Anonymous != d.Seq:
			return a, fmt.Errorf("has nothing to do with its number, %d", d.Anonymous)
		case len(as) == 0:
			return a, fmt.Errorf("gives none: fewer endpoints without a name than the process has")
		}
		g.unnamed[d.Level] = as[1:]
		return as[0], nil
	}
	at := idAt{d.Level, d.ID}
	switch as := g.named[at]; len(as) {
	case 0:
		return a, fmt.Errorf("gives none")
	case 1:
		return as[0], nil
	default:
		return a, fmt.Errorf("gives %d that cannot be told apart", len(as))
	}
}

// routes gives virtual machine i the endpoints that it has for processes
// inside, which are there already.
func (r *revival) routes(i int) {
	inner := r.cells[i].more.inner
	r.eachEndpoint(i, r.cells[i], func(d *EndpointImage) (*end, error) {
		var within *end
		if c := inner.cells.get(d.Inner); c != nil {
			ends := c.metas()
			at, ok := slices.BinarySearchFunc(ends, d.InnerSeq, func(e *end, seq uint32) int { return cmp.Compare(e.seq, seq) })
			if ok && ends[at].level == d.Level+1 {
				within = ends[at]
			}
		}
		switch {
		case within == nil || d.ID != "" || d.Anonymous != 0 || d.Counts || len(d.Tallies) > 0:
			return nil, fmt.Errorf("is that of no process inside")
		case r.routed[within]:
			return nil, fmt.Errorf("is there twice")
		case roleText(within.role) != d.Role:
			return nil, fmt.Errorf("has another role inside: %v", within.role)
		}
		r.routed[within] = true
		e := newEnd(actions.AddEndpoint{ID: metaID{d.Inner, within.level, within.id}, Role: within.role}, d.Seq)
		e.level = d.Level
		return e, nil
	})
}

// eachEndpoint gives c, which is process i, the endpoints that make returns for
// those in the image.
func (r *revival) eachEndpoint(i int, c *cell, make func(*EndpointImage) (*end, error)) {
	p := &r.im.Processes[i]
	type name struct {
		level uint32
		id    actions.EndpointID
	}
	names := map[name]bool{}
	last := uint32(0)
	for j := range p.Endpoints {
		d := &p.Endpoints[j]
		if d.Seq <= last || d.Seq > p.Seq || d.Level > p.Depth {
			r.fault(i, "endpoint %s is out of order: it has number %d", d.label(), d.Seq)
			return
		}
		last = d.Seq
		e, err := make(d)
		if err != nil {
			r.fault(i, "endpoint %s: %w", d.label(), err)
			continue
		}
		if names[name{e.level, e.id}] {
			r.fault(i, "endpoint %s is there twice", d.label())
			continue
		}
		names[name{e.level, e.id}] = true
		if e.level == 0 {
			c.ends = append(c.ends, e)
		} else {
			c.rest().metas = append(c.rest().metas, e)
		}
	}
}
