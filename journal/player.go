package journal

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/internal/text"
	"github.com/go-marketplace/marketplace/journal/codec"
	"github.com/go-marketplace/marketplace/journal/internal/fingerprint"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/vm/image"
	"github.com/go-marketplace/marketplace/world"
)

// A player has a machine live through inputs, or watches it do so, and knows what
// comes of each.
type player struct {
	machine  *vm.Machine
	watcher  *vm.Watcher      // of the machine
	onRecord func(*vm.Record) // is told what happens; may be nil
	types    image.Types

	hasTypes    bool
	keepsStates bool // the trace has states
	effects
	trace   bool // steps are wanted
	steps   []step
	changes []presenceChange
	touched []vm.Path // whose processes may have another state, for the trace

	before  *checkpoint // a stop was asked for
	resumed bool        // the roll is to be called, because it is not what the journal has
	adopts  bool        // because another program has taken over

	verified map[uint64]*vm.Address // devices whose addresses are as recorded

	expected *recordedInput // what should come; nil if nobody knows
	seen     int            // steps
	checked  uint64         // the last input whose digest was as expected
	differs  *DivergenceError
}

// A moment is a machine at rest, so to speak, between two inputs.
type checkpoint struct {
	state   vm.State
	sum     vm.Digest // of what the machine's own digest leaves out
	version fingerprint.Version
}

// digest returns the digest of all that has happened.
func (m *checkpoint) digest() vm.Digest { return m.state.Digest().Mix(uint64(m.sum)) }

// digest returns the digest of all that has happened: who has done what, and what
// was to be done outside; and each step, if there is a trace.
func (p *player) digest() vm.Digest { return p.machine.Digest().Mix(uint64(p.sum)) }

func (p *player) checkpoint() *checkpoint { return &checkpoint{p.machine.Snapshot(), p.sum, p.version} }

// goTo has the machine go on from a moment.
func (p *player) restore(m *checkpoint) {
	p.setMachine(m.state.Machine(nil))
	p.sum, p.version = m.sum, m.version
}

// play makes m the machine of p.
func (p *player) setMachine(m *vm.Machine) {
	p.machine = m
	p.watcher = m.Watch(vm.Changes, p.watch)
	p.updateWatch()
}

// attend watches what is of interest in the machine, and no more.
func (p *player) updateWatch() {
	set := vm.Changes
	if p.onRecord != nil || p.trace || p.resumed {
		set = vm.AllRecords
	}
	p.watcher.Set(set)
}

// watch is told all that happens in the machine.
func (p *player) watch(r *vm.Record) {
	if r.Kind == vm.Commanded {
		p.command(&r.Command)
	}
	p.changes = appendChanges(p.changes, r)
	if p.resumed && r.Kind == vm.Entered {
		p.resumed = false
		p.recordEndpoints()
		p.updateWatch()
	}
	if p.trace && traced(r) {
		p.step(r)
	}
	if p.onRecord != nil {
		p.onRecord(r)
	}
}

// adopted has the roll called at the next start.
func (p *player) adopt() {
	p.resumed, p.adopts = true, true
	p.updateWatch()
}

// callAll notes all endpoints that there are, because the stop of the run before
// has ended them, or other endpoints were there.
func (p *player) recordEndpoints() {
	if p.adopts {
		p.adopts = false
		p.changes = append(p.changes, presenceChange{op: gone, why: "another program has taken over"})
	}
	p.changes = appendEndpoints(p.changes, p.machine)
}

// step notes a step, and compares it to the one that is expected.
func (p *player) step(r *vm.Record) {
	if r.Kind == vm.Told || r.Kind == vm.Spawned {
		p.touch(r)
	}
	var s step
	s, p.buf = newStep(r, p.version, p.buf, p.expected == nil)
	p.add(s, func() string { return describe(r) })
}

// add adds a step, of which the text is made when it is needed.
func (p *player) add(s step, text func() string) {
	if p.expected == nil || !p.expected.traces {
		p.sum = p.sum.Mix(uint64(s.sum))
		p.steps = append(p.steps, s)
		return
	}
	i := p.seen
	p.seen++
	if i < len(p.expected.trace) && p.expected.outdated() && p.expected.trace[i].who(&s) {
		s.sum = p.expected.trace[i].sum // which is in the digest
	}
	p.sum = p.sum.Mix(uint64(s.sum))
	if p.differs != nil || i < len(p.expected.trace) && p.expected.trace[i].sum == s.sum {
		return
	}
	was := step{path: s.path, name: s.name, text: nothing}
	if i < len(p.expected.trace) {
		was = p.expected.trace[i]
	}
	s.text = text()
	p.differs = &DivergenceError{Path: was.path, Name: was.name, Recorded: was.text, Came: s.text}
	if len(was.path) == 0 {
		p.differs.Path, p.differs.Name = s.path, s.name
	}
}

// touch notes that the state of a process may be another one.
func (p *player) touch(r *vm.Record) {
	if !p.keepsStates {
		return
	}
	path := r.Path()
	if !slices.ContainsFunc(p.touched, func(t vm.Path) bool { return slices.Equal(t, path) }) {
		p.touched = append(p.touched, path)
	}
}

