package image

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/vm"
)

// State returns the state of which im is the image. A machine that goes on from
// it does what the original would have done. The function decode reads the states of
// types that have no Decode; it may be nil if there are none.
//
// State returns an error, which names the processes, if im contradicts itself, if a
// type is not in the set, or if the Open of a type no longer returns what a process
// has. An image may come from an untrusted source.
func (im *Image) State(types Types, decode func(actions.Type, []byte) (any, error)) (vm.State, error) {
	r := reader{im: im, types: types, state: func(i int, t actions.Type) (any, error) {
		return upToDate(t, im.Processes[i].Version, im.Processes[i].State, decode)
	}, local: func(i, j int, t actions.Type) (any, error) {
		return decoded(t, im.Processes[i].Locals[j].Value, decode)
	}}
	parts := r.read()
	if len(r.faults) > 0 {
		return vm.State{}, errors.Join(r.faults...)
	}
	return parts.State()
}

// upToDate returns the state of a process of type t that was saved under a version of the type.
func upToDate(t actions.Type, version uint64, data []byte, decode func(actions.Type, []byte) (any, error)) (state any, err error) {
	defer recovered(&err)
	if version == t.Version {
		return decoded(t, data, decode)
	}
	oldest := t.Version - uint64(len(t.Former))
	switch {
	case version > t.Version:
		return nil, fmt.Errorf("it is of version %d, and this program knows versions up to %d of type %q", version, t.Version, t.Name)
	case version < oldest:
		return nil, fmt.Errorf("it is of version %d, and this program brings states of type %q up to date from version %d on, to version %d: see actions.Versions", version, t.Name, oldest, t.Version)
	}
	for i, f := range t.Former[version-oldest:] {
		if i == 0 {
			if state, err = decoded(actions.Type{Name: t.Name, State: f.State, Decode: f.Decode}, data, decode); err != nil {
				return nil, fmt.Errorf("it is of version %d: %w", f.Version, err)
			}
		}
		if state, err = f.Upgrade(state); err != nil {
			return nil, fmt.Errorf("it cannot be brought up to version %d: %w", f.Version+1, err)
		}
	}
	return state, nil
}

// decoded returns the state of a process of type t.
func decoded(t actions.Type, data []byte, decode func(actions.Type, []byte) (any, error)) (state any, err error) {
	defer recovered(&err)
	switch {
	case t.Decode != nil:
		state, err = t.Decode(data)
	case decode != nil:
		state, err = decode(t, data)
	default:
		return nil, fmt.Errorf("type %q has no Decode, and the caller of State gives no function decode", t.Name)
	}
	if got := reflect.TypeOf(state); err == nil && got != t.State && (t.State.Kind() != reflect.Interface || got != nil && !got.Implements(t.State)) {
		err = fmt.Errorf("it is a %v, not a %v", got, t.State)
	}
	return state, err
}

// A reader makes the parts of a machine from its image.
type reader struct {
	im     *Image
	types  Types
	state  func(i int, t actions.Type) (any, error)    // of process i
	local  func(i, j int, t actions.Type) (any, error) // local value j of process i
	parts  vm.Parts
	faults []error
}

func (r *reader) fault(i int, format string, args ...any) {
	p := &r.im.Processes[i]
	r.faults = append(r.faults, fmt.Errorf("image: process %s: %w", vm.Label(r.path(i), p.Name), fmt.Errorf(format, args...)))
}

// path returns the path of process i.
func (r *reader) path(i int) vm.Path {
	shape := vm.Parts{Processes: make([]vm.ProcessParts, i+1)}
	for j := range shape.Processes {
		shape.Processes[j].Depth, shape.Processes[j].PID = r.im.Processes[j].Depth, r.im.Processes[j].PID
	}
	return shape.Path(i)
}

// read returns the parts. They are valid only if there are no faults.
func (r *reader) read() *vm.Parts {
	im := r.im
	r.parts = vm.Parts{
		Limits: im.Limits, Stats: im.Stats, Digests: im.Digests, Digest: im.Digest,
		Incarnation: im.Incarnation, Generation: im.Generation, Last: im.Last,
		Processes: make([]vm.ProcessParts, len(im.Processes)),
	}
	for i := range im.Processes {
		r.process(i)
	}
	if len(r.faults) == 0 {
		r.routes()
	}
	if len(r.faults) == 0 {
		r.tallies()
	}
	return &r.parts
}

