package journal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/vm/image"
)

// A Recording is a run that can be looked at at any moment: the run that is in a
// journal, or a [Recording.Branch] of it. It is safe for concurrent use.
type Recording struct {
	history *History
	program Program
	trunk   uint64         // the last input that is taken from the history
	own     []decodedInput // those that follow it, in a branch
	strict  bool           // the inputs of the history are to come to what they came to
	first   *Moment

	mu        sync.Mutex
	points    []*Moment // in order; the first is the beginning
	gap       uint64    // between two points
	snapshots []uint64  // there may be more points on disk, after these inputs

	// Inputs are read while mu is held, and while it is not, as for a branch: so
	// what has been read has a lock of its own, which nobody keeps.
	readMu sync.Mutex
	read   []decodedInput // some inputs of the history, one after another; they never change
}

// First returns the number of the oldest moment that can be looked at: 0, unless
// the beginning of the history has been dropped.
func (r *Recording) First() uint64 { return r.first.Seq }

// Record opens a run that is in a journal, of a program that must be the one that
// has written it. Nothing is replayed yet. If the beginning of the history has
// been dropped, the run begins with the oldest snapshot that can be used, for
// which the program must have the types of its processes; if another program has
// adopted the history since, it begins with the one from which that went on.
func (h *History) Record(program Program) (*Recording, error) {
	r, err := newRecording(h, program, h.Last(), nil, true)
	if err != nil {
		return nil, err
	}
	if r.snapshots, err = snapshotsIn(h.store); err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	slices.Reverse(r.snapshots)
	// Those up to here are of another program.
	others, _ := slices.BinarySearch(r.snapshots, h.adopted()+1)
	if h.First() == 1 {
		r.snapshots = r.snapshots[others:]
		return r, nil
	}
	// Who adopts what has no beginning goes on from the newest that can be used.
	candidates := slices.Clone(r.snapshots)
	slices.Reverse(candidates[:others])
	var faults []error
	for _, seq := range candidates {
		if seq+1 < h.First() || seq > h.Last() {
			continue
		}
		m, err := r.load(seq)
		if err == nil {
			r.first, r.points = m, []*Moment{m}
			return r, nil
		}
		faults = append(faults, fmt.Errorf("snapshot %s: %w", snapshotName(seq), err))
	}
	return nil, fmt.Errorf("journal: the history begins with input %d, because what was before it has been dropped, and no snapshot can be used: %w", h.First(), errors.Join(faults...))
}

// load returns the moment of a snapshot.
func (r *Recording) load(seq uint64) (*Moment, error) {
	types, err := image.NewTypes(r.program.Types...)
	if err != nil {
		return nil, err
	}
	m, err := loadSnapshot(r.history.store, seq, types)
	if err != nil {
		return nil, err
	}
	return &Moment{Seq: seq, Digest: m.digest(), at: *m}, nil
}

func newRecording(h *History, program Program, trunk uint64, own []decodedInput, strict bool) (*Recording, error) {
	p, err := newPlayer(program)
	if err != nil {
		return nil, err
	}
	first := &Moment{at: *p.checkpoint()}
	return &Recording{
		history: h, program: program, trunk: trunk, own: own, strict: strict, first: first,
		points: []*Moment{first}, gap: firstGap,
	}, nil
}

const (
	firstGap  = 256  // inputs between two points, as long as there are few
	maxPoints = 1024 // when there are more, every other is forgotten
)

// Last returns the number of the last input.
func (r *Recording) Last() uint64 { return r.trunk + uint64(len(r.own)) }

// A Moment is a machine as it was after an input: at rest, but for what is left
// to be continued. It never changes.
type Moment struct {
	Seq      uint64    // the number of the input; 0 before the first one
	Time     time.Time // at which it came
	Input    Input     // the input itself; zero before the first one
	Digest   vm.Digest // of all that has happened so far
	Steps    []string  // what came of the input, a line each
	Commands []Command // what was to be done outside because of it

	at     checkpoint
	before *checkpoint // where the machine goes on, if this is a stop
}

// A Command is something that was to be done outside.
type Command struct {
	Seq  uint64 // of the input that it came of
	Path vm.Path
	Text string // which device, and what
}

// State returns the machine.
func (m *Moment) State() vm.State { return m.at.state }

// Processes returns all processes at that moment, at every depth, in the order of
// their paths.
func (m *Moment) Processes() iter.Seq[vm.ProcessInfo] { return m.at.state.Machine(nil).Processes() }

// At returns the moment after the input with number seq, which is between First and
// Last; 0 is the moment before the first input. It costs as much as applying the inputs since the last moment
// before it that is remembered: the run is remembered every so often when it is
// relived. If what comes of an input of the journal is not what the journal says,
// it returns a [*DivergenceError].
func (r *Recording) At(ctx context.Context, seq uint64) (*Moment, error) {
	if seq > r.Last() || seq < r.First() {
		return nil, fmt.Errorf("journal: there is no moment %d: they go from %d to %d", seq, r.First(), r.Last())
	}
	if seq == r.First() {
		return r.first, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	// The input itself is always relived, so that it is known what comes of it.
	return r.replay(ctx, r.nearest(seq-1), seq)
}

// nearest returns the last point that is not after seq.
func (r *Recording) nearest(seq uint64) *Moment {
	at := r.after(seq) - 1
	for i := len(r.snapshots) - 1; i >= 0; i-- {
		switch on := r.snapshots[i]; {
		case on > seq:
			continue
		case on <= r.points[at].Seq:
			return r.points[at]
		default:
			m, err := r.load(on)
			r.snapshots = slices.Delete(r.snapshots, i, i+1) // it is known now, or no good
			if err == nil {
				r.points = slices.Insert(r.points, r.after(on), m)
				return m
			}
		}
	}
	return r.points[at]
}

// after returns the place of the first point that is after seq.
func (r *Recording) after(seq uint64) int {
	i, _ := slices.BinarySearchFunc(r.points, seq+1, func(m *Moment, seq uint64) int { return cmp.Compare(m.Seq, seq) })
	return i
}

// remember makes a moment a point.
func (r *Recording) remember(m *Moment) {
	at := r.after(m.Seq)
	if r.points[at-1].Seq == m.Seq {
		return
	}
	r.points = slices.Insert(r.points, at, m)
	if len(r.points) <= maxPoints {
		return
	}
	kept := r.points[:0]
	for i, m := range r.points {
		if i%2 == 0 {
			kept = append(kept, m)
		}
	}
	clear(r.points[len(kept):])
	r.points, r.gap = kept, 2*r.gap
}

// relive goes from a moment to the one after input seq.
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
		last: seq,
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

// at returns the moment in which the player is, after an input.
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
	p.checked = m.Seq
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
		for ; first <= last; first++ {
			if !yield(&r.own[first-r.trunk-1], nil) {
				return
			}
		}
	}
}

// past yields inputs of the history. Those that it reads it keeps for the next
// time, if they are not too many.
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
		for e, err := range r.history.decodedInputs(first, r.program.Upcast) {
			if err == nil && len(read) < 4*maxPoints {
				read = append(read, *e)
			}
			if !yield(e, err) || err != nil || e.Seq == last {
				return
			}
		}
	}
}

// bare returns an input without what is known to have come of it.
func (e *decodedInput) withoutResults() decodedInput {
	return decodedInput{recordedInput{Input: e.Input, head: e.head, unchecked: true}, e.value}
}
