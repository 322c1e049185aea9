package distributed

import (
	"slices"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
)

// watched are the nodes that may have a place with a name, for those who subscribe to
// [Named].
type watched struct {
	count int
	known []string // that the network knows
	nodes []string // to which the driver keeps links: also those that are not known any more, until the link is lost
}

// reached handles a subscriber of the presence of places.
func (d driver) reached(ev endpoint.Event[Up]) driverStep {
	return d.reach(ev.Conversation, 1)
}

func (d driver) unreached(ev endpoint.Event[Up]) driverStep {
	return d.reach(ev.Conversation, -1)
}

func (d driver) reach(p topic.Pattern[Up], n int) driverStep {
	node, hasNode := upNode.In(p)
	name, hasName := upName.In(p)
	switch {
	case hasNode && node == "" || !hasName:
		return actions.Next(d) // here, or all that there are links to
	case hasNode:
		return d.changeReach(home{node, name}, n)
	}
	w, had := d.watched.Get(name)
	w.count += n
	if w.count == 0 {
		d.watched = d.watched.Delete(name)
		t := actions.Next(d, actions.Close(watchDevice{d.config, name}))
		for _, n := range w.nodes {
			t = t.Then(func(d driver) driverStep { return d.changeReach(home{n, name}, -1) })
		}
		return t
	}
	d.watched = d.watched.Set(name, w)
	return actions.Next(d, actions.When(!had, d.watch(name)))
}

func (d driver) changeReach(h home, n int) driverStep {
	return d.change(h, func(l *link) actions.Action {
		l.reach += n
		return nil
	})
}

// watch opens the device that tells on which nodes a place may be.
func (d driver) watch(name string) actions.Action {
	return endpoint.Device(watchDevice{d.config, name}, endpoint.OnValueState(func(d driver, v watchNodes) driverStep {
		w, ok := d.watched.Get(name)
		if !ok {
			return actions.Next(d)
		}
		w.known = v.Nodes
		d.watched = d.watched.Set(name, w)
		return d.follow(name)
	}))
}

// follow keeps links to the nodes that may have a place with a name, and no longer to
// those that are not known any more. A link that is there stays: it tells why it ends.
func (d driver) follow(name string) driverStep {
	w, _ := d.watched.Get(name)
	t := actions.Next(d)
	var next []string
	for _, n := range w.nodes {
		l, ok := d.links.Get(home{n, name})
		if slices.Contains(w.known, n) || ok && l.session != 0 {
			next = append(next, n)
		} else {
			t = t.Then(func(d driver) driverStep { return d.changeReach(home{n, name}, -1) })
		}
	}
	for _, n := range w.known {
		if !slices.Contains(w.nodes, n) {
			next = append(next, n)
			t = t.Then(func(d driver) driverStep { return d.changeReach(home{n, name}, 1) })
		}
	}
	return t.Then(func(d driver) driverStep {
		w.nodes = next
		if w.count > 0 {
			d.watched = d.watched.Set(name, w)
		}
		return actions.Next(d)
	})
}
