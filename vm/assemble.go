package vm

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/benbjohnson/immutable"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/world"
)

// State puts the parts together. A machine that goes on from the state does what
// the original would have done. Parts may come from an untrusted source: State returns
// an error if they do not fit together, which names the processes.
func (p *Parts) State() (State, error) {
	if l := p.Limits; l.Queue <= 0 || l.Steps <= 0 || l.Drain <= 0 {
		return State{}, fmt.Errorf("vm: parts with limits %+v: each must be positive", l)
	}
	if p.Generation > 1<<63 || p.Last > 1<<63 {
		return State{}, fmt.Errorf("vm: parts with generation %d and PID %d: one is too large to be true", p.Generation, p.Last)
	}
	a := assembly{parts: p, owner: new(owner), routed: map[*endpoint]bool{}, opened: map[uint64]bool{}}
	root := &space{owner: a.owner, last: p.Last}
	if a.processes(root); len(a.faults) == 0 {
		a.routes()
		a.monitors(root)
	}
	if len(a.faults) > 0 {
		return State{}, errors.Join(a.faults...)
	}
	return State{
		root:        root,
		limits:      p.Limits,
		phase:       running,
		incarnation: p.Incarnation,
		generation:  p.Generation,
		stats:       p.Stats,
		digests:     p.Digests,
		digest:      p.Digest,
	}, nil
}

// An assembly puts parts together.
type assembly struct {
	parts  *Parts
	owner  *owner
	cells  []*cell // of the processes, in their order
	routed map[*endpoint]bool
	opened map[uint64]bool // the generations of devices
	faults faults
}

func (a *assembly) fault(i int, format string, args ...any) {
	a.faults.add(a.parts.Path(i), a.parts.Processes[i].Name, format, args...)
}

// processes makes the cells of all processes, without the endpoints of virtual
// machines.
func (a *assembly) processes(root *space) {
	type frame struct {
		space *space
		path  Path
		last  actions.PID // the one before
	}
	frames := []frame{{space: root}}
	for i := range a.parts.Processes {
		p := &a.parts.Processes[i]
		if int64(p.Depth) >= int64(len(frames)) || p.Depth > maxDepth {
			a.faults = append(a.faults, fmt.Errorf("vm: process %d of the parts (%q) is at depth %d, and no virtual machine comes before it at depth %d", i, p.Name, p.Depth, int64(p.Depth)-1))
			return
		}
		frames = frames[:p.Depth+1]
		in := &frames[p.Depth]
		if p.PID <= in.last || p.PID > in.space.last {
			a.fault(i, "its PID is not between %d and %d", in.last+1, in.space.last)
			return
		}
		in.last = p.PID
		path := append(slices.Clip(in.path), p.PID)
		c := a.cell(i, path)
		a.cells = append(a.cells, c)
		in.space.cells.set(a.owner, p.PID, c)
		if p.Nested {
			frames = append(frames, frame{space: c.extras.inner, path: path})
		}
	}
}

// maxSeq bounds the counters of a process in parts, so that they do not overflow
// soon.
const maxSeq = 1<<32 - 1<<20

