package vm

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/world"
)

// State returns the state of which im is the image. A machine that goes on from
// it does what the original would have done. Decode restores the states of
// those kinds that have no Decode themselves, and may be nil if there are none.
//
// It is an error, which names the process, if something in im does not fit, or
// if the kinds are not in k, or do not give any more what the processes have.
// An image may come from anywhere: a bad one does no harm.
func (im *Image) State(k Kinds, decode func(actions.Kind, []byte) (any, error)) (State, error) {
	r := revival{im: im, kinds: k, state: func(i int, kind actions.Kind) (any, error) {
		return decoded(kind, im.Processes[i].State, decode)
	}}
	s := r.revive()
	if len(r.faults) > 0 {
		return State{}, errors.Join(r.faults...)
	}
	return s, nil
}

// decoded returns the state of a process of kind k.
func decoded(k actions.Kind, data []byte, decode func(actions.Kind, []byte) (any, error)) (state any, err error) {
	defer recovered(&err)
	switch {
	case k.Decode != nil:
		state, err = k.Decode(data)
	case decode != nil:
		state, err = decode(k, data)
	default:
		return nil, fmt.Errorf("kind %q has no Decode, and there is no other", k.Name)
	}
	if t := reflect.TypeOf(state); err == nil && t != k.State && (k.State.Kind() != reflect.Interface || t != nil && !t.Implements(k.State)) {
		err = fmt.Errorf("it is a %v, not a %v", t, k.State)
	}
	return state, err
}

// A revival makes the state of a machine from its image.
type revival struct {
	im    *Image
	kinds Kinds
	state func(i int, k actions.Kind) (any, error) // of process i

	owner   *owner
	cells   []*cell // of the processes, in their order
	parents []int   // the machine in which each is; negative for the outermost one
	routed  map[*end]bool
	opened  map[uint64]bool // the generations of devices
	faults  faults
	at      Path // of the only process, if there is only one
}

func (r *revival) fault(i int, format string, args ...any) {
	r.faults.add(r.path(i), r.im.Processes[i].Name, format, args...)
}

// path returns the path of process i.
func (r *revival) path(i int) Path {
	if r.at != nil {
		return r.at
	}
	path := make(Path, r.im.Processes[i].Depth+1)
	for at := len(path) - 1; at >= 0; at-- {
		path[at] = r.im.Processes[i].PID
		i = r.parents[i]
	}
	return path
}

// revive returns the state. It means nothing if there are faults.
func (r *revival) revive() State {
	im := r.im
	if l := im.Limits; l.Queue <= 0 || l.Steps <= 0 || l.Drain <= 0 {
		r.faults = append(r.faults, fmt.Errorf("vm: image with limits %+v", l))
		return State{}
	}
	if im.Generation > 1<<63 || im.Last > 1<<63 {
		r.faults = append(r.faults, fmt.Errorf("vm: image with generation %d and PID %d: no machine gets that far", im.Generation, im.Last))
		return State{}
	}
	r.owner, r.routed, r.opened = new(owner), map[*end]bool{}, map[uint64]bool{}
	s := State{
		root:        &space{owner: r.owner, last: im.Last},
		limits:      im.Limits,
		phase:       running,
		incarnation: im.Incarnation,
		generation:  im.Generation,
		stats:       im.Stats,
		digests:     im.Digests,
		digest:      im.Digest,
	}
	if r.processes(s.root); len(r.faults) > 0 {
		return s
	}
	// What is inside comes after what is around it, and is needed first.
	for i := len(r.cells) - 1; i >= 0; i-- {
		if r.cells[i].stateType == nestedType {
			r.routes(i)
		}
	}
	for i, c := range r.cells {
		for _, e := range c.metas() {
			if !r.routed[e] {
				r.fault(i, "endpoint %v at level %d is not known to the machine around it", e.role, e.level)
			}
		}
	}
	if len(r.faults) == 0 {
		r.tallies(s)
	}
	return s
}

