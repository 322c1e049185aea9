package vm

// A route is an endpoint that a machine keeps in the machine around it, for a process
// inside: its name is a metaID, which leads back to that process. This file follows
// routes.

// of reports whether id names an endpoint of process c.
func (id metaID) of(c *continuation) bool {
	for ; c != nil && id.pid == c.pid; c = c.inner {
		next, further := id.id.(metaID)
		if !further || c.inner == nil {
			return !further && c.inner == nil
		}
		id = next
	}
	return false
}

// sameProcess reports whether s and o are endpoints of one process, which may be
// further inside.
func (s entry) sameProcess(o entry) bool {
	if s.p != o.p {
		return false
	}
	a, inside := s.e.id.(metaID)
	b, _ := o.e.id.(metaID)
	for inside {
		if a.pid != b.pid {
			return false
		}
		if a, inside = a.id.(metaID); inside {
			b, _ = b.id.(metaID)
		}
	}
	return true
}

// innermost returns the process and the endpoint that get the events of endpoint s:
// those of s or, if it is a route, those inside s.p. If they are gone, the endpoint
// that innermost returns has no handler.
func (s entry) innermost() (*proc, *endpoint) {
	for s.e.route {
		id := s.e.id.(metaID)
		p := s.p.inner.procs.get(id.pid)
		if p == nil {
			return s.p, s.e
		}
		e := p.meta(id.level, id.id)
		if e == nil {
			return p, s.e
		}
		s = entry{p, e}
	}
	return s.p, s.e
}