// cell makes the cell of process i.
func (a *assembly) cell(i int, path Path) *cell {
	p := &a.parts.Processes[i]
	if p.Seq > maxSeq || p.Fresh > maxSeq || p.Last > 1<<63 {
		a.fault(i, "endpoint number %d, fresh name %d or PID %d is too large to be true", p.Seq, p.Fresh, p.Last)
	}
	c := &cell{owner: a.owner, pid: p.PID, name: p.Name, seq: p.Seq, fresh: p.Fresh, state: p.State, stateType: p.Type}
	if p.Nested {
		c.state, c.stateType = nested{}, nestedType
		c.ensureExtras().inner = &space{owner: a.owner, last: p.Last}
		if p.State != nil || p.Type != nil || len(p.Devices) > 0 || p.Fresh > 0 || len(p.Monitors) > 0 {
			a.fault(i, "it is a virtual machine, but has a state, devices, monitors or fresh names")
		}
		return c
	}
	if p.Last != 0 {
		a.fault(i, "it is no virtual machine, but has a last PID inside: %d", p.Last)
	}
	if t := reflect.TypeOf(p.State); p.Type == nil || p.Type == nestedType || t != p.Type && (p.Type.Kind() != reflect.Interface || t != nil && !t.Implements(p.Type)) {
		a.fault(i, "its state is a %v, but its type of state is %v", t, p.Type)
		return c
	}
	a.endpoints(i, c, func(d *EndpointParts) (*endpoint, error) {
		switch {
		case d.Inner != 0 || d.InnerSeq != 0:
			return nil, errors.New("is of a process inside, but the process is no virtual machine")
		case d.ID != nil && !reflect.ValueOf(d.ID).Comparable():
			return nil, fmt.Errorf("has a name that cannot be compared, a %T", d.ID)
		case (d.ID == nil) != (d.Anonymous > 0) || d.Anonymous > d.Seq || d.Level == 0 && d.Anonymous != 0 && d.Anonymous != d.Seq:
			return nil, fmt.Errorf("has a wrong number for an endpoint without a name: %d", d.Anonymous)
		}
		id := d.ID
		if id == nil {
			id = anonymous(d.Anonymous)
		}
		return a.endpoint(d, id)
	})
	a.devices(i, c, path)
	a.locals(i, c)
	return c
}

// locals gives c, which is process i, its local values.
func (a *assembly) locals(i int, c *cell) {
	p := &a.parts.Processes[i]
	for _, l := range p.Locals {
		switch {
		case l.Type == nil || l.Level > p.Depth || reflect.TypeOf(l.Value) != l.Type.State:
			a.fault(i, "a local value at level %d is a %T", l.Level, l.Value)
			return
		}
		at, found := c.local(l.Level, l.Type)
		if found || at != len(c.locals()) {
			a.fault(i, "local value %q at level %d is out of order", l.Type.Name, l.Level)
			return
		}
		c.ensureExtras().locals = append(c.ensureExtras().locals, local{l.Level, l.Type, l.Value})
	}
}

// endpoint makes an endpoint.
func (a *assembly) endpoint(d *EndpointParts, id actions.EndpointID) (*endpoint, error) {
	if !d.Role.Topic.Valid() || d.Role.Orientation > 1 || d.Role.Interest > 2 {
		return nil, fmt.Errorf("has role %v", d.Role)
	}
	e := newEndpoint(actions.AddEndpoint{ID: id, Role: d.Role, Handler: d.Handler, Passive: d.Passive}, d.Seq)
	e.level = d.Level
	return e, nil
}

// routes gives virtual machines the endpoints that they have for processes inside. It
// goes from the last process to the first, because the endpoints of the processes
// inside, which come after the machine, must exist before.
func (a *assembly) routes() {
	for i := len(a.cells) - 1; i >= 0; i-- {
		if !a.parts.Processes[i].Nested {
			continue
		}
		inner := a.cells[i].extras.inner
		a.endpoints(i, a.cells[i], func(d *EndpointParts) (*endpoint, error) {
			var within *endpoint
			if c := inner.cells.get(d.Inner); c != nil {
				ends := c.metas()
				at, ok := slices.BinarySearchFunc(ends, d.InnerSeq, func(e *endpoint, seq uint32) int { return cmp.Compare(e.seq, seq) })
				if ok && ends[at].level == d.Level+1 {
					within = ends[at]
				}
			}
			switch {
			case within == nil || d.ID != nil || d.Anonymous != 0 || d.Handler != nil || len(d.Tallies) > 0:
				return nil, errors.New("is not one that a process inside has at a meta-level")
			case a.routed[within]:
				return nil, errors.New("is there twice")
			case !within.role.Equal(d.Role):
				return nil, fmt.Errorf("has another role inside: %v", within.role)
			}
			a.routed[within] = true
			return a.endpoint(d, metaID{d.Inner, within.level, within.id})
		})
	}
	for i, c := range a.cells {
		for _, e := range c.metas() {
			if !a.routed[e] {
				a.fault(i, "endpoint %v at level %d has none in the machine around it", e.role, e.level)
			}
		}
	}
}