// processes revives all processes, but for the endpoints of virtual machines.
func (r *revival) processes(root *space) {
	type frame struct {
		space *space
		host  int
		last  actions.PID // the one before
	}
	frames := []frame{{space: root, host: -1}}
	for i := range r.im.Processes {
		p := &r.im.Processes[i]
		if int64(p.Depth) >= int64(len(frames)) || p.Depth > maxImageDepth {
			r.faults = append(r.faults, fmt.Errorf("vm: process %d of an image (%q) is at depth %d, where there is no machine", i, p.Name, p.Depth))
			return
		}
		frames = frames[:p.Depth+1]
		in := &frames[p.Depth]
		r.parents = append(r.parents, in.host)
		if p.PID <= in.last || p.PID > in.space.last {
			r.fault(i, "its PID is not between %d and %d", in.last+1, in.space.last)
			return
		}
		in.last = p.PID
		c := r.process(i)
		r.cells = append(r.cells, c)
		in.space.cells.set(r.owner, p.PID, c)
		if c.more != nil && c.more.inner != nil {
			frames = append(frames, frame{space: c.more.inner, host: i})
		}
	}
}

// maxSeq is a bound for numbers that are counted within a process, so that no
// image has them overflow at once.
const maxSeq = 1<<32 - 1<<20

// process revives process i.
func (r *revival) process(i int) *cell {
	p := &r.im.Processes[i]
	if p.Seq > maxSeq || p.Fresh > maxSeq || p.Last > 1<<63 {
		r.fault(i, "no process gets as far as endpoint %d, name %d, PID %d", p.Seq, p.Fresh, p.Last)
	}
	c := &cell{owner: r.owner, pid: p.PID, name: p.Name, seq: p.Seq, fresh: p.Fresh}
	if p.Kind == "" {
		c.state, c.stateType = nested{}, nestedType
		c.rest().inner = &space{owner: r.owner, last: p.Last}
		if len(p.State) > 0 || len(p.Devices) > 0 || p.Fresh > 0 {
			r.fault(i, "it is a virtual machine, and has a state, devices or fresh names")
		}
		return c
	}
	kind, ok := r.kinds.byName[p.Kind]
	if !ok {
		r.fault(i, "its kind is not known: %q", p.Kind)
		return c
	}
	if p.Last != 0 {
		r.fault(i, "it is no virtual machine, and has processes inside")
	}
	c.stateType = kind.State
	state, err := r.state(i, kind)
	if err != nil {
		r.fault(i, "its state cannot be decoded: %w", err)
		return c
	}
	c.state = state
	g, err := open(kind, c.pid, state)
	if err != nil {
		r.fault(i, "%w", err)
		return c
	}
	r.endpoints(i, c, g)
	r.devices(i, c, g)
	return c
}

// devices gives c, which is process i, its devices.
func (r *revival) devices(i int, c *cell, g given) {
	last := uint64(0)
	held := map[world.Device]bool{}
	for _, d := range r.im.Processes[i].Devices {
		as := g.devices[d.Device]
		switch {
		case len(as) == 0:
			r.fault(i, "the Open of kind %q gives no device %s", r.im.Processes[i].Kind, d.Device)
		case len(as) > 1:
			r.fault(i, "the Open of kind %q gives devices that cannot be told apart: %s", r.im.Processes[i].Kind, d.Device)
		case d.Generation <= last || d.Generation > r.im.Generation || r.opened[d.Generation] || held[as[0].Device]:
			r.fault(i, "device %s is out of order: it has number %d", d.Device, d.Generation)
		default:
			last = d.Generation
			r.opened[last], held[as[0].Device] = true, true
			c.rest().holds = append(c.rest().holds, &hold{
				device:  as[0].Device,
				handler: as[0].Handler,
				address: &Address{r.path(i), as[0].Device, d.Generation},
				paused:  d.Paused,
				opening: d.Opening,
			})
		}
	}
}
