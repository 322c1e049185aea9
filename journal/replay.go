package journal

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/vm/image"
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
	Seq    uint64      // the input that was applied last; 0 if there was none
	Checks uint64      // digests that were compared, and were equal
	Upto   uint64      // the input after which a digest was compared last; 0 if there was none
	Traced uint64      // inputs with a trace: all steps were compared, with their content
	States uint64      // inputs with a trace of which the states of processes of known types were compared as well
	Old    uint64      // inputs with a trace of format 1, whose content was not compared
	Free   uint64      // inputs of which nothing was compared, because another program has adopted the journal since: see [Config].Adopt
	Digest vm.Digest   // of the machine at the end
	State  vm.State    // of the machine at the end
	Stats  vm.Stats    // of the machine at the end
	Kinds  []InputKind // how many inputs of which kind
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
		},
		after: func(e *recordedInput) {
			report.Seq = e.Seq
			if e.unchecked {
				report.Free++
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
				report.Upto = e.Seq
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

// newPlayer returns a player with a machine that has not started yet.
func newPlayer(program Program) (*player, error) {
	if program.Boot == nil {
		return nil, fmt.Errorf("journal: the Program has no Boot: make it with journal.Booting, or set Boot")
	}
	types, err := image.NewTypes(program.Types...)
	if err != nil {
		return nil, err
	}
	p := &player{types: types, hasTypes: len(program.Types) > 0}
	p.setMachine(vm.Config{Digest: true}.NewFunc(program.Boot))
	return p, nil
}

// A decodedInput is a recorded input with its value.
type decodedInput struct {
	recordedInput
	value any
}

// decodedInputs yields the inputs from a number on, with their results and values, which
// upcast has updated. Each is valid until the next one.
func (h *History) decodedInputs(from uint64, upcast func(uint64, any) any) iter.Seq2[*decodedInput, error] {
	return func(yield func(*decodedInput, error) bool) {
		var p decodedInput
		for e, err := range h.recordedInputs(from) {
			if err != nil {
				yield(nil, err)
				return
			}
			v, err := e.Value()
			if err != nil {
				yield(nil, err)
				return
			}
			if upcast != nil && v != nil {
				v = upcast(e.head.Schema, v)
			}
			p.recordedInput, p.value = *e, v
			if !yield(&p, nil) {
				return
			}
		}
	}
}

// replayOptions configure a replay by a player.
type replayOptions struct {
	last      uint64        // the last input to apply
	unchecked bool          // results are not compared
	skipStops bool          // inputs from a StopAsked to the next Start are not applied
	total     func() uint64 // how many inputs there are, for progress
	progress  func(Progress)
	before    func(*recordedInput) // is called before each input; may be nil
	after     func(*recordedInput) // is called after each; may be nil. Neither may keep it
}

// How much is read ahead, and how often a replay checks the context and the time.
const (
	ahead            = 8           // batches
	batchSize        = 256         // inputs
	checkTimeEvery   = 1 << 12     // inputs
	progressInterval = time.Second // between two reports of progress
)

// A batch is a number of inputs that are read ahead together.
type batch struct {
	inputs []decodedInput
	err    error // why the input after them cannot be read
}

// replay applies inputs. Another goroutine reads and decodes them ahead.
func (p *player) replay(ctx context.Context, inputs iter.Seq2[*decodedInput, error], r replayOptions) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	batches := make(chan *batch, ahead)
	spent := make(chan *batch, ahead+2) // for reuse
	reading := make(chan struct{})
	whole := false // read has sent all inputs; set before batches is closed
	go func() {
		defer close(reading)
		defer close(batches)
		whole = read(ctx, inputs, r.last, batches, spent)
	}()
	defer func() { <-reading }()
	defer cancel()

	begun, told := time.Now(), time.Now()
	current, at := &batch{}, 0
	var result error
	var pending *recordedInput // applied, but its results are not compared yet
	finish := func() bool {
		if pending == nil {
			return true
		}
		e := pending
		pending = nil
		result = p.compareResults(e)
		if r.after != nil && result == nil {
			r.after(e)
		}
		return result == nil
	}
	steady(func() bool {
		if !finish() {
			return false
		}
		for at == len(current.inputs) {
			if current.err != nil {
				result = current.err
				return false
			}
			b, ok := <-batches
			if !ok {
				if !whole { // otherwise the replay is complete, even if ctx is done
					result = context.Cause(ctx)
				}
				return false
			}
			spent <- current
			current, at = b, 0
		}
		e := &current.inputs[at]
		at++
		if e.Seq%checkTimeEvery == 0 {
			if ctx.Err() != nil {
				result = context.Cause(ctx)
				return false
			}
			if now := time.Now(); r.progress != nil && now.Sub(told) >= progressInterval {
				told = now
				r.progress(Progress{Seq: e.Seq, Last: min(r.last, r.total()), Since: now.Sub(begun)})
			}
		}
		if r.before != nil {
			r.before(&e.recordedInput)
		}
		if r.unchecked {
			e.unchecked = true
		}
		in, ok, err := p.nextInput(e, r.skipStops)
		if err != nil {
			result = err
			return false
		}
		if ok {
			pending = &e.recordedInput
			p.machine.Apply(in)
		}
		return true
	})
	return result
}

// read reads inputs up to the one with number last, and sends them in batches. It
// reports false if ctx was done before it had sent all of them.
func read(ctx context.Context, inputs iter.Seq2[*decodedInput, error], last uint64, batches chan<- *batch, spent <-chan *batch) bool {
	b := &batch{}
	send := func() bool {
		if ctx.Err() != nil {
			return false // a select would choose at random if there is room as well
		}
		select {
		case batches <- b:
		case <-ctx.Done():
			return false
		}
		select {
		case b = <-spent:
			b.inputs = b.inputs[:0]
		default:
			b = &batch{}
		}
		return true
	}
	for e, err := range inputs {
		if err != nil {
			b.err = err
			break
		}
		if e.Seq > last {
			break
		}
		if b.inputs = append(b.inputs, *e); len(b.inputs) == batchSize && !send() {
			return false
		}
	}
	return len(b.inputs) == 0 && b.err == nil || send()
}

// nextInput prepares the player for an input, and returns the input for the machine. It
// reports false if the machine does not get this input.
func (p *player) nextInput(e *decodedInput, skipStops bool) (vm.Input, bool, error) {
	if e.Kind == vm.Start && p.before != nil {
		p.resumed = true
		p.restore(p.before)
		p.before = nil
	}
	if e.Kind == vm.Start && e.head != nil && e.head.Adopts && e.Seq == e.head.Seq+1 {
		p.adopt()
	}
	if e.Kind == vm.StopAsked && p.before == nil {
		p.before = p.checkpoint()
	}
	if skipStops && p.before != nil {
		return vm.Input{}, false, nil
	}
	switch {
	case e.head != nil:
		p.useFormat(e.head.Format)
	case p.version == 0:
		p.useFormat(format) // the first input is one of a branch
	}
	p.beginInput()
	p.expected, p.differs = &e.recordedInput, nil
	if trace := e.head != nil && e.head.Trace; trace != p.trace {
		p.trace = trace
		p.updateWatch()
	}
	p.keepsStates = e.head != nil && e.head.States
	if p.keepsStates && !p.hasTypes && !e.unchecked {
		return vm.Input{}, false, fmt.Errorf("journal: the trace of input %d has states of processes: to compare them, set Program.Types as in the recorded run", e.Seq)
	}
	in, differ := p.input(&e.Input, e.value)
	if differ != nil {
		return in, false, p.completeError(differ, &e.recordedInput)
	}
	return in, true, nil
}

// compareResults compares the results of an input with the expected ones.
func (p *player) compareResults(e *recordedInput) error {
	p.finishInput()
	if d := p.divergence(e); d != nil {
		return p.completeError(d, e)
	}
	if e.checks {
		p.checked = e.Seq
	}
	return nil
}

// completeError adds to a difference the input that it was found after, and the programs.
func (p *player) completeError(d *DivergenceError, e *recordedInput) error {
	d.Seq, d.Input, d.This = e.Seq, e.Input.String(), Fingerprint()
	d.Since = e.Seq - 1
	if len(d.Path) == 0 && !e.traces {
		d.Since = min(p.checked, d.Since) // only the digest shows it
	}
	d.Program = d.This
	if e.head != nil {
		d.Program = e.head.Program
	}
	return d
}

// steady calls f until it returns false. A transition function may end the
// goroutine that f runs on; then f is called on another one.
func steady(f func() bool) {
	done := make(chan struct{})
	var loop func()
	loop = func() {
		finished := false
		defer func() {
			if finished {
				close(done)
			} else if r := recover(); r != nil {
				panic(r) // a bug in this package
			} else {
				go loop()
			}
		}()
		for f() {
		}
		finished = true
	}
	go loop()
	<-done
}