// endpoints gives c, which is process i, the endpoints that make returns for its
// parts.
func (a *assembly) endpoints(i int, c *cell, make func(*EndpointParts) (*endpoint, error)) {
	p := &a.parts.Processes[i]
	type name struct {
		level uint32
		id    actions.EndpointID
	}
	names := map[name]bool{}
	last := uint32(0)
	for j := range p.Endpoints {
		d := &p.Endpoints[j]
		if d.Seq <= last || d.Seq > p.Seq || d.Level > p.Depth {
			a.fault(i, "endpoint %s is out of order: it has number %d", d.label(), d.Seq)
			return
		}
		last = d.Seq
		e, err := make(d)
		if err == nil && names[name{e.level, e.id}] {
			err = errors.New("is there twice")
		}
		if err == nil {
			names[name{e.level, e.id}] = true
			err = c.tallies(e, d.Tallies)
		}
		switch {
		case err != nil:
			a.fault(i, "endpoint %s %w", d.label(), err)
		case e.level == 0:
			c.endpoints = append(c.endpoints, e)
		default:
			c.ensureExtras().metas = append(c.ensureExtras().metas, e)
		}
	}
}

// label describes d for people.
func (d *EndpointParts) label() string {
	var s string
	switch {
	case d.Inner > 0:
		s = fmt.Sprintf("of process %d inside", d.Inner)
	case d.Anonymous > 0:
		s = "without a name"
	default:
		s = fmt.Sprint(d.ID)
	}
	if d.Level > 0 {
		s += fmt.Sprintf(" at level %d", d.Level)
	}
	return s + " (" + d.Role.String() + ")"
}

// tallies gives c the tallies of endpoint e.
func (c *cell) tallies(e *endpoint, ts []TallyParts) error {
	if len(ts) == 0 {
		return nil
	}
	if e.handler == nil || e.handler.Demand == nil {
		return errors.New("counts peers, but its handler has no Demand")
	}
	keys := immutable.NewSortedMap[string, tallied](nil)
	for _, t := range ts {
		if t.Peers <= 0 || !t.Conversation.Valid() {
			return fmt.Errorf("counts %d peers for %v", t.Peers, t.Conversation)
		}
		text := t.Conversation.Canonical()
		alike, _ := keys.Get(text)
		_, n, twice := alike.find(t.Conversation)
		if twice {
			return fmt.Errorf("counts peers for %v twice", t.Conversation)
		}
		keys = keys.Set(text, alike.with(n, tally{t.Conversation, t.Peers}))
	}
	c.ensureExtras().tallies = append(c.ensureExtras().tallies, tallies{e.level, e.seq, keys})
	return nil
}

// devices gives c, which is process i, its devices.
func (a *assembly) devices(i int, c *cell, path Path) {
	last := uint64(0)
	held := map[world.Device]bool{}
	for _, d := range a.parts.Processes[i].Devices {
		switch {
		case d.Device == nil || !reflect.ValueOf(d.Device).Comparable():
			a.fault(i, "%T is no device: it is nil, or cannot be compared", d.Device)
		case d.Generation <= last || d.Generation > a.parts.Generation || a.opened[d.Generation] || held[d.Device]:
			a.fault(i, "device %s is out of order: it has number %d", d.Device.DeviceName(), d.Generation)
		default:
			last = d.Generation
			a.opened[last], held[d.Device] = true, true
			c.ensureExtras().holds = append(c.ensureExtras().holds, &hold{
				device:  d.Device,
				handler: d.Handler,
				address: &Address{path, d.Device, d.Generation},
				paused:  d.Paused,
				opening: d.Opening,
			})
		}
	}
}

// monitors gives the processes their monitors. Those that are monitored must exist
// before.
func (a *assembly) monitors(root *space) {
	spaces := []*space{root}
	for i, c := range a.cells {
		p := &a.parts.Processes[i]
		spaces = spaces[:p.Depth+1]
		last := actions.PID(0)
		for _, m := range p.Monitors {
			if m.PID <= last || m.PID == p.PID || spaces[p.Depth].cells.get(m.PID) == nil {
				a.fault(i, "it monitors process %d, which is out of order, itself, or does not exist", m.PID)
				break
			}
			last = m.PID
			c.ensureExtras().monitors = append(c.ensureExtras().monitors, monitor{m.PID, m.Handler, m.Binds})
		}
		if p.Nested {
			spaces = append(spaces, c.extras.inner)
		}
	}
}
