package journal

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// expecting is the state of a player that compares what its machine does with a journal. It
// is zero if a ground runs the machine, except for checked.
type expecting struct {
	expected *recordedInput // the input with its recorded results
	seen     int            // number of steps of the input
	checked  uint64         // the last input whose digest was equal to the recorded one
	whole    uint64         // the last input after which the whole machine was as recorded
	imaging                 // what is compared with snapshots
	differs  *DivergenceError

	verified openings[*vm.Address] // devices whose addresses were compared with the recorded ones, and are equal
	devices  *deviceIndex          // nil until it is needed
}

// add adds a step, or compares it with the recorded one if there is a recorded trace. It
// calls text only if it needs the text.
func (p *player) add(s step, text func() string) {
	i := p.seen
	p.seen++
	if p.expected == nil || !p.expected.traces {
		p.mix(&s)
		p.steps = append(p.steps, s)
		return
	}
	if i < len(p.expected.trace) && p.expected.outdated() && p.expected.trace[i].who(&s) {
		s.sum = p.expected.trace[i].sum // which is in the digest
	}
	p.mix(&s)
	if p.differs != nil || i < len(p.expected.trace) && p.expected.trace[i].sum == s.sum {
		return
	}
	was := step{path: s.path, name: s.name, text: nothing}
	if i < len(p.expected.trace) {
		was = p.expected.trace[i]
	}
	s.text = text()
	p.differs = &DivergenceError{Path: was.path, Name: was.name, Recorded: was.textOr(), Replayed: s.text}
	if len(was.path) == 0 {
		p.differs.Path, p.differs.Name = s.path, s.name
	}
}

// mix adds a step to the digest, unless it is one of a sample.
func (p *player) mix(s *step) {
	if !p.sampled {
		p.sum = p.sum.Mix(uint64(s.sum))
	}
}

// A closedDevice stands for a device that is not open any more.
type closedDevice struct{ name string }

var errClosedDevice = errors.New("journal: the device belongs to a run that is over")

func (l closedDevice) DeviceName() string { return l.name }

func (l closedDevice) Open(context.Context, world.Env) (world.Handle, error) {
	return nil, errClosedDevice
}

// input returns an input for the machine. If the machine does not hold the device of the
// input in the way that the journal says, that is a difference.
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
	if out.Address != nil && out.Address == p.verified.of[in.Generation] && !in.late {
		return out, nil
	}
	was := func() string { return fmt.Sprintf("device %d is %s, held by %v", in.Generation, in.Device, in.Path) }
	switch {
	case out.Address == nil && in.late:
		out.Address = &vm.Address{Path: in.Path, Device: closedDevice{in.Device}, Generation: in.Generation}
		return out, nil
	case out.Address == nil:
		return out, &DivergenceError{Path: in.Path, Name: p.nameOf(in.Path), Recorded: was(), Replayed: fmt.Sprintf("device %d is not open", in.Generation)}
	case in.late:
		was = func() string { return fmt.Sprintf("device %d is not open any more", in.Generation) }
	case out.Address.Device.DeviceName() == in.Device && out.Address.Path.String() == in.Path.String():
		p.verified.set(p.machine, in.Generation, out.Address)
		return out, nil
	}
	return out, &DivergenceError{Path: out.Address.Path, Name: p.nameOf(out.Address.Path), Recorded: was(),
		Replayed: fmt.Sprintf("device %d is %s, held by %v", in.Generation, out.Address.Device.DeviceName(), out.Address.Path)}
}

// find returns the address of the device that an input of a branch is for: the
// same opening if it is there, and otherwise another one of the same device.
func (p *player) find(in *Input) *vm.Address {
	if a := p.machine.Held(in.Generation); a != nil && a.Device.DeviceName() == in.Device {
		return a
	}
	if p.devices == nil {
		p.devices = newDeviceIndex(p.machine)
	}
	if other := p.devices.find(p.machine, in.Device, in.Path); other != nil {
		return other
	}
	return &vm.Address{Path: in.Path, Device: closedDevice{in.Device}, Generation: in.Generation}
}

func (p *player) nameOf(path vm.Path) string {
	info, _ := p.machine.Process(path)
	return info.Name
}

// divergence compares the results of an input with the recorded ones, after finishInput. It
// returns nil if they are equal.
func (p *player) divergence(e *recordedInput) *DivergenceError {
	if e.unchecked {
		return nil
	}
	if d := p.differs; d != nil {
		return d
	}
	if e.traces && p.seen < len(e.trace) {
		was := e.trace[p.seen]
		return &DivergenceError{Path: was.path, Name: was.name, Recorded: was.textOr(), Replayed: nothing}
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
			return nil // a crash may have prevented that the rest was written
		case was == nil:
			return &DivergenceError{Path: came.path, Name: came.name, Recorded: nothing, Replayed: came.String()}
		case came == nil:
			return &DivergenceError{Path: was.path, Name: was.name, Recorded: was.String(), Replayed: nothing}
		case !was.equal(came):
			return &DivergenceError{Path: was.path, Name: was.name, Recorded: was.String(), Replayed: came.String()}
		}
	}
	if e.checks && e.check != p.digest() {
		return &DivergenceError{Recorded: "digest " + e.check.String(), Replayed: "digest " + p.digest().String()}
	}
	return nil
}
