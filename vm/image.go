package vm

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/go-marketplace/marketplace/actions"
)

// An Image is a machine at rest, written down: plain data from which, with the
// kinds of its processes, the machine can be made anew. It is exactly what the
// machine was: PIDs, names and numbers go on from where they were.
//
// Handlers, roles, names and devices are not in it. They come from
// [actions.Kind].Open; their texts are here, so that they can be found, and
// compared with what they were. In the texts of what contains pointers, the
// addresses are left out.
type Image struct {
	Limits      Limits
	Stats       Stats
	Digests     bool        // there is a digest, see Config.Digest
	Digest      Digest      // of what has happened so far
	Incarnation uint64      // of the last Start
	Generation  uint64      // of the device opened last
	Last        actions.PID // given out last in the outermost machine

	// Processes are those at all depths, in the order of their paths: a virtual
	// machine comes right before what lives in it.
	Processes []ProcessImage
}

// A ProcessImage is a process of an [Image].
type ProcessImage struct {
	Depth uint32 // how many machines are around the one in which it lives
	PID   actions.PID
	Name  string      // for people
	Kind  string      // empty for a virtual machine
	State []byte      // as it was encoded; empty for a virtual machine
	Last  actions.PID // given out last by a virtual machine inside; zero for others
	Seq   uint32      // of the endpoint created last
	Fresh uint32      // the last fresh name given out

	Endpoints []EndpointImage // in the order of their creation
	Devices   []DeviceImage   // in the order of their opening
}

// An EndpointImage is an endpoint of an [Image]. It has a name, or else a
// number, or else it is one that a virtual machine has for a process inside.
type EndpointImage struct {
	Seq       uint32      // in the order of creation, within the process
	Level     uint32      // at which it is: 0 where the process lives
	ID        string      // the text of its name
	Anonymous uint32      // the number by which it goes if it has no name; zero if it has one
	Inner     actions.PID // the process inside whose endpoint it is; zero if it is of the process itself
	InnerSeq  uint32      // and the Seq of the endpoint there
	Role      string      // the text of its role
	Counts    bool        // it counts its demand
	Tallies   []TallyImage
}

// A TallyImage is a demand that an endpoint has been told of, see
// [actions.Demand].
type TallyImage struct {
	Conversation string // the text of its topic
	Peers        int    // more than none

	// Alike tells conversations with one text apart. They have numbers from 0, in
	// the order in which the endpoint would hear of them if it came now: those with
	// its own process first, then by PID and by creation. A conversation has a number
	// even if its peers are not counted.
	Alike int
}

// A DeviceImage is an open device of an [Image].
type DeviceImage struct {
	Device     string // its DeviceName
	Generation uint64 // the number of its opening
	Paused     bool
	Opening    bool // its opening value has not come yet, not even in an earlier incarnation
}

// Image writes s down. The processes must be of the kinds in k, but for virtual
// machines. Encode writes the states of those kinds that have no Encode
// themselves, and may be nil if there are none.
//
// It is an [UnregisteredError] if there are processes of other kinds. It is an
// error, too, if the machine is not at rest or does not run, or if a process
// has something that the Open of its kind does not give: an endpoint, at the
// same level and with the same role, name and kinds of event, or a device. What
// has been written down can be restored, if the codecs restore what they have
// written: the rest has been tried.
//
// It takes as long as a few calls of Open for each process. The machine need not
// wait for it: a State never changes.
func (s State) Image(k Kinds, encode func(actions.Kind, any) ([]byte, error)) (*Image, error) {
	if err := s.canBeWritten(k); err != nil {
		return nil, err
	}
	im, cells := s.portrait()
	s.numberAlike(im, cells)
	faults := faults{}
	for i := range im.Processes {
		p := &im.Processes[i]
		if p.Kind, p.State = k.byType[cells[i].c.stateType].Name, nil; p.Kind == "" {
			continue
		}
		data, err := encoded(k.byName[p.Kind], cells[i].c.state, encode)
		if err != nil {
			faults.add(cells[i].path(), p.Name, "its state cannot be encoded: %w", err)
		}
		p.State = data
	}
	r := revival{im: im, kinds: k, state: func(i int, _ actions.Kind) (any, error) { return cells[i].c.state, nil }}
	r.revive()
	faults = append(faults, r.faults...)
	if len(faults) == 0 {
		for i, revived := range r.cells {
			err := differ(cells[i].c, revived)
			if err == nil {
				err = differTallies(cells[i].c.counted(), revived.counted())
			}
			if err != nil {
				faults.add(cells[i].path(), cells[i].c.name, "%w", err)
			}
		}
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return im, nil
}

// encoded returns the state of a process of kind k in writing.
func encoded(k actions.Kind, state any, encode func(actions.Kind, any) ([]byte, error)) (data []byte, err error) {
	defer recovered(&err)
	switch {
	case k.Encode != nil:
		return k.Encode(state)
	case encode != nil:
		return encode(k, state)
	default:
		return nil, fmt.Errorf("kind %q has no Encode, and there is no other", k.Name)
	}
}

// recovered makes an error of a panic in a function of somebody else.
func recovered(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("panic: %v", r)
	}
}

// faults are what is wrong, each with the process that it is about.
type faults []error