// states adds the states of the processes of known types that an input has
// touched.
func (p *player) states() {
	for _, path := range p.touched {
		info, ok := p.machine.Process(path)
		if !ok {
			continue
		}
		kind, ok := p.types.ByState(reflect.TypeOf(info.State))
		if !ok {
			continue
		}
		data, err := encodeState(kind, info.State)
		if err != nil {
			data = p.version.Append(nil, info.State)
		}
		s := step{path: path, name: info.Name}
		s.sum = s.sum.MixBytes(data)
		said := func() string { return abridged("state of " + kind.Name + ": " + brief.String(text.State, info.State)) }
		if p.expected == nil {
			s.text = said()
		}
		p.add(s, said)
	}
	p.touched = p.touched[:0]
}

// encodeState writes down the state of a process of a kind.
func encodeState(k actions.Type, state any) ([]byte, error) {
	if k.Encode != nil {
		return k.Encode(state)
	}
	return codec.AppendValue(nil, state)
}

// decodeState restores the state of a process of a kind.
func decodeState(k actions.Type, data []byte) (any, error) {
	if k.Decode != nil {
		return k.Decode(data)
	}
	state, rest, err := codec.DecodeValue(data, k.State)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%d bytes follow the state", len(rest))
	}
	return state, err
}

// settle ends what is known of the input before.
func (p *player) finishInput() {
	if p.trace {
		p.states()
	}
}

// begin forgets what came of the input before.
func (p *player) beginInput() {
	p.steps, p.changes, p.touched, p.seen = p.steps[:0], p.changes[:0], p.touched[:0], 0
}

// lost stands for a device that is not open any more.
type closedDevice struct{ name string }

var errClosedDevice = errors.New("journal: the device belongs to a run that is over")

func (l closedDevice) DeviceName() string { return l.name }

func (l closedDevice) Open(context.Context, world.Env) (world.Handle, error) {
	return nil, errClosedDevice
}

// input returns an input as the machine is to be given it. If the journal says
// that it was for a device that the machine does not have, that is a difference.
func (p *player) input(in *Input, value any) (vm.Input, *DivergenceError) {
	out := vm.Input{Kind: in.Kind, Value: value, Incarnation: in.Incarnation, Limits: in.Limits}
	if in.Err != nil {
		out.Err = in.Err
	}
	if in.Generation == 0 {
		return out, nil
	}
	if p.expected != nil && p.expected.unchecked {
		out.Address = p.find(in)
		return out, nil
	}
	out.Address = p.machine.Held(in.Generation)
	if out.Address != nil && out.Address == p.verified[in.Generation] && !in.late {
		return out, nil
	}
	was := func() string { return fmt.Sprintf("device %d is %s, held by %v", in.Generation, in.Device, in.Path) }
	switch {
	case out.Address == nil && in.late:
		out.Address = &vm.Address{Path: in.Path, Device: closedDevice{in.Device}, Generation: in.Generation}
		return out, nil
	case out.Address == nil:
		return out, &DivergenceError{Path: in.Path, Name: p.nameOf(in.Path), Recorded: was(), Came: fmt.Sprintf("device %d is not open", in.Generation)}
	case in.late:
		was = func() string { return fmt.Sprintf("device %d is not open any more", in.Generation) }
	case out.Address.Device.DeviceName() == in.Device && out.Address.Path.String() == in.Path.String():
		if p.verified == nil {
			p.verified = map[uint64]*vm.Address{}
		}
		p.verified[in.Generation] = out.Address
		return out, nil
	}
	return out, &DivergenceError{Path: out.Address.Path, Name: p.nameOf(out.Address.Path), Recorded: was(),
		Came: fmt.Sprintf("device %d is %s, held by %v", in.Generation, out.Address.Device.DeviceName(), out.Address.Path)}
}

// find returns the address of the device that an input of a branch is for: the
// same opening if it is there, and otherwise another one of the same device.
func (p *player) find(in *Input) *vm.Address {
	if a := p.machine.Held(in.Generation); a != nil && a.Device.DeviceName() == in.Device {
		return a
	}
	var other *vm.Address
	for info := range p.machine.Processes() {
		for _, a := range info.Devices {
			if a.Device.DeviceName() == in.Device && (other == nil || a.Path.String() == in.Path.String()) {
				other = a
			}
		}
	}
	if other != nil {
		return other
	}
	return &vm.Address{Path: in.Path, Device: closedDevice{in.Device}, Generation: in.Generation}
}

func (p *player) nameOf(path vm.Path) string {
	info, _ := p.machine.Process(path)
	return info.Name
}

// verdict compares what came of an input to what was expected, after settle.
func (p *player) divergence(e *recordedInput) *DivergenceError {
	if e.unchecked {
		return nil
	}
	if d := p.differs; d != nil {
		return d
	}
	if e.traces && p.seen < len(e.trace) {
		was := e.trace[p.seen]
		return &DivergenceError{Path: was.path, Name: was.name, Recorded: was.text, Came: nothing}
	}
	for i := range max(len(p.changes), len(e.changes)) {
		var was, came *presenceChange
		if i < len(e.changes) {
			was = &e.changes[i]
		}
		if i < len(p.changes) {
			came = &p.changes[i]
		}
		switch {
		case was == nil && !e.complete && !e.checks:
			return nil // the rest has not been written any more
		case was == nil:
			return &DivergenceError{Path: came.path, Name: came.name, Recorded: nothing, Came: came.String()}
		case came == nil:
			return &DivergenceError{Path: was.path, Name: was.name, Recorded: was.String(), Came: nothing}
		case !was.equal(came):
			return &DivergenceError{Path: was.path, Name: was.name, Recorded: was.String(), Came: came.String()}
		}
	}
	if e.checks && e.check != p.digest() {
		return &DivergenceError{Recorded: "digest " + e.check.String(), Came: "digest " + p.digest().String()}
	}
	return nil
}