// process reads process i, without the roles of the endpoints of a virtual machine
// and without tallies.
func (r *reader) process(i int) {
	p := &r.im.Processes[i]
	c := &r.parts.Processes[i]
	*c = vm.ProcessParts{Depth: p.Depth, PID: p.PID, Name: p.Name, Nested: p.Type == "", Last: p.Last, Seq: p.Seq, Fresh: p.Fresh}
	if c.Nested {
		if len(p.State) > 0 || len(p.Devices) > 0 || p.Fresh > 0 || len(p.Monitors) > 0 || p.Version > 0 {
			r.fault(i, "it is a virtual machine, but has a state, a version, devices, monitors or fresh names")
		}
		return
	}
	t, ok := r.types.byName[p.Type]
	if !ok {
		r.fault(i, "the program has no process type %q", p.Type)
		return
	}
	c.Type = t.State
	state, err := r.state(i, t)
	if err != nil {
		r.fault(i, "its state, of type %q, cannot be decoded: %w", t.Name, err)
		return
	}
	c.State = state
	g, err := open(t, state)
	if err != nil {
		r.fault(i, "%w", err)
		return
	}
	if c.Locals, err = r.locals(i, t, &g); err != nil {
		r.fault(i, "%w", err)
		return
	}
	for j := range p.Endpoints {
		d := &p.Endpoints[j]
		e, err := endpointOf(t, d, g)
		if err != nil {
			r.fault(i, "endpoint %s: %w", d.label(), err)
		}
		c.Endpoints = append(c.Endpoints, e)
	}
	for _, d := range p.Devices {
		switch as := g.devices[d.Device]; len(as) {
		case 0:
			r.fault(i, "the Open of type %q gives no device %s", p.Type, d.Device)
		case 1:
			c.Devices = append(c.Devices, vm.DeviceParts{Device: as[0].Device, Handler: as[0].Handler, Generation: d.Generation, Paused: d.Paused, Opening: d.Opening})
		default:
			r.fault(i, "the Open of type %q gives devices that cannot be told apart: %s", p.Type, d.Device)
		}
	}
	for _, pid := range p.Monitors {
		m, ok := g.monitors[pid]
		if !ok {
			r.fault(i, "the Open of type %q gives no monitor of process %d", p.Type, pid)
		}
		c.Monitors = append(c.Monitors, vm.MonitorParts{PID: pid, Handler: m.Handler, Binds: m.Binds})
	}
}

// locals reads the local values of process i, which is of type t, and adds their
// endpoints to those that the process can have.
func (r *reader) locals(i int, t actions.Type, g *opened) (all []vm.LocalParts, err error) {
	defer recovered(&err)
	for j, l := range r.im.Processes[i].Locals {
		typ, ok := actions.LocalNamed(l.Name)
		if !ok {
			return nil, fmt.Errorf("it has a local value of a kind that the program does not know: %q", l.Name)
		}
		value, err := r.local(i, j, *typ)
		if err != nil {
			return nil, fmt.Errorf("its local value %q cannot be decoded: %w", l.Name, err)
		}
		if l.Level > maxLevel || reflect.ValueOf(value).IsNil() {
			return nil, fmt.Errorf("its local value %q is nil, or at too high a level: %d", l.Name, l.Level)
		}
		if err := g.take(t, l.Level, typ.Open(value)); err != nil {
			return nil, fmt.Errorf("local value %q opens %w", l.Name, err)
		}
		all = append(all, vm.LocalParts{Type: typ, Level: l.Level, Value: value})
	}
	return all, nil
}

// endpointOf reads an endpoint of a process of type t. It is one of those that the
// Open of t returns.
func endpointOf(t actions.Type, d *Endpoint, g opened) (e vm.EndpointParts, err error) {
	if d.Inner != 0 || d.InnerSeq != 0 {
		return e, errors.New("is of a process inside, but the process is no virtual machine")
	}
	a, err := g.find(d)
	switch {
	case err != nil:
		return e, fmt.Errorf("the Open of type %q %w", t.Name, err)
	case roleText(a.Role) != d.Role:
		return e, fmt.Errorf("the Open of type %q gives it another role: %v", t.Name, a.Role)
	}
	if counts := demand(a.Handler) != nil; counts != d.Counts || !counts && len(d.Tallies) > 0 {
		return e, fmt.Errorf("the Open of type %q gives it a handler with a Demand: %v; in the image: %v, with %d tallies", t.Name, counts, d.Counts, len(d.Tallies))
	}
	return vm.EndpointParts{Seq: d.Seq, Level: d.Level, ID: a.ID, Anonymous: d.Anonymous, Role: a.Role, Handler: a.Handler, Passive: a.Passive}, nil
}

// routes reads the endpoints that virtual machines have for processes inside. Their
// roles are those of the endpoints inside. These come later in the image, so routes
// goes from the last process to the first.
func (r *reader) routes() {
	for i := len(r.im.Processes) - 1; i >= 0; i-- {
		c := &r.parts.Processes[i]
		if !c.Nested {
			continue
		}
		within := r.within(i)
		for j := range r.im.Processes[i].Endpoints {
			d := &r.im.Processes[i].Endpoints[j]
			e := vm.EndpointParts{Seq: d.Seq, Level: d.Level, Anonymous: d.Anonymous, Inner: d.Inner, InnerSeq: d.InnerSeq}
			inside := within[route{d.Inner, d.InnerSeq}]
			switch {
			case inside == nil || d.ID != "" || d.Counts || len(d.Tallies) > 0:
				r.fault(i, "endpoint %s: is not one that a process inside has at a meta-level", d.label())
			case roleText(inside.Role) != d.Role:
				r.fault(i, "endpoint %s: has another role inside: %v", d.label(), inside.Role)
			default:
				e.Role = inside.Role
			}
			c.Endpoints = append(c.Endpoints, e)
		}
	}
}

// A route names an endpoint of a process in a virtual machine.
type route struct {
	pid actions.PID
	seq uint32
}

// within returns the endpoints of the processes in virtual machine i.
func (r *reader) within(i int) map[route]*vm.EndpointParts {
	all := map[route]*vm.EndpointParts{}
	depth := r.parts.Processes[i].Depth
	for j := i + 1; j < len(r.parts.Processes) && r.parts.Processes[j].Depth > depth; j++ {
		if c := &r.parts.Processes[j]; c.Depth == depth+1 {
			for n := range c.Endpoints {
				all[route{c.PID, c.Endpoints[n].Seq}] = &c.Endpoints[n]
			}
		}
	}
	return all
}
