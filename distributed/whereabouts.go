package distributed

import (
	"slices"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed/internal/wire"
)

// opens handles that a place will be served, or is. Messages wait until then, because
// handles in them mean the place.
func (d driver) opens(n int) driverStep {
	d.opening += n
	t := actions.Next(d)
	if d.opening > 0 {
		return t
	}
	for i := d.links.Iterator(); !i.Done(); {
		h, _, _ := i.Next()
		t = t.Then(func(d driver) driverStep {
			return d.change(h, func(l *link) actions.Action {
				l.post(false)
				return d.tell(l, nil)
			})
		})
	}
	return t
}

// serves handles that this machine is served as a place, or no longer.
func (d driver) serves(p Place, is bool) driverStep {
	d.here = slices.DeleteFunc(slices.Clone(d.here), func(q Place) bool { return p == q })
	if is {
		d.here = append(d.here, p)
		slices.SortFunc(d.here, Place.compare)
	}
	t := actions.Next(d)
	for i := d.links.Iterator(); !i.Done(); {
		h, l, _ := i.Next()
		if l.session == 0 {
			continue
		}
		t = t.Then(func(d driver) driverStep {
			return d.change(h, func(l *link) actions.Action {
				l.serve(d.here)
				return d.tell(l, nil)
			})
		})
	}
	return t
}

// serve tells the home as what this machine is served.
func (l *link) serve(here []Place) {
	var p Place
	if len(here) > 0 {
		p = here[0]
	}
	_ = l.write(func(w *wire.Writer) error { return w.Serves(p.Name, p.Epoch) }) // always possible
}
