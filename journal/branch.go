package journal

import (
	"context"
	"fmt"
	"slices"

	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// A Branch says what another run is to do differently.
type Branch struct {
	// From is the number of the last input that the branch shares with the run
	// from which it parts. What comes after is up to Edit.
	From uint64

	// Edit is called for each input after From, and returns the inputs that take
	// its place: none, to drop it. If it is nil, they stay as they are. [Drop],
	// [Alter] and [Insert] make such functions. An input is for the device that
	// its address names, with the same number and holder if it is there, and
	// otherwise another opening of it; if there is none, it is late.
	Edit Edit

	// Then are inputs that follow the last one.
	Then []vm.Input

	// Program is another program, which lives through the branch from the very
	// beginning. If it is nil, it is the same one.
	Program *Program
}

// An Edit returns the inputs that take the place of an input.
type Edit func(seq uint64, in vm.Input) []vm.Input

// Drop leaves out inputs.
func Drop(seqs ...uint64) Edit {
	return func(seq uint64, in vm.Input) []vm.Input {
		if slices.Contains(seqs, seq) {
			return nil
		}
		return []vm.Input{in}
	}
}

// Alter gives an input another value.
func Alter(seq uint64, value any) Edit {
	return func(s uint64, in vm.Input) []vm.Input {
		if s == seq {
			in.Value = value
		}
		return []vm.Input{in}
	}
}

// Insert puts inputs before the one with number seq.
func Insert(seq uint64, ins ...vm.Input) Edit {
	return func(s uint64, in vm.Input) []vm.Input {
		if s == seq {
			return append(slices.Clip(ins), in)
		}
		return []vm.Input{in}
	}
}

// Edits does one edit after another, each to what the one before has left.
func Edits(edits ...Edit) Edit {
	return func(seq uint64, in vm.Input) []vm.Input {
		ins := []vm.Input{in}
		for _, edit := range edits {
			var next []vm.Input
			for _, in := range ins {
				next = append(next, edit(seq, in)...)
			}
			ins = next
		}
		return ins
	}
}

// ValueOf returns an input by which a device has a value, for the device that was
// open under a number at a moment.
func (m *Moment) ValueOf(generation uint64, value any) (vm.Input, error) {
	a := m.at.state.Machine(nil).Held(generation)
	if a == nil {
		return vm.Input{}, fmt.Errorf("journal: no device is open under number %d after input %d", generation, m.Seq)
	}
	return vm.Input{Kind: vm.Value, Address: a, Value: value}, nil
}

// Branch returns another run, that parts from this one. This one stays as it is.
// Work that is left over at the end of the branch is done.
func (r *Recording) Branch(ctx context.Context, b Branch) (*Recording, error) {
	if b.From > r.Last() || b.From < r.First() {
		return nil, fmt.Errorf("journal: there is no moment %d to part from: they go from %d to %d", b.From, r.First(), r.Last())
	}
	if b.Program != nil && r.First() > 0 {
		return nil, fmt.Errorf("journal: the history begins with input %d: another program would have to live through it from its very beginning", r.First()+1)
	}
	trunk := min(b.From, r.trunk)
	own := slices.Clone(r.own[:b.From-trunk])
	add := func(ins []vm.Input, at Input) {
		for _, in := range ins {
			own = append(own, branched(trunk+uint64(len(own))+1, in, at))
		}
	}
	var at Input
	for e, err := range r.inputs(b.From+1, r.Last()) {
		if err != nil {
			return nil, err
		}
		at = e.Input
		in := e.vmInput()
		if b.Edit == nil {
			add([]vm.Input{in}, at)
		} else {
			add(b.Edit(e.Seq, in), at)
		}
	}
	add(b.Then, at)
	program := r.program
	if b.Program != nil {
		program = *b.Program
	}
	n, err := newRecording(r.history, program, trunk, own, r.strict && b.Program == nil)
	if err != nil {
		return nil, err
	}
	if b.Program == nil {
		n.share(r, b.From)
	}
	return n, n.rest(ctx, at)
}

// share has n know the points of r up to an input.
func (n *Recording) share(r *Recording, seq uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n.first, n.gap = r.first, r.gap
	n.points = slices.Clone(r.points[:r.after(seq)])
}

// rest adds what is needed until there is no work left over.
func (n *Recording) rest(ctx context.Context, at Input) error {
	const maxContinues = 1 << 16 // there are programs that are never at rest
	for range maxContinues {
		end, err := n.At(ctx, n.Last())
		if err != nil || !end.at.state.Busy() {
			return err
		}
		n.own = append(n.own, branched(n.Last()+1, vm.Input{Kind: vm.Continue}, at))
	}
	return nil
}

// whole returns the input as a machine could be given it.
func (e *decodedInput) vmInput() vm.Input {
	in := vm.Input{Kind: e.Kind, Value: e.value, Incarnation: e.Incarnation, Limits: e.Limits}
	if e.Err != nil {
		in.Err = e.Err
	}
	if e.Generation > 0 {
		in.Address = &vm.Address{Path: e.Path, Device: closedDevice{e.Device}, Generation: e.Generation}
	}
	return in
}

// branched returns an input of a branch. It takes the time of an input of the
// journal.
func branched(seq uint64, in vm.Input, at Input) decodedInput {
	i := Input{Seq: seq, Time: at.Time, Kind: in.Kind, Incarnation: in.Incarnation, Limits: in.Limits}
	i.Err, _ = world.Reduce(in.Err).(*world.Error)
	if a := in.Address; a != nil {
		i.Path, i.Device, i.Generation = a.Path, a.Device.DeviceName(), a.Generation
	}
	i.value = encoded(in.Value)
	return decodedInput{recordedInput{Input: i, unchecked: true}, in.Value}
}
