package journal

import (
	"context"

	"github.com/go-marketplace/marketplace/vm"
)

// Shrink searches for a short run that still fails. It leaves out inputs, in ever
// smaller groups, as long as fails returns true for the rest. It never leaves out
// starts. It returns a run from which no single input can be left out any more, as a
// [Recording.Branch] from [Recording.First]. If the beginning of the history has been
// dropped, the state after it stays as it is.
//
// In the runs that fails gets, the device of an input may be missing; such an input is
// late, and does nothing. If fails returns an error, Shrink returns it. Fails is called
// about n log n times for a history in which n inputs matter.
func (r *Recording) Shrink(ctx context.Context, fails func(ctx context.Context, r *Recording) (bool, error)) (*Recording, error) {
	var left []uint64
	for e, err := range r.inputs(r.First()+1, r.Last()) {
		if err != nil {
			return nil, err
		}
		if e.Kind != vm.Start {
			left = append(left, e.Seq)
		}
	}
	best := r
	try := func(without []uint64) (bool, error) {
		dropped := make(map[uint64]bool, len(without))
		for _, seq := range without {
			dropped[seq] = true
		}
		b, err := r.Branch(ctx, Branch{From: r.First(), Edit: func(seq uint64, in vm.Input) []vm.Input {
			if dropped[seq] {
				return nil
			}
			return []vm.Input{in}
		}})
		if err != nil {
			return false, err
		}
		failed, err := fails(ctx, b)
		if failed && err == nil {
			best = b
		}
		return failed && err == nil, err
	}
	var dropped []uint64
	for size := (len(left) + 1) / 2; size > 0 && len(left) > 0; {
		again := false
		for at := 0; at < len(left); {
			piece := left[at:min(at+size, len(left))]
			without := append(dropped[:len(dropped):len(dropped)], piece...)
			ok, err := try(without)
			if err != nil {
				return nil, err
			}
			if ok {
				dropped = without
				left = append(left[:at:at], left[at+len(piece):]...)
				again = true
			} else {
				at += len(piece)
			}
		}
		switch {
		case size > 1:
			size = (size + 1) / 2
		case !again:
			size = 0
		}
	}
	return best, nil
}
