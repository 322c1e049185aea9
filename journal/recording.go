package journal

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/vm/image"
)

// A Recording gives the state of a run after any input. The run is the one in a
// journal, or a [Recording.Branch] of it. A Recording is safe for concurrent use.
type Recording struct {
	history *History
	stretch Stretch
	program Program
	trunk   uint64 // the last input that comes from the history
	own     script // the inputs that follow it, in a branch
	strict  bool   // the results of the inputs of the history are compared
	first   *Moment
	tell    func(Progress) // may be nil

	mu        sync.Mutex
	cached    []*Moment // in order; the first is the beginning
	gap       uint64    // inputs between two cached states
	snapshots []uint64  // inputs after which there are snapshots that are not cached yet

	// Inputs are read with and without mu, for example without it for a branch. So
	// read has a mutex of its own, which is held only briefly.
	readMu sync.Mutex
	read   []decodedInput // some inputs of the history, one after another; they never change
}

// OnProgress makes r call f from time to time during a long replay. Its branches do so as
// well. Call it before anything else.
func (r *Recording) OnProgress(f func(Progress)) { r.tell = f }

// First returns the number of the input after which there is the oldest state: 0, unless
// the run begins with a snapshot.
func (r *Recording) First() uint64 { return r.first.Seq }

// Record opens the run in a journal, as far as the program has written it: its last
// [Stretch], or the last of all if it has written none, because it was built anew. Record does
// not replay anything yet. If the stretch begins with a snapshot, or the beginning of the
// history has been dropped, the program must have the types of its processes, and the run
// begins with the oldest snapshot that can be used.
func (h *History) Record(program Program) (*Recording, error) {
	if own, _ := h.stretchesOf(&program); len(own) > 0 {
		return h.RecordStretch(own[len(own)-1], program)
	}
	return h.RecordStretch(h.current(), program)
}

// RecordStretch is Record for a certain stretch.
func (h *History) RecordStretch(s Stretch, program Program) (*Recording, error) {
	r, err := newRecording(h, s, program, s.Last, script{}, true)
	if err != nil {
		return nil, err
	}
	types, err := image.NewTypes(program.Types...)
	if err != nil {
		return nil, err
	}
	at, seq, err := h.begin(&s, types)
	if err != nil {
		return nil, err
	}
	if at != nil {
		r.first = &Moment{Seq: seq, Digest: at.digest(), at: *at}
		r.cached = []*Moment{r.first}
	}
	if r.snapshots, err = h.snapshotsFor(&s); err != nil {
		return nil, err
	}
	r.snapshots = slices.DeleteFunc(r.snapshots, func(s uint64) bool { return s <= seq })
	return r, nil
}

// load returns the state in a snapshot.
func (r *Recording) load(seq uint64) (*Moment, error) {
	types, err := image.NewTypes(r.program.Types...)
	if err != nil {
		return nil, err
	}
	m, _, err := r.history.loadSnapshot(seq, types)
	if err != nil {
		return nil, err
	}
	return &Moment{Seq: seq, Digest: m.digest(), at: *m}, nil
}

func newRecording(h *History, s Stretch, program Program, trunk uint64, own script, strict bool) (*Recording, error) {
	p, err := newPlayer(program)
	if err != nil {
		return nil, err
	}
	first := &Moment{at: *p.checkpoint()}
	return &Recording{
		history: h, stretch: s, program: program, trunk: trunk, own: own, strict: strict, first: first,
		cached: []*Moment{first}, gap: firstGap,
	}, nil
}

const (
	firstGap  = 256  // inputs between two cached states, as long as there are few
	maxCached = 1024 // if there are more, every other one is removed
)

// Last returns the number of the last input.
func (r *Recording) Last() uint64 { return r.trunk + r.own.count }

// A Moment is the state of a machine after an input, together with the results of the
// input. The machine is at rest, except for work that a later input continues. A Moment
// never changes.
type Moment struct {
	Seq      uint64    // the number of the input; 0 before the first one
	Time     time.Time // when the input entered the machine
	Input    Input     // the input itself; zero before the first one
	Digest   vm.Digest // of all that has happened so far
	Steps    []string  // the results of the input, a line each
	Commands []Command // the commands that resulted from the input

	at     checkpoint
	before *checkpoint // during a stop: where the next run goes on
}

// A Command is a command to a device.
type Command struct {
	Seq  uint64 // of the input that it resulted from
	Path vm.Path
	Text string // describes the device and the command
}

// State returns the machine.
func (m *Moment) State() vm.State { return m.at.state }

// Processes yields all processes of the machine, at every depth, in the order of their
// paths.
func (m *Moment) Processes() iter.Seq[vm.ProcessInfo] { return m.at.state.Machine(nil).Processes() }

