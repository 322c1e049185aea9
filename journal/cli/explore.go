package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/vm"
)

// find goes on to the next input with a step whose text contains text.
func (s *stepper) find(ctx context.Context, text string) error {
	if text == "" {
		return errors.New("find needs a part of the text of a step")
	}
	seq, err := s.search(ctx, text)
	if err != nil {
		return err
	}
	if seq == 0 {
		return fmt.Errorf("no later step contains %q", text)
	}
	return s.move(ctx, seq, "")
}

// search returns the next input with a step whose text contains text, or 0.
func (s *stepper) search(ctx context.Context, text string) (seq uint64, err error) {
	return s.run.Search(ctx, s.at.Seq, func(r *vm.Record) bool { return strings.Contains(r.String(), text) })
}

// drop shows how the run would have differed without some inputs.
func (s *stepper) drop(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New("drop needs the numbers of inputs")
	}
	var seqs []uint64
	from := s.run.Last()
	for _, arg := range args {
		seq, err := number(arg, 0)
		if err != nil {
			return err
		}
		if seq <= s.run.First() || seq > s.run.Last() {
			return fmt.Errorf("there is no input %d to drop: there are inputs %d to %d", seq, s.run.First()+1, s.run.Last())
		}
		from = min(from, seq-1)
		seqs = append(seqs, seq)
	}
	b, err := s.run.Branch(ctx, journal.Branch{From: from, Edit: journal.Drop(seqs...)})
	if err != nil {
		return err
	}
	c, err := journal.Compare(ctx, s.run, b, from)
	if err != nil {
		return err
	}
	s.commands("commands only with these inputs", c.OnlyA, c.MoreA)
	s.commands("commands only without them", c.OnlyB, c.MoreB)
	ours, stoppedA, err := beforeStop(ctx, s.run)
	if err != nil {
		return err
	}
	theirs, stoppedB, err := beforeStop(ctx, b)
	if err != nil {
		return err
	}
	if stoppedA && stoppedB { // after the stop, neither has processes
		s.printf("before the stop\n")
		return show(s.out, journal.Diff(ours, theirs))
	}
	s.printf("at the end\n")
	return show(s.out, c.Changes)
}

// beforeStop returns the last state before a run was stopped, or, if it was not, its last
// state.
func beforeStop(ctx context.Context, r *journal.Recording) (m *journal.Moment, stopped bool, err error) {
	last, err := r.At(ctx, r.Last())
	if err != nil || last.Input.Kind != vm.StopDone {
		return last, false, err
	}
	for m = last; m.Input.Kind != vm.StopAsked; {
		if m.Input.Kind == vm.Start || m.Seq <= r.First()+1 {
			return last, false, nil
		}
		if m, err = r.At(ctx, m.Seq-1); err != nil {
			return nil, false, err
		}
	}
	m, err = r.At(ctx, m.Seq-1)
	return m, true, err
}

func (s *stepper) commands(title string, all []journal.Command, more uint64) {
	if len(all) == 0 {
		return
	}
	s.printf("%s\n", title)
	for i, c := range all {
		if i == mostSteps {
			s.printf("  … and %d more\n", uint64(len(all)-mostSteps)+more)
			break
		}
		s.printf("  %d  %s\n", c.Seq, c.Text)
	}
}
