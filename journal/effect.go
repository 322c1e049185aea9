package journal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/internal/text"
	"github.com/go-marketplace/marketplace/journal/internal/fingerprint"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/vm/image"
)

// An Effect is something that a process does because of an input and that others can notice: a
// command to a device, or a message.
type Effect struct {
	Seq     uint64 `json:"input"`
	Type    string `json:"type"`    // of the process: the name of its process type, or else the Go type of its state
	Command bool   `json:"command"` // otherwise it is a message
	Text    string `json:"text"`    // for people, abridged

	// Digest covers the content: the message, or the device and the command. It knows types by
	// their registered names, see [world.Register], and otherwise by their structure, so
	// builds in which a type has been renamed have equal digests.
	//
	// [world.Register]: https://pkg.go.dev/github.com/go-marketplace/marketplace/world#Register
	Digest vm.Digest `json:"digest,string"`
}

// Effects lives through a history with the build of a program that has written it. It calls begin
// with the numbers of the first and the last input, and then f for the effects of each input, in
// order, until one of them returns an error. It begins with the newest snapshot before the input
// with number from, or with the first input. If from is zero, it begins 100,000 inputs before the
// last one, or with the nearest snapshot before that; if there is none, with the first input, or
// the oldest snapshot.
//
// Effects compares the results with those in the journal, and ends at the first difference with a
// [*DivergenceError].
func (h *History) Effects(ctx context.Context, program Program, from uint64, begin func(first, last uint64) error, f func(*Effect) error) error {
	if program.Boot == nil {
		_, err := newPlayer(program)
		return err
	}
	own, _ := h.stretchesOf(&program)
	if len(own) == 0 {
		return errors.New("journal: there are no inputs")
	}
	return h.effects(ctx, &own[len(own)-1], program, from, replayOptions{}, begin, f)
}

// effects is Effects for a stretch.
func (h *History) effects(ctx context.Context, s *Stretch, program Program, from uint64, o replayOptions, begin func(first, last uint64) error, f func(*Effect) error) error {
	p, err := newPlayer(program)
	if err != nil {
		return err
	}
	at, seq, err := h.beginAt(s, from, p.types)
	if err != nil {
		return err
	}
	if at != nil {
		p.restore(at)
		p.checked, p.whole = seq, seq
	}
	first := max(from, seq+1)
	if err := begin(first, s.Last); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	w := effectsOf{player: p, types: map[string]string{}}
	for info := range p.machine.Processes() {
		w.types[info.Path.String()] = p.typeName(info.State)
	}
	failed := false
	p.onRecord = func(r *vm.Record) {
		e := w.effect(r)
		if e == nil || e.Seq < first || failed {
			return
		}
		if err := f(e); err != nil {
			failed = true
			cancel(err)
		}
	}
	p.updateWatch()
	o.last, o.skipStops, o.total = s.Last, true, func() uint64 { return s.Last }
	before := o.before
	o.before = func(e *recordedInput) {
		w.seq = e.Seq
		if before != nil && e.Seq >= first {
			before(e)
		}
	}
	err = p.replay(ctx, h.decodedInputs(seq+1, s, program.Upcast), o)
	if failed {
		err = context.Cause(ctx)
	}
	return err
}

// recent is how many inputs are lived through if nobody says with which one to begin.
const recent = 100_000

// beginAt returns the state of the newest snapshot of a stretch before an input. It returns nil if
// the stretch is to be lived through from the first input on.
func (h *History) beginAt(s *Stretch, from uint64, types image.Types) (at *checkpoint, seq uint64, err error) {
	if from > s.Last {
		return nil, 0, fmt.Errorf("journal: there is no input %d: the last one is %d", from, s.Last)
	}
	before := cmp.Or(from, max(s.Last, recent)-recent+1)
	snapshots, err := h.snapshotsFor(s)
	if err != nil {
		return nil, 0, err
	}
	n, _ := slices.BinarySearch(snapshots, before)
	slices.Reverse(snapshots[:n]) // the newest one before the input first
	whole := s.Base == 0 && h.First() == 1
	if from > 0 || whole && s.Last <= recent {
		snapshots = snapshots[:n]
	}
	var faults []error
	for _, seq := range snapshots {
		at, _, err := h.loadSnapshot(seq, types)
		if err == nil {
			return at, seq, nil
		}
		err = fmt.Errorf("snapshot %s: %w", snapshotName(seq), err)
		if !errors.As(err, new(badSnapshot)) {
			return nil, 0, fmt.Errorf("journal: %w", err) // nor could the build go on from it
		}
		faults = append(faults, err)
	}
	if whole {
		return nil, 0, nil
	}
	return nil, 0, fmt.Errorf("journal: the history begins with input %d, and there is no snapshot to begin with: %w", max(h.First(), s.Base+1), allOf(faults))
}

// effectsOf makes effects from records.
type effectsOf struct {
	*player
	seq   uint64            // of the current input
	types map[string]string // of processes, by their paths
}

// typeName returns the name of the type of a process with a state.
func (p *player) typeName(state any) string {
	t := reflect.TypeOf(state)
	if t == nil {
		return "a process without a state"
	}
	if kind, ok := p.types.ByState(t); ok {
		return kind.Name
	}
	return t.String()
}

// effect returns the effect that a record is about, or nil if it is about none.
func (w *effectsOf) effect(r *vm.Record) *Effect {
	switch r.Kind {
	case vm.Spawned:
		w.types[r.Path().String()] = w.typeName(r.State())
	case vm.Performed:
		m, ok := r.Action.(*actions.SendMessage)
		if !ok {
			w.types[r.Path().String()] = w.typeName(r.State())
			break
		}
		e := &Effect{Seq: w.seq, Type: w.typeName(r.State()), Text: abridged(brief.Text(r.DescribeAction))}
		w.buf = fingerprint.V2.Append(append(w.buf[:0], byte(r.Level)), m)
		e.Digest = e.Digest.MixBytes(w.buf)
		return e
	case vm.Commanded:
		c := &r.Command
		e := &Effect{Seq: w.seq, Type: w.types[c.Address.Path.String()], Command: true}
		e.Text = abridged(brief.Text(func(t *text.Writer) { describeCommand(t, c) }))
		w.buf = append(w.buf[:0], byte(c.Kind), flag(c.Paused, 1))
		w.buf = append(append(w.buf, c.Address.Device.DeviceName()...), 0)
		w.buf = fingerprint.V2.Append(w.buf, c.Value)
		e.Digest = e.Digest.MixBytes(w.buf)
		return e
	}
	return nil
}

// describeCommand describes a command without its process, whose path may be another in another
// build.
func describeCommand(w *text.Writer, c *vm.Command) {
	w.Word(c.Kind.String() + " ")
	w.Device(c.Address.Device)
	if c.Kind == vm.Tell {
		w.Word(": ")
		w.Value(text.Command, c.Value)
	}
}
