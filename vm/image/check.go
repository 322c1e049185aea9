package image

import (
	"errors"
	"fmt"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// Check returns an error if a process of s has an endpoint, a device or a monitor that
// the Open of its type does not return. The error names all of them. Check ignores processes
// of types that are not in the set. It is for tests of types; [Of] has more
// conditions.
func Check(s vm.State, types Types) error {
	parts := s.Parts()
	im := of(&parts)
	var all []error
	for i := range parts.Processes {
		p := &parts.Processes[i]
		t, ok := types.byType[p.Type]
		if !ok {
			continue
		}
		im.Processes[i].Type = t.Name
		r := reader{im: im, types: types,
			state: func(int, actions.Type) (any, error) { return p.State, nil },
			local: func(_, j int, _ actions.Type) (any, error) { return p.Locals[j].Value, nil }}
		r.parts.Processes = make([]vm.ProcessParts, len(im.Processes))
		r.process(i)
		if err := differ(p, &r.parts.Processes[i]); err != nil && len(r.faults) == 0 {
			r.fault(i, "%w", err)
		}
		all = append(all, r.faults...)
	}
	return errors.Join(all...)
}

// differ returns an error if two processes differ whose images have the same texts.
// It does not compare tallies.
func differ(p, q *vm.ProcessParts) error {
	if len(p.Endpoints) != len(q.Endpoints) || len(p.Devices) != len(q.Devices) || len(p.Monitors) != len(q.Monitors) {
		return errors.New("some of its endpoints, devices or monitors are not in its image")
	}
	for i, e := range p.Endpoints {
		if err := differEndpoints(&e, &q.Endpoints[i]); err != nil {
			return err
		}
	}
	for i, h := range p.Devices {
		// Devices with the same name count as equal, because they may contain pointers.
		if shapeOf(q.Devices[i].Handler) != shapeOf(h.Handler) {
			return fmt.Errorf("the Open of its type gives device %s a handler for other kinds of event", h.Device.DeviceName())
		}
	}
	for i, m := range p.Monitors {
		if q.Monitors[i].Binds != m.Binds {
			return fmt.Errorf("the Open of its type gives a monitor of process %d that binds it: %v", m.PID, !m.Binds)
		}
		if q.Monitors[i].PID != m.PID || shapeOf(q.Monitors[i].Handler) != shapeOf(m.Handler) {
			return fmt.Errorf("the Open of its type gives the monitor of process %d a handler for other kinds of event", m.PID)
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
	case e.Passive != f.Passive:
		return fmt.Errorf("the Open of its type gives endpoint %v (%v) that is passive: %v, and it is: %v", e.ID, e.Role, f.Passive, e.Passive)
	case shapeOf(e.Handler) != shapeOf(f.Handler):
		return fmt.Errorf("the Open of its type gives endpoint %v (%v) a handler for other kinds of event, or that counts its demand otherwise", e.ID, e.Role)
	}
	return nil
}

// sameID reports whether two names with the same text are the same. Names that are
// devices count as equal, because they may contain pointers.
func sameID(a, b actions.EndpointID) bool {
	_, device := a.(world.Device)
	_, both := b.(world.Device)
	return a == b || device && both
}

// differTallies returns an error if the tallies of two processes differ. Their
// endpoints are the same.
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
				return fmt.Errorf("endpoint number %d counts %d peers for %v, but no endpoint in the machine has this conversation with it", e.Seq, t.Peers, t.Conversation)
			}
		}
	}
	return nil
}

// A shape is what two handlers can be compared by.
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