// At returns the state after the input with number seq, which is between First and
// Last; 0 is the state before the first input. At applies the inputs since the nearest
// cached state before it; while it replays, it caches states at regular intervals. If
// the results of an input differ from those in the journal, it returns a
// [*DivergenceError].
func (r *Recording) At(ctx context.Context, seq uint64) (*Moment, error) {
	if seq > r.Last() || seq < r.First() {
		return nil, fmt.Errorf("journal: there is no state after input %d: there are those after inputs %d to %d", seq, r.First(), r.Last())
	}
	if seq == r.First() {
		return r.first, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	// The input itself is always replayed, for its results.
	return r.replay(ctx, r.nearest(seq-1), seq)
}

// nearest returns the last cached state that is not after input seq. It loads a snapshot
// if that is nearer.
func (r *Recording) nearest(seq uint64) *Moment {
	at := r.after(seq) - 1
	for i := len(r.snapshots) - 1; i >= 0; i-- {
		switch on := r.snapshots[i]; {
		case on > seq:
			continue
		case on <= r.cached[at].Seq:
			return r.cached[at]
		default:
			m, err := r.load(on)
			r.snapshots = slices.Delete(r.snapshots, i, i+1) // it is cached now, or unusable
			if err == nil {
				r.cached = slices.Insert(r.cached, r.after(on), m)
				return m
			}
		}
	}
	return r.cached[at]
}

// after returns the index of the first cached state that is after input seq.
func (r *Recording) after(seq uint64) int {
	i, _ := slices.BinarySearchFunc(r.cached, seq+1, func(m *Moment, seq uint64) int { return cmp.Compare(m.Seq, seq) })
	return i
}

// remember caches a state.
func (r *Recording) remember(m *Moment) {
	at := r.after(m.Seq)
	if r.cached[at-1].Seq == m.Seq {
		return
	}
	r.cached = slices.Insert(r.cached, at, m)
	if len(r.cached) <= maxCached {
		return
	}
	kept := r.cached[:0]
	for i, m := range r.cached {
		if i%2 == 0 {
			kept = append(kept, m)
		}
	}
	clear(r.cached[len(kept):])
	r.cached, r.gap = kept, 2*r.gap
}

// replay goes from a state to the one after input seq.
func (r *Recording) replay(ctx context.Context, from *Moment, seq uint64) (*Moment, error) {
	p, err := r.playerAt(from)
	if err != nil {
		return nil, err
	}
	result := &Moment{}
	live := func(record *vm.Record) {
		switch record.Kind {
		case vm.Entered:
		case vm.Commanded:
			c := &record.Command
			result.Commands = append(result.Commands, Command{result.Seq, c.Address.Path, c.String()})
			fallthrough
		default:
			result.Steps = append(result.Steps, record.String())
		}
	}
	err = p.replay(ctx, r.inputs(from.Seq+1, seq), replayOptions{
		last: seq, total: r.Last, progress: r.tell,
		before: func(e *recordedInput) {
			if e.Seq == seq {
				p.onRecord = live
				p.updateWatch()
			}
			result.Seq, result.Time, result.Input = e.Seq, e.Time, e.Input
		},
		after: func(e *recordedInput) {
			if e.Seq%r.gap == 0 {
				r.remember(p.at(e))
			}
		},
	})
	if err != nil {
		return nil, err
	}
	m := p.at(&recordedInput{Input: result.Input})
	m.Steps, m.Commands = result.Steps, result.Commands
	return m, nil
}

// at returns the state of the player after an input.
func (p *player) at(e *recordedInput) *Moment {
	m := p.checkpoint()
	return &Moment{Seq: e.Seq, Time: e.Time, Input: e.Input, Digest: m.digest(), at: *m, before: p.before}
}

func (r *Recording) playerAt(m *Moment) (*player, error) {
	p, err := newPlayer(r.program)
	if err != nil {
		return nil, err
	}
	p.restore(&m.at)
	p.before = m.before
	p.checked, p.whole = m.Seq, r.First()
	return p, nil
}

// inputs yields the inputs with numbers from first to last.
func (r *Recording) inputs(first, last uint64) iter.Seq2[*decodedInput, error] {
	return func(yield func(*decodedInput, error) bool) {
		if first <= r.trunk {
			for e, err := range r.past(first, min(last, r.trunk)) {
				if err == nil && !r.strict {
					bare := e.withoutResults()
					e = &bare
				}
				if !yield(e, err) || err != nil {
					return
				}
			}
			first = r.trunk + 1
		}
		if first > last {
			return
		}
		for e, err := range r.own.inputs(first-r.trunk-1, last-r.trunk-1, r.trunk, r.past) {
			if !yield(e.decodedInput, err) || err != nil {
				return
			}
		}
	}
}

// scripted yields inputs with their numbers in the history.
func (r *Recording) scripted(first, last uint64) iter.Seq2[scripted, error] {
	return func(yield func(scripted, error) bool) {
		for e, err := range r.inputs(first, min(last, r.trunk)) {
			s := scripted{decodedInput: e}
			if err == nil {
				s.past = e.Seq
			}
			if !yield(s, err) || err != nil {
				return
			}
		}
		if first = max(first, r.trunk+1); first > last {
			return
		}
		for e, err := range r.own.inputs(first-r.trunk-1, last-r.trunk-1, r.trunk, r.past) {
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// past yields inputs of the history. It keeps those that it reads for the next call, if
// they are not too many.
func (r *Recording) past(first, last uint64) iter.Seq2[*decodedInput, error] {
	r.readMu.Lock()
	kept := r.read
	r.readMu.Unlock()
	if n := len(kept); n > 0 && kept[0].Seq <= first && kept[n-1].Seq >= last {
		kept = kept[first-kept[0].Seq : last-kept[0].Seq+1]
		return func(yield func(*decodedInput, error) bool) {
			for i := range kept {
				if !yield(&kept[i], nil) {
					return
				}
			}
		}
	}
	return func(yield func(*decodedInput, error) bool) {
		read := make([]decodedInput, 0, 64)
		defer func() {
			r.readMu.Lock()
			r.read = read
			r.readMu.Unlock()
		}()
		for e, err := range r.history.decodedInputs(first, &r.stretch, r.program.Upcast) {
			if err == nil && len(read) < 4*maxCached {
				read = append(read, *e)
			}
			if !yield(e, err) || err != nil || e.Seq == last {
				return
			}
		}
	}
}
