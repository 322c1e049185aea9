package journal

import (
	"errors"
	"fmt"
	"slices"

	"github.com/go-marketplace/marketplace/vm/image"
)

// A Stretch is a part of a history that one build of a program has written, with the same
// settings. When another build, or one with other settings, goes on from a snapshot, another
// stretch begins: what is before it stays as it is, and is replayed by the build that has
// written it. A build that goes on without a snapshot has done the same as the one before, and
// continues its stretch.
type Stretch struct {
	// Programs are the fingerprints of the builds that have written it, the oldest first.
	Programs []string

	// Settings are those of the last start: see [Config].Settings. They are nil if the journal
	// does not have them.
	Settings []Setting

	// Base is the last input that is in the snapshot from which the stretch begins, or 0 if
	// it begins before the first input. First and Last are the first and the last input that
	// are of this stretch. Those between Base and First are of the stretch before: a crash
	// has left them behind the snapshot, and the build has lived through them as well, without
	// the stops among them. They have had the same results, unless Adopts is true.
	Base, First, Last uint64

	// Adopts says that the results of the inputs before First are not compared: see
	// [Config].Adopt.
	Adopts bool
}

// By reports whether a build of a program has written a part of the stretch.
func (s *Stretch) By(program string) bool { return slices.Contains(s.Programs, program) }

// last returns the build that has written the stretch last.
func (s *Stretch) last() string { return s.Programs[len(s.Programs)-1] }

// continuedBy reports whether the program of a head is the one that has written the stretch
// last, with the same settings.
func (s *Stretch) continuedBy(h *Head) bool {
	return h.Program == s.last() && slices.Equal(h.Settings, s.Settings)
}

// inherits reports whether an input is of a stretch before.
func (s *Stretch) inherits(seq uint64) bool { return seq < s.First }

// uses reports whether a run of the stretch can go on from the snapshot of an input. Dropped
// says that the history has lost its beginning.
func (s *Stretch) uses(seq uint64, dropped bool) bool {
	switch {
	case !s.inherits(seq):
		return true
	case s.Adopts && s.Base == 0: // of the program before; it has lived through all inputs, if they were there
		return dropped
	case s.Adopts:
		return seq == s.Base
	}
	return seq >= s.Base
}

// Stretches returns the stretches of the history that have inputs, in order.
func (h *History) Stretches() []Stretch {
	return slices.DeleteFunc(h.stretches(), func(s Stretch) bool { return s.Last < s.First })
}

// stretches returns all stretches. The last one is that of the program which has opened the
// journal last, which may have had no inputs yet.
func (h *History) stretches() (all []Stretch) {
	for _, p := range h.parts {
		head := &p.head
		for n := len(all); n > 0 && all[n-1].First > head.Seq && (head.Adopts || !all[n-1].continuedBy(head)); n-- {
			all = all[:n-1] // it has had no inputs
		}
		n := len(all)
		switch {
		case n == 0, head.Adopts, head.Base > 0 && !all[n-1].continuedBy(head):
			if n > 0 {
				all[n-1].Last = head.Seq
			}
			all = append(all, Stretch{Programs: []string{head.Program}, Settings: head.Settings, Base: head.Base, First: head.Seq + 1, Adopts: head.Adopts})
			continue
		case !all[n-1].By(head.Program):
			all[n-1].Programs = append(all[n-1].Programs, head.Program)
		}
		all[n-1].Settings = head.Settings
	}
	if n := len(all); n > 0 {
		all[n-1].Last = h.Last()
	}
	return all
}

// current returns the stretch of the program that has opened the journal last. It is zero if
// the journal is empty.
func (h *History) current() Stretch {
	if all := h.stretches(); len(all) > 0 {
		return all[len(all)-1]
	}
	return Stretch{}
}

// stretchesOf returns the stretches that a program can replay, and the others. It can replay
// those that it has written with the settings of the last one, from the last on with which it
// has adopted the history, or the last one of all if it has written none.
func (h *History) stretchesOf(program *Program) (own, others []Stretch) {
	all := h.Stretches()
	if len(all) == 0 && len(h.parts) > 0 {
		all = []Stretch{h.current()}
	}
	if len(all) == 0 {
		return nil, nil
	}
	for _, s := range all {
		switch {
		case !s.By(program.fingerprint()):
		case s.Adopts, len(own) > 0 && !slices.Equal(s.Settings, own[0].Settings):
			own = []Stretch{s}
		default:
			own = append(own, s)
		}
	}
	if len(own) == 0 {
		own = all[len(all)-1:]
	}
	others = slices.DeleteFunc(slices.Clone(all), func(s Stretch) bool {
		return slices.ContainsFunc(own, func(o Stretch) bool { return o.First == s.First })
	})
	return own, others
}

// noBase says that a run of the stretch cannot begin.
func (s *Stretch) noBase(faults []error) error {
	return fmt.Errorf("journal: the build of the program that has written the inputs from %d on went on from the snapshot after input %d, and no snapshot can be used: %w", s.First, s.Base, allOf(faults))
}

var errNoSnapshot = errors.New("there is none")

// allOf returns why snapshots cannot be used.
func allOf(faults []error) error {
	if len(faults) == 0 {
		return errNoSnapshot
	}
	return errors.Join(faults...)
}

// begin returns from where a replay of a stretch begins, and the last input there. It is nil
// for the beginning of the history.
func (h *History) begin(s *Stretch, types image.Types) (at *checkpoint, seq uint64, err error) {
	if s.Base == 0 && h.First() == 1 {
		return nil, 0, nil
	}
	candidates, err := h.snapshotsFor(s)
	if err != nil {
		return nil, 0, err
	}
	if s.Adopts && s.Base == 0 {
		// The adopter went on from the newest snapshot of the program before that it could use.
		own, _ := slices.BinarySearch(candidates, s.First)
		slices.Reverse(candidates[:own])
	}
	var faults []error
	for _, seq := range candidates {
		at, _, err := h.loadSnapshot(seq, types)
		if err == nil {
			return at, seq, nil
		}
		faults = append(faults, fmt.Errorf("snapshot %s: %w", snapshotName(seq), err))
	}
	if h.First() == 1 {
		return nil, 0, s.noBase(faults)
	}
	return nil, 0, fmt.Errorf("journal: the history begins with input %d, because what was before it has been dropped, and no snapshot can be used: %w", h.First(), allOf(faults))
}

// snapshotsFor returns the inputs of the snapshots from which a run of a stretch can go on, in
// order.
func (h *History) snapshotsFor(s *Stretch) ([]uint64, error) {
	seqs, err := snapshotsIn(h.store)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	slices.Reverse(seqs)
	return slices.DeleteFunc(seqs, func(seq uint64) bool {
		return seq > s.Last || seq+1 < h.First() || !s.uses(seq, h.First() > 1)
	}), nil
}
