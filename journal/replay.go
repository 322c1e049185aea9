package journal

import (
	"cmp"
	"context"
	"slices"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/vm"
)

// A Program is a program that a machine runs.
type Program struct {
	// Boot returns the first process, as for ground.Ground.RunFunc.
	Boot func(self actions.PID) actions.Process

	// Types are the process types whose states can be encoded. It may be empty.
	Types []actions.Type

	// Fingerprint identifies the build of the program: see [Config].Program. Default:
	// [Fingerprint].
	Fingerprint string

	// Upcast, if not nil, updates values that an earlier version of the program has
	// written. It gets the schema that the journal has for a value ([Head].Schema) and
	// the value, and returns the value that the machine gets. The former type of the
	// value must still be registered, under its former name. Upcast must be pure. A
	// replay still compares the results with the recorded ones: Upcast is for values
	// with another form, not for a program that does other things with them; for that
	// see [Config].Adopt.
	Upcast func(schema uint64, value any) any
}

// fingerprint returns the fingerprint of the build of the program.
func (p *Program) fingerprint() string { return cmp.Or(p.Fingerprint, Fingerprint()) }

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
	Seq          uint64      // the input that was applied last; 0 if there was none
	Inputs       uint64      // how many there were, including those before a stretch that its program has lived through as well
	Others       []Stretch   // that were not replayed, because other builds of the program have written them, or this one with other settings
	Checks       uint64      // digests that were compared, and were equal
	Machines     uint64      // snapshots with which the whole machine was compared, and was equal
	LastCheck    uint64      // the input after which a digest was compared last; 0 if there was none
	Traced       uint64      // inputs with a trace: all steps were compared, with their content
	Samples      uint64      // inputs with a sample, which was compared: see [Config].CheckEvery
	SampleStates uint64      // of these, those whose samples have the states of processes of known types
	States       uint64      // inputs with a trace of which the states of processes of known types were compared as well
	Old          uint64      // inputs with a trace of format 1, whose content was not compared
	Skipped      uint64      // inputs that the machine did not get: see [Skip]
	Uncompared   uint64      // inputs of which nothing was compared, because another program has adopted the journal since: see [Config].Adopt
	Erased       uint64      // inputs of which nothing was compared, because a value in them, or before them, was erased since: see [Config].Keys
	ErasedFrom   uint64      // the first of these; 0 if there is none
	Digest       vm.Digest   // of the machine at the end
	State        vm.State    // of the machine at the end
	Stats        vm.Stats    // of the machine at the end
	Kinds        []InputKind // how many inputs of which kind
}

// InputKind is a number of inputs of a kind.
type InputKind struct {
	Kind  vm.InputKind
	Count uint64
}

// Replay applies the inputs of the history to a machine of the program. It does not carry out
// commands. It compares the results of each input with those in the journal, and ends at the
// first difference, with a [*DivergenceError].
//
// Each [Stretch] of the history is replayed by itself, from its beginning on. Replay leaves out
// those that other builds have written, or this one with other settings than the last one, and
// reports them, unless this one has written none.
// For a stretch that begins with a snapshot, the program must have the types of its processes.
func (h *History) Replay(ctx context.Context, program Program, c ReplayConfig) (Report, error) {
	var report Report
	if program.Boot == nil {
		_, err := newPlayer(program)
		return report, err
	}
	own, others := h.stretchesOf(&program)
	report.Others = others
	for _, s := range own {
		if err := h.replayStretch(ctx, &s, program, c, &report); err != nil {
			return report, err
		}
		if report.Seq >= until(c.Until) {
			break
		}
	}
	return report, nil
}

// replayStretch replays a stretch, and adds to a report.
func (h *History) replayStretch(ctx context.Context, s *Stretch, program Program, c ReplayConfig, report *Report) error {
	p, err := newPlayer(program)
	if err != nil {
		return err
	}
	at, first, err := h.begin(s, p.types)
	if err != nil {
		return err
	}
	if at != nil {
		p.restore(at)
		p.checked, p.whole = first, first
	}
	if first >= until(c.Until) {
		return nil
	}
	p.images = map[uint64]imaged{}
	p.recordedAt = func(seq uint64) (*checkpoint, error) {
		at, _, err := h.loadSnapshot(seq, p.types)
		return at, err
	}
	defer func() { report.Machines += p.machines }()
	var seq uint64
	var kinds [16]uint64
	if c.Watch != nil {
		p.onRecord = func(r *vm.Record) { c.Watch(seq, r) }
		p.updateWatch()
	}
	err = p.replay(ctx, h.decodedInputs(first+1, s, program.Upcast), replayOptions{
		last:     min(s.Last, until(c.Until)),
		total:    func() uint64 { return s.Last },
		progress: c.Progress,
		anchor:   h.anchors(s, p.types),
		before: func(e *recordedInput) {
			seq = e.Seq
			kinds[e.Kind&15]++
			report.Inputs++
			switch {
			case e.Skipped:
				report.Seq = e.Seq
				report.Skipped++
			case e.erased > 0:
				report.Erased++
				if report.ErasedFrom == 0 {
					report.ErasedFrom = e.Seq
				}
			case e.unchecked:
				report.Uncompared++
			}
		},
		after: func(e *recordedInput) {
			report.add(e)
			if c.Digests != nil {
				c.Digests(e.Seq, p.digest())
			}
		},
	})
	for kind, n := range kinds {
		report.count(vm.InputKind(kind), n)
	}
	report.Digest, report.State, report.Stats = p.digest(), p.machine.Snapshot(), p.machine.Stats()
	return err
}

// count adds inputs of a kind.
func (r *Report) count(kind vm.InputKind, n uint64) {
	if n == 0 {
		return
	}
	i, ok := slices.BinarySearchFunc(r.Kinds, kind, func(k InputKind, kind vm.InputKind) int { return cmp.Compare(k.Kind, kind) })
	if !ok {
		r.Kinds = slices.Insert(r.Kinds, i, InputKind{kind, 0})
	}
	r.Kinds[i].Count += n
}

// add adds an input that was replayed.
func (r *Report) add(e *recordedInput) {
	r.Seq = e.Seq
	switch {
	case !e.traces || e.unchecked:
	case !e.head.Trace:
		r.Samples++
		if e.head.States {
			r.SampleStates++
		}
	case e.outdated():
		r.Old++
	default:
		r.Traced++
		if e.head != nil && e.head.States {
			r.States++
		}
	}
	if e.checks && !e.unchecked {
		r.Checks++
		r.LastCheck = e.Seq
	}
}

func until(n uint64) uint64 {
	if n == 0 {
		return 1<<64 - 1
	}
	return n
}
