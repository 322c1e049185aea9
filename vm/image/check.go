package image

import (
	"errors"
	"fmt"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// Check reports all that the processes of s have and the Open of their types does
// not give. It leaves out processes of types that are not in k. It is for tests of
// types: see [Of] for what else is asked of a machine.
func Check(s vm.State, k Types) error {
	parts := s.Parts()
	im := of(&parts)
	var all []error
	for i := range parts.Processes {
		p := &parts.Processes[i]
		t, ok := k.byType[p.Type]
		if !ok {
			continue
		}
		im.Processes[i].Type = t.Name
		r := reader{im: im, types: k, state: func(int, actions.Type) (any, error) { return p.State, nil }}
		r.parts.Processes = make([]vm.ProcessParts, len(im.Processes))
		r.process(i)
		if err := differ(p, &r.parts.Processes[i]); err != nil && len(r.faults) == 0 {
			r.fault(i, "%w", err)
		}
		all = append(all, r.faults...)
	}
	return errors.Join(all...)
}

// differ reports how two processes differ that have images with the same texts,
// without what they count.
func differ(p, q *vm.ProcessParts) error {
	if len(p.Endpoints) != len(q.Endpoints) || len(p.Devices) != len(q.Devices) {
		return errors.New("some of its endpoints or devices are not in its image")
	}
	for i, e := range p.Endpoints {
		if err := differEndpoints(&e, &q.Endpoints[i]); err != nil {
			return err
		}
	}
	for i, h := range p.Devices {
		// A device is what its name says, though there may be a pointer in it.
		if shapeOf(q.Devices[i].Handler) != shapeOf(h.Handler) {
			return fmt.Errorf("the Open of its type gives device %s a handler for other kinds of event", h.Device.DeviceName())
		}
	}
	return nil
}

func differEndpoints(e, f *vm.EndpointParts) error {
	switch {
	case e.Level != f.Level || e.Seq != f.Seq || e.Inner != f.Inner || e.InnerSeq != f.InnerSeq:
		return fmt.Errorf("endpoint %v is out of order", e.ID)
	case !sameID(e.ID, f.ID):
		return fmt.Errorf("the Open of its type gives another name for %v that looks the same", e.ID)
	case !e.Role.Equal(f.Role):
		return fmt.Errorf("the Open of its type gives endpoint %v another role that looks the same: %v", e.ID, e.Role)
	case shapeOf(e.Handler) != shapeOf(f.Handler):
		return fmt.Errorf("the Open of its type gives endpoint %v (%v) a handler for other kinds of event, or that counts its demand otherwise", e.ID, e.Role)
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

// differTallies reports how what two processes count differs. Their endpoints are
// the same.
func differTallies(p, q *vm.ProcessParts) error {
	for i, e := range p.Endpoints {
		for _, t := range e.Tallies {
			same := 0
			for _, u := range q.Endpoints[i].Tallies {
				if u.Conversation.Equivalent(t.Conversation) && u.Peers == t.Peers {
					same++
				}
			}
			if same != 1 {
				return fmt.Errorf("endpoint number %d counts %d peers for %v, which shows in nobody who is there", e.Seq, t.Peers, t.Conversation)
			}
		}
	}
	return nil
}

// A shape is what can be told of a handler from outside.
type shape struct {
	none, counts bool
	types        actions.EventSet
	demand       actions.Demand
}

func shapeOf(h *actions.Handler) shape {
	if h == nil {
		return shape{none: true}
	}
	s := shape{types: h.Events, counts: h.Demand != nil}
	if s.counts {
		s.demand = *h.Demand
	}
	return s
}
