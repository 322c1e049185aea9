package journal

import (
	"context"
	"fmt"
	"slices"

	"github.com/go-marketplace/marketplace/journal/codec"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// A Branch says how a run differs from the one that it branches off.
type Branch struct {
	// From is the number of the last input that the branch shares with the
	// original run. Edit decides about the inputs after it.
	From uint64

	// Edit is called for each input after From, and returns the inputs that replace
	// it: none, to drop it. If Edit is nil, all inputs stay as they are. [Drop],
	// [Alter] and [Insert] make such functions. An input goes to the opening that its
	// address names if that is there, and otherwise to another opening of the same
	// device. If there is none, the input is late, and does nothing.
	Edit Edit

	// Then are inputs that follow the last one.
	Then []vm.Input

	// Program is another program, with which the branch is replayed from the very
	// beginning. If it is nil, the branch has the program of the original run.
	Program *Program
}

// An Edit returns the inputs that replace an input.
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

// Edits applies one edit after another, each to the result of the one before.
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

// ValueOf returns an input with a value from the device that was open under a number
// in this state. It returns an error if none was.
func (m *Moment) ValueOf(generation uint64, value any) (vm.Input, error) {
	a := m.at.state.Machine(nil).Held(generation)
	if a == nil {
		return vm.Input{}, fmt.Errorf("journal: no device is open under number %d after input %d", generation, m.Seq)
	}
	return vm.Input{Kind: vm.Value, Address: a, Value: value}, nil
}

// Branch returns another run, which branches off this one. This run does not change. If
// work is left at the end of the branch, Branch adds inputs that continue it.
func (r *Recording) Branch(ctx context.Context, b Branch) (*Recording, error) {
	if b.From > r.Last() || b.From < r.First() {
		return nil, fmt.Errorf("journal: there is no state after input %d to branch off: there are those after inputs %d to %d", b.From, r.First(), r.Last())
	}
	if b.Program != nil && r.First() > 0 {
		return nil, fmt.Errorf("journal: the history begins with input %d: a branch with another program needs a history from input 1 on", r.First()+1)
	}
	trunk := min(b.From, r.trunk)
	own := r.own.prefix(b.From - trunk)
	add := func(in vm.Input, at Input) { own.add(branched(trunk+own.count+1, in, at)) }
	var at Input
	for e, err := range r.scripted(b.From+1, r.Last()) {
		if err != nil {
			return nil, err
		}
		at = e.Input
		if e.Skipped {
			continue // a machine would not get it
		}
		was := e.vmInput()
		ins := []vm.Input{was}
		if b.Edit != nil {
			ins = b.Edit(e.Seq, was)
		}
		for i := range ins {
			if e.past > 0 && e.same(&was, &ins[i]) {
				own.past(e.past)
			} else {
				add(ins[i], at)
			}
		}
	}
	for _, in := range b.Then {
		add(in, at)
	}
	program := r.program
	if b.Program != nil {
		program = *b.Program
	}
	n, err := newRecording(r.history, r.stretch, program, trunk, own, r.strict && b.Program == nil)
	if err != nil {
		return nil, err
	}
	n.tell = r.tell
	if b.Program == nil {
		n.share(r, b.From)
	}
	return n, n.rest(ctx, at)
}

// share copies to n the remembered states of r up to an input.
func (n *Recording) share(r *Recording, seq uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n.first, n.gap = r.first, r.gap
	n.cached = slices.Clone(r.cached[:r.after(seq)])
}

// rest adds inputs that continue the work that is left.
func (n *Recording) rest(ctx context.Context, at Input) error {
	const maxContinues = 1 << 16 // there are programs that are never at rest
	for range maxContinues {
		end, err := n.At(ctx, n.Last())
		if err != nil || !end.at.state.Busy() {
			return err
		}
		n.own.add(branched(n.Last()+1, vm.Input{Kind: vm.Continue}, at))
	}
	return nil
}

// branched returns an input of a branch. It gets the time of an input of the journal.
func branched(seq uint64, in vm.Input, at Input) decodedInput {
	i := Input{Seq: seq, Time: at.Time, Kind: in.Kind, Incarnation: in.Incarnation, Limits: in.Limits}
	i.Err, _ = world.Reduce(in.Err).(*world.Error)
	if a := in.Address; a != nil {
		i.Path, i.Device, i.Generation = a.Path, a.Device.DeviceName(), a.Generation
	}
	i.value, i.codec = encoded(in.Value), codec.Plain
	return decodedInput{recordedInput{Input: i, unchecked: true}, in.Value, false}
}
