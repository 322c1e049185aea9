package journal

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/go-marketplace/marketplace/vm"
)

// replayOptions configure a replay by a player.
type replayOptions struct {
	last      uint64        // the last input to apply
	unchecked bool          // results are not compared
	skipStops bool          // inputs from a StopAsked to the next Start are not applied
	total     func() uint64 // how many inputs there are, for progress
	progress  func(Progress)
	slow      func(slowInput)      // is called when an input takes long; may be nil
	before    func(*recordedInput) // is called before each input; may be nil
	after     func(*recordedInput) // is called after each; may be nil. Neither may keep it

	// anchor, if not nil, returns the recorded machine after an input, if there is a snapshot
	// from which nothing was erased, and otherwise nil.
	anchor func(seq uint64) *checkpoint
}

// How much is read ahead, and how often a replay checks the context and the time.
const (
	ahead            = 8           // batches
	batchSize        = 256         // inputs
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

	var observer observer
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
	done := steady(func() bool {
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
		if observer.stopped.Load() {
			result = context.Cause(ctx)
			return false
		}
		e := &current.inputs[at]
		at++
		observer.seq.Store(e.Seq)
		if p.lost > 0 && r.anchor != nil {
			if m := r.anchor(e.Seq - 1); m != nil {
				p.restore(m)
				p.checked, p.whole = e.Seq-1, e.Seq-1
			}
		}
		if p.lost == 0 && e.lost {
			p.lost = e.Seq
		}
		e.erased = p.lost
		if r.before != nil {
			r.before(&e.recordedInput)
		}
		if r.unchecked || p.lost > 0 {
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
	if err := observer.wait(ctx, done, p, &r); err != nil {
		return err
	}
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
	if e.Skipped {
		return vm.Input{}, false, nil
	}
	if e.Kind == vm.Start && p.before != nil {
		p.resumed = true
		p.restore(p.before)
		p.before = nil
	}
	if e.Kind == vm.Start && e.head != nil && e.head.Adopts && e.Seq == e.head.Seq+1 {
		p.adopt(takenOver)
	}
	if e.Kind == vm.StopAsked && p.before == nil {
		p.before, p.stopped = p.checkpoint(), e.Seq-1
	}
	if (skipStops || e.inherited) && p.before != nil {
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
	p.expectSample(&e.recordedInput)
	if p.keepsStates && p.trace && !p.hasTypes && !e.unchecked {
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
	if d := p.compareImages(e); d != nil {
		return d
	}
	return nil
}

// completeError adds to a difference the input that it was found after, and the programs.
func (p *player) completeError(d *DivergenceError, e *recordedInput) error {
	d.Seq, d.Input, d.ThisProgram = e.Seq, e.Input.String(), p.fingerprint
	d.Since = e.Seq - 1
	switch {
	case p.sampled && (!e.checks || e.check == p.digest()):
		d.Since = min(p.whole, d.Since) // it shows there now, and may have been there before
	case p.sampled, len(d.Path) == 0 && !e.traces:
		d.Since = min(p.checked, d.Since) // the digest shows it, too
	}
	d.Program = d.ThisProgram
	if e.head != nil {
		d.Program = e.head.Program
	}
	return d
}

// steady calls f until it returns false, and then closes the channel. A transition
// function may end the goroutine that f runs on; then f is called on another one.
func steady(f func() bool) <-chan struct{} {
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
	return done
}
