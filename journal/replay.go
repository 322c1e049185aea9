package journal

import (
	"context"
	"fmt"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/vm"
)

// A Program is a program that a machine runs.
type Program struct {
	// Boot returns the first process, as for ground.Ground.RunFunc.
	Boot func(self actions.PID) actions.Process

	// Types are the process types whose states can be encoded. It may be empty.
	Types []actions.Type

	// Upcast, if not nil, updates values that an earlier version of the program has
	// written. It gets the schema that the journal has for a value ([Head].Schema) and
	// the value, and returns the value that the machine gets. The former type of the
	// value must still be registered, under its former name. Upcast must be pure. A
	// replay still compares the results with the recorded ones: Upcast is for values
	// with another form, not for a program that does other things with them; for that
	// see [Config].Adopt.
	Upcast func(schema uint64, value any) any
}

// Booting returns the program whose first process performs boot, as for
// ground.Run.
func Booting(boot ...actions.Action) Program {
	return Program{Boot: func(actions.PID) actions.Process { return actions.Stateless(boot...) }}
}

// A ReplayConfig configures a replay. The zero ReplayConfig is ready to use.
type ReplayConfig struct {
	// Until is the number of the last input to apply. Zero stands for all inputs.
	Until uint64

	// Watch, if not nil, is called for every record of the machine, with the number
	// of the input that caused it. The Record is valid only during the call.
	Watch func(seq uint64, r *vm.Record)

	// Digests, if not nil, is called with the digest after each input.
	Digests func(seq uint64, d vm.Digest)

	// Progress, if not nil, is called from time to time.
	Progress func(Progress)
}

// A Report is the result of a replay.
//
// The sums of events, actions and states in a trace of format 1 ([Head].Format) depend
// on the names of types in Go, which may have changed since. A replay does not compare
// them: of an input with such a trace it compares which process had which kinds of
// steps, in which order, and the commands with their content.
type Report struct {
	Seq        uint64      // the input that was applied last; 0 if there was none
	Checks     uint64      // digests that were compared, and were equal
	LastCheck  uint64      // the input after which a digest was compared last; 0 if there was none
	Traced     uint64      // inputs with a trace: all steps were compared, with their content
	States     uint64      // inputs with a trace of which the states of processes of known types were compared as well
	Old        uint64      // inputs with a trace of format 1, whose content was not compared
	Skipped    uint64      // inputs that the machine did not get: see [Skip]
	Uncompared uint64      // inputs of which nothing was compared, because another program has adopted the journal since: see [Config].Adopt
	Digest     vm.Digest   // of the machine at the end
	State      vm.State    // of the machine at the end
	Stats      vm.Stats    // of the machine at the end
	Kinds      []InputKind // how many inputs of which kind
}

// InputKind is a number of inputs of a kind.
type InputKind struct {
	Kind  vm.InputKind
	Count uint64
}

// Replay applies the inputs of the history to a machine of the program, from the
// beginning. It does not carry out commands. It compares the results of each input with
// those in the journal, and ends at the first difference, with a [*DivergenceError].
func (h *History) Replay(ctx context.Context, program Program, c ReplayConfig) (Report, error) {
	p, err := newPlayer(program)
	if err != nil {
		return Report{}, err
	}
	var seq uint64
	if c.Watch != nil {
		p.onRecord = func(r *vm.Record) { c.Watch(seq, r) }
		p.updateWatch()
	}
	if h.First() != 1 {
		return Report{}, fmt.Errorf("journal: the history begins with input %d: what was before it has been dropped, so it cannot be replayed", h.First())
	}
	var report Report
	var kinds [16]uint64
	err = p.replay(ctx, h.decodedInputs(1, program.Upcast), replayOptions{
		last:     until(c.Until),
		total:    h.Last,
		progress: c.Progress,
		before: func(e *recordedInput) {
			seq = e.Seq
			kinds[e.Kind&15]++
			if e.Skipped {
				report.Seq = e.Seq
				report.Skipped++
			}
		},
		after: func(e *recordedInput) {
			report.Seq = e.Seq
			if e.unchecked {
				report.Uncompared++
			}
			switch {
			case !e.traces || e.unchecked:
			case e.outdated():
				report.Old++
			default:
				report.Traced++
				if e.head != nil && e.head.States {
					report.States++
				}
			}
			if e.checks && !e.unchecked {
				report.Checks++
				report.LastCheck = e.Seq
			}
			if c.Digests != nil {
				c.Digests(e.Seq, p.digest())
			}
		},
	})
	for kind, n := range kinds {
		if n > 0 {
			report.Kinds = append(report.Kinds, InputKind{vm.InputKind(kind), n})
		}
	}
	report.Digest, report.State, report.Stats = p.digest(), p.machine.Snapshot(), p.machine.Stats()
	return report, err
}

func until(n uint64) uint64 {
	if n == 0 {
		return 1<<64 - 1
	}
	return n
}
