package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/go-marketplace/marketplace/journal"
)

// inspect replays a journal, in the way that the flags say.
func (f *Flags) inspect(ctx context.Context, p journal.Program) error {
	h, err := f.read(f.replay)
	if err != nil {
		return err
	}
	if !f.step && !f.diff.given {
		return f.compare(ctx, h, p)
	}
	r, err := h.Record(p)
	if err != nil {
		return err
	}
	if f.step {
		in := f.In
		if in == nil {
			in = os.Stdin
		}
		r.OnProgress(f.progress)
		return step(ctx, h, r, in, f.stdout())
	}
	a, err := r.At(ctx, f.diff.from)
	if err != nil {
		return err
	}
	b, err := r.At(ctx, f.diff.to)
	if err != nil {
		return err
	}
	return show(f.stdout(), journal.Diff(a, b))
}

// compare replays a journal, and reports whether the replay did the same.
func (f *Flags) compare(ctx context.Context, h *journal.History, p journal.Program) error {
	if f.until > h.Last() {
		return fmt.Errorf("there is no input %d: the last one is %d", f.until, h.Last())
	}
	report, err := h.Replay(ctx, p, journal.ReplayConfig{Until: f.until, Progress: f.progress})
	if err != nil {
		return err
	}
	if report.Seq == 0 {
		_, err = fmt.Fprintln(f.stdout(), "there are no inputs to replay")
		return err
	}
	_, err = fmt.Fprintf(f.stdout(), "replayed %s: no difference in what was compared, checks: %d\n%sdigest %v\n",
		plural(report.Inputs, "input"), report.Checks, compared(&report), report.Digest)
	return err
}

// progress reports the progress of a replay.
func (f *Flags) progress(p journal.Progress) {
	fmt.Fprintf(f.stderr(), "replaying: input %d of %d, for %v\n", p.Seq, p.Last, p.Since.Round(time.Second))
}

// compared describes what a replay has compared, and what it has not, in lines.
func compared(r *journal.Report) string {
	const presence = "which endpoints came and went"
	compares := r.Inputs - r.Uncompared - r.Skipped - r.Erased
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf("  "+format+"\n", args...)) }
	switch {
	case compares == 0:
	case r.Checks == 0:
		add(presence)
		add("not compared: anything else, because there is no digest")
	default:
		everything := "every event, action and command, with its content"
		if r.Traced > 0 && r.States == r.Traced {
			everything += ", and the states of processes of known types"
		}
		others := compares - r.Traced - r.Old - r.Samples // inputs, without a trace
		if r.Traced == compares {
			add("up to input %d: %s", r.LastCheck, everything)
		} else {
			add("up to input %d: %s, which kinds of events and actions there were, in which order, and commands with their content", r.LastCheck, presence)
		}
		if r.Traced > 0 && r.Traced < compares {
			add("of %s with a trace: %s", plural(r.Traced, "input"), everything)
		}
		if r.Samples > 0 {
			what := "the first events, actions and commands, with their content"
			if r.SampleStates == r.Samples {
				what += ", and states of processes of known types"
			}
			add("of %s at regular intervals: %s", plural(r.Samples, "input"), what)
		}
		if r.Machines > 0 {
			add("with %s: the states of all processes, their endpoints and devices", plural(r.Machines, "snapshot"))
		}
		if r.LastCheck < r.Seq {
			add("behind it, where there is no digest: %s", presence)
		}
		switch {
		case others == compares:
			add("not compared: what was in messages and states; a journal with -trace has that")
		case others > 0:
			add("not compared: what was in messages and states, of %s without a trace", plural(others, "input"))
		case r.States < r.Traced:
			add("not compared: states")
		}
		if r.Old > 0 {
			add("not compared: what was in messages and states, of %s with a trace in an earlier format, which depends on the names of types", plural(r.Old, "input"))
		}
	}
	if r.Skipped > 0 {
		add("not replayed: %s, which somebody has marked to be skipped", plural(r.Skipped, "input"))
	}
	if r.Uncompared > 0 {
		add("not compared: %s, because the run was adopted after them", plural(r.Uncompared, "input"))
	}
	if r.Erased > 0 {
		add("not comparable: %s from input %d on, because a value there, or before it, was erased", plural(r.Erased, "input"), r.ErasedFrom)
	}
	for _, s := range r.Others {
		add("not replayed: inputs %d to %d, which another build has written, or this one with other settings: %s", s.First, s.Last, strings.Join(s.Programs, ", "))
	}
	return strings.Join(lines, "")
}

func plural(n uint64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func show(w io.Writer, changes []journal.Change) error {
	if len(changes) == 0 {
		_, err := fmt.Fprintln(w, "no process is different")
		return err
	}
	for _, c := range changes {
		if _, err := fmt.Fprint(w, c.String()); err != nil {
			return err
		}
	}
	return nil
}
