package image

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/vm"
)

// Of returns the image of s. The processes must be of the types in the set, except
// virtual machines. The function encode writes the states of types that have no
// Encode; it may be nil if there are none.
//
// Of returns an [UnregisteredError] if there are processes of other types. It also
// returns an error if the machine is not at rest or not running ([vm.State.AtRest]),
// if a state cannot be encoded, or if a process has an endpoint, a device or a
// monitor that the Open of its type does not return with the same level, name, role
// and kinds of event, and as passive. Of tries to read the image, so it can be restored if
// the codecs can read what they have written.
//
// It takes the time of a few calls of Open for each process. The machine can work
// meanwhile, because a State never changes.
func Of(s vm.State, types Types, encode func(actions.Type, any) ([]byte, error)) (*Image, error) {
	parts := s.Parts()
	if err := types.unregistered(&parts); err != nil {
		return nil, err
	}
	if err := s.AtRest(); err != nil {
		return nil, fmt.Errorf("image: the machine cannot be saved: %w", err)
	}
	im := of(&parts)
	numberAlike(im, &parts)
	r := reader{im: im, types: types,
		state: func(i int, _ actions.Type) (any, error) { return parts.Processes[i].State, nil },
		local: func(i, j int, _ actions.Type) (any, error) { return parts.Processes[i].Locals[j].Value, nil }}
	for i := range im.Processes {
		p := &im.Processes[i]
		if parts.Processes[i].Nested {
			continue
		}
		t := types.byType[parts.Processes[i].Type]
		data, err := encoded(t, parts.Processes[i].State, encode)
		if err != nil {
			r.fault(i, "its state cannot be encoded: %w", err)
		}
		p.Type, p.Version, p.State = t.Name, t.Version, data
		for j, l := range parts.Processes[i].Locals {
			if p.Locals[j].Value, err = encoded(*l.Type, l.Value, encode); err != nil {
				r.fault(i, "its local value %q cannot be encoded: %w", l.Type.Name, err)
			}
		}
	}
	again := r.read()
	for i := range again.Processes {
		if len(r.faults) > 0 {
			break
		}
		p, q := &parts.Processes[i], &again.Processes[i]
		err := differ(p, q)
		if err == nil {
			err = differTallies(p, q)
		}
		if err != nil {
			r.fault(i, "%w", err)
		}
	}
	if len(r.faults) > 0 {
		return nil, errors.Join(r.faults...)
	}
	return im, nil
}

// encoded returns the encoded state of a process of type t.
func encoded(t actions.Type, state any, encode func(actions.Type, any) ([]byte, error)) (data []byte, err error) {
	defer recovered(&err)
	switch {
	case t.Encode != nil:
		return t.Encode(state)
	case encode != nil:
		return encode(t, state)
	default:
		return nil, fmt.Errorf("type %q has no Encode, and the caller of Of gives no function encode", t.Name)
	}
}

// recovered turns a panic in a function of the program into an error.
func recovered(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("panic: %v", r)
	}
}

// of returns the image of a machine, without the types and the states of its
// processes.
func of(parts *vm.Parts) *Image {
	im := &Image{
		Limits: parts.Limits, Stats: parts.Stats, Digests: parts.Digests, Digest: parts.Digest,
		Incarnation: parts.Incarnation, Generation: parts.Generation, Last: parts.Last,
	}
	for i := range parts.Processes {
		im.Processes = append(im.Processes, process(&parts.Processes[i]))
	}
	return im
}

func process(c *vm.ProcessParts) Process {
	p := Process{Depth: c.Depth, PID: c.PID, Name: c.Name, Last: c.Last, Seq: c.Seq, Fresh: c.Fresh}
	for _, e := range c.Endpoints {
		d := Endpoint{
			Seq: e.Seq, Level: e.Level, Anonymous: e.Anonymous, Inner: e.Inner, InnerSeq: e.InnerSeq,
			Role: roleText(e.Role), Counts: demand(e.Handler) != nil,
		}
		if e.ID != nil {
			d.ID = idText(e.ID)
		}
		for _, t := range e.Tallies {
			d.Tallies = append(d.Tallies, Tally{Conversation: masked(t.Conversation.Canonical()), Peers: t.Peers})
		}
		slices.SortStableFunc(d.Tallies, func(a, b Tally) int { return cmp.Compare(a.Conversation, b.Conversation) })
		p.Endpoints = append(p.Endpoints, d)
	}
	for _, l := range c.Locals {
		p.Locals = append(p.Locals, Local{Name: l.Type.Name, Level: l.Level})
	}
	for _, h := range c.Devices {
		p.Devices = append(p.Devices, Device{h.Device.DeviceName(), h.Generation, h.Paused, h.Opening})
	}
	for _, m := range c.Monitors {
		p.Monitors = append(p.Monitors, m.PID)
	}
	return p
}

// demand returns how a handler counts peers, or nil.
func demand(h *actions.Handler) *actions.Demand {
	if h == nil {
		return nil
	}
	return h.Demand
}
