package vm

import (
	"errors"
	"fmt"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/world"
)

// Check reports what the processes of s have that the Open of their kinds does
// not give, all of it. Processes of kinds that are not in k are not looked at.
// It is for tests of kinds: see [State.Image] for what else is asked of a
// machine.
func (s State) Check(k Kinds) error {
	if s.root == nil {
		return nil
	}
	im, cells := s.portrait()
	var all faults
	for i, a := range cells {
		kind, ok := k.byType[a.c.stateType]
		if !ok {
			continue
		}
		// Each process is looked at by itself, as if nobody else were there.
		p := im.Processes[i]
		p.Kind = kind.Name
		r := revival{im: &Image{Generation: im.Generation, Processes: []ProcessImage{p}}, kinds: k, parents: []int{-1}}
		r.state = func(int, actions.Kind) (any, error) { return a.c.state, nil }
		r.opened = map[uint64]bool{}
		r.at = a.path()
		revived := r.process(0)
		all = append(all, r.faults...)
		if err := differ(a.c, revived); err != nil && len(r.faults) == 0 {
			all.add(r.at, p.Name, "%w", err)
		}
	}
	return errors.Join(all...)
}

// differ reports how two cells differ that have images with the same texts, but
// for what they count.
func differ(c, d *cell) error {
	if len(c.ends) != len(d.ends) || len(c.metas()) != len(d.metas()) || len(c.holds()) != len(d.holds()) {
		return errors.New("some of its endpoints or devices are not in its image")
	}
	for i, e := range c.ends {
		if err := differEnds(e, d.ends[i]); err != nil {
			return err
		}
	}
	for i, e := range c.metas() {
		if err := differEnds(e, d.metas()[i]); err != nil {
			return err
		}
	}
	for i, h := range c.holds() {
		// A device is what its name says, though there may be a pointer in it.
		if shapeOf(d.holds()[i].handler) != shapeOf(h.handler) {
			return fmt.Errorf("the Open of its kind gives device %s a handler for other kinds of event", h.device.DeviceName())
		}
	}
	return nil
}

func differEnds(e, f *end) error {
	switch {
	case e.level != f.level || e.seq != f.seq:
		return fmt.Errorf("endpoint %v is out of order", e.id)
	case !sameID(e.id, f.id):
		return fmt.Errorf("the Open of its kind gives another name for %v that looks the same", e.id)
	case !e.role.Equal(f.role):
		return fmt.Errorf("the Open of its kind gives endpoint %v another role that looks the same: %v", e.id, e.role)
	case shapeOf(e.handler) != shapeOf(f.handler):
		return fmt.Errorf("the Open of its kind gives endpoint %v (%v) a handler for other kinds of event, or that counts its demand otherwise", e.id, e.role)
	}
	return nil
}

// sameID reports whether two names with the same text are the same, as far as
// can be said of a name that is a device.
func sameID(a, b actions.EndpointID) bool {
	_, device := a.(world.Device)
	_, both := b.(world.Device)
	return a == b || device && both
}

func differTallies(c, d map[uint32][]tally) error {
	for seq, ts := range c {
		for _, t := range ts {
			same := 0
			for _, u := range d[seq] {
				if u.conversation.Equivalent(t.conversation) && u.peers == t.peers {
					same++
				}
			}
			if same != 1 {
				return fmt.Errorf("endpoint number %d counts %d peers for %v, which shows in nobody who is there", seq, t.peers, t.conversation)
			}
		}
	}
	return nil
}

// A shape is what can be told of a handler from outside.
type shape struct {
	none, counts bool
	kinds        actions.KindSet
	demand       actions.Demand
}

func shapeOf(h *actions.Handler) shape {
	if h == nil {
		return shape{none: true}
	}
	s := shape{kinds: h.Kinds, counts: h.Demand != nil}
	if s.counts {
		s.demand = *h.Demand
	}
	return s
}