func (f *faults) add(path Path, name, format string, args ...any) {
	*f = append(*f, fmt.Errorf("vm: process %s: %w", Label(path, name), fmt.Errorf(format, args...)))
}

// canBeWritten reports what cannot be written down, whatever its kind gives.
func (s State) canBeWritten(k Kinds) error {
	switch {
	case s.root == nil:
		return errors.New("vm: the zero State cannot be written down")
	case s.phase == made:
		return errors.New("vm: a machine that has not started cannot be written down")
	case s.phase != running:
		return errors.New("vm: a machine that stops, or has stopped, cannot be written down")
	case len(s.lasts) > 0:
		return errors.New("vm: a machine is not at rest, and cannot be written down: there is demand to be judged")
	}
	var unregistered UnregisteredError
	var faults faults
	s.root.walk(nil, 0, func(a cellAt) {
		c := a.c
		if _, known := k.byType[c.stateType]; !known && c.stateType != nestedType {
			unregistered.Processes = append(unregistered.Processes, Unregistered{a.path(), c.name, c.stateType})
		}
		if len(c.queue) > 0 {
			faults.add(a.path(), c.name, "it is not at rest: %d actions are yet to be performed", len(c.queue))
		}
		if c.more != nil && len(c.more.waits) > 0 {
			faults.add(a.path(), c.name, "it waits for a process that it has spawned at a meta-level")
		}
		if a.depth > maxImageDepth {
			faults.add(a.path(), c.name, "more than %d machines are around it", maxImageDepth)
		}
	})
	if len(unregistered.Processes) > 0 {
		return &unregistered
	}
	return errors.Join(faults...)
}

// maxImageDepth is how many machines may be around a machine in an image.
const maxImageDepth = 1 << 10

// A cellAt is a cell, and where it is.
type cellAt struct {
	c     *cell
	in    *cellAt // the machine that it is in; nil for the outermost one
	depth uint32
}

func (a cellAt) path() Path {
	path := Path{}
	for at := &a; at != nil; at = at.in {
		path = append(path, at.c.pid)
	}
	slices.Reverse(path)
	return path
}

// walk calls f for all processes of s and of the machines in it, in the order
// of their paths.
func (s *space) walk(in *cellAt, depth uint32, f func(cellAt)) {
	s.cells.all(func(_ actions.PID, c *cell) bool {
		at := cellAt{c, in, depth}
		f(at)
		if c.more != nil && c.more.inner != nil {
			c.more.inner.walk(&at, depth+1, f)
		}
		return true
	})
}

// portrait returns the image of s, without the kinds and the states, and the
// cell of each process in it.
func (s State) portrait() (*Image, []cellAt) {
	im := &Image{Limits: s.limits, Stats: s.stats, Digests: s.digests, Digest: s.digest, Incarnation: s.incarnation, Generation: s.generation, Last: s.root.last}
	var cells []cellAt
	s.root.walk(nil, 0, func(a cellAt) {
		im.Processes = append(im.Processes, portray(a.c, a.depth))
		cells = append(cells, a)
	})
	return im, cells
}

// portray returns the image of c, without its kind and its state.
func portray(c *cell, depth uint32) ProcessImage {
	p := ProcessImage{Depth: depth, PID: c.pid, Name: c.name, Seq: c.seq, Fresh: c.fresh}
	var within map[metaID]uint32
	if c.more != nil && c.more.inner != nil {
		p.Last = c.more.inner.last
		within = c.more.inner.metas()
	}
	counts := c.counted()
	for _, e := range slices.Concat(c.ends, c.metas()) {
		d := EndpointImage{Seq: e.seq, Level: e.level, Role: roleText(e.role), Counts: e.demand() != nil}
		switch id := e.id.(type) {
		case metaID:
			d.Inner, d.InnerSeq = id.pid, within[id]
		case anonymous:
			d.Anonymous = uint32(id)
		default:
			d.ID = idText(id)
		}
		for _, t := range counts[e.seq] {
			d.Tallies = append(d.Tallies, TallyImage{Conversation: masked(t.conversation.Canonical()), Peers: t.peers})
		}
		slices.SortFunc(d.Tallies, func(a, b TallyImage) int { return cmp.Compare(a.Conversation, b.Conversation) })
		p.Endpoints = append(p.Endpoints, d)
	}
	slices.SortFunc(p.Endpoints, func(a, b EndpointImage) int { return cmp.Compare(a.Seq, b.Seq) })
	for _, h := range c.holds() {
		p.Devices = append(p.Devices, DeviceImage{h.device.DeviceName(), h.address.Generation, h.paused, h.opening})
	}
	return p
}

// metas returns the numbers of the endpoints that the processes of s have at
// meta-levels.
func (s *space) metas() map[metaID]uint32 {
	numbers := map[metaID]uint32{}
	s.cells.all(func(pid actions.PID, c *cell) bool {
		for _, e := range c.metas() {
			numbers[metaID{pid, e.level, e.id}] = e.seq
		}
		return true
	})
	return numbers
}

// demand returns how e counts its peers, or nil.
func (e *end) demand() *actions.Demand {
	if e.handler == nil {
		return nil
	}
	return e.handler.Demand
}
