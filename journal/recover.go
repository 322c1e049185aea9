package journal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// recovering is what a recovery finds out.
type recovering struct {
	recovery wal.Recovery // of the log
	base     base
	replayed uint64   // the last input that was replayed; a stop is not
	bases    []uint64 // of the stretches
	adopting bool     // another program has adopted the journal, but has no inputs yet
	lastEnd  string   // describes the last end of a device
}

// Begin implements ground.Journal.
func (j *Journal) Begin(ctx context.Context, limits vm.Limits, boot func(self actions.PID) actions.Process) (*vm.Machine, vm.Input, error) {
	if j.begun {
		return nil, vm.Input{}, errors.New("journal: a Journal is for one run: open it again for the next")
	}
	j.begun = true
	start, err := j.begin(ctx, limits, boot)
	if err == nil {
		j.config.Meter.begin(j)
		err = j.beginArchiving()
	}
	if err != nil {
		j.log.Abandon()
		j.snapshots.end()
		return nil, start, err
	}
	if j.config.Durability == Batch {
		j.batching.Go(j.batch)
	}
	return j.player.machine, start, nil
}

func (j *Journal) begin(ctx context.Context, limits vm.Limits, boot func(self actions.PID) actions.Process) (start vm.Input, err error) {
	start = vm.Input{Kind: vm.Start, Limits: &limits}
	if err := j.recover(ctx, limits, boot); err != nil {
		return start, err
	}
	adopts, err := j.takeOver()
	if err != nil {
		return start, err
	}
	if adopts {
		j.player.adopt(takenOver)
	}
	lost := j.player.lost
	j.player.trace = j.config.Trace
	j.player.keepsStates = len(j.config.Types) > 0
	start.Incarnation = j.player.machine.Incarnation() + 1
	if j.player.before != nil {
		j.player.resumed = true
		j.player.restore(j.player.before)
		j.player.before = nil
	}
	if lost > 0 {
		j.goOnErased(lost)
	}
	j.player.updateWatch()
	j.tell(start.Incarnation)
	return start, j.beginWriting(adopts)
}

// recover brings the machine to the end of the journal.
func (j *Journal) recover(ctx context.Context, limits vm.Limits, boot func(self actions.PID) actions.Process) (err error) {
	if err := world.CheckRequired(); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	if j.player, err = newPlayer(Program{Boot: boot, Types: j.config.Types, Fingerprint: j.config.Program}); err != nil {
		return err
	}
	j.player.setMachine(vm.Config{Limits: limits, Digest: true}.NewFunc(boot))
	if err := j.replay(ctx); err != nil {
		return err
	}
	return j.removeUnusable()
}

// takeOver prepares the log for the head of the program, and reports whether it adopts the
// history. A head that begins a stretch, or has a new ID, begins a segment.
func (j *Journal) takeOver() (adopts bool, err error) {
	// The head of an adopting program has no effect before its first input.
	adopts = (j.config.Adopt || j.adopting) && j.seq > 0
	takesOver := !j.base.resumes && j.seq > 0
	j.writer.takesOver = adopts || takesOver
	j.headBase = j.base.stretch.Base
	if adopts || j.base.changed || !slices.Equal(j.base.settings, j.config.Settings) {
		j.headBase = j.base.seq
	}
	identify := j.id == ID{} // the ID is in the head of the current segment
	if identify {
		j.id = cmp.Or(j.config.ID, newID())
	}
	if adopts || takesOver || identify {
		if changed := j.changedSettings(); len(changed) > 0 {
			j.config.Logger.Warn("journal: the program has other settings than before. The machine goes on from its state, which may have the former ones", "changed", strings.Join(changed, "; "))
		}
		err = j.log.Rotate()
	}
	if err != nil {
		err = fmt.Errorf("journal: %w", err)
	}
	return adopts, err
}

// beginWriting writes the head of the program.
func (j *Journal) beginWriting(adopts bool) error {
	j.now = time.Now()
	j.checked = j.now
	if j.config.Durability != Memory {
		// There is nothing to sync yet. But from now on the log knows that it is
		// synced, and that a record may be torn before it is.
		if err := j.log.Sync(); err != nil {
			return fmt.Errorf("journal: %w", err)
		}
	}
	return j.writeHead(adopts)
}

// tell logs from where the machine goes on.
func (j *Journal) tell(incarnation uint64) {
	if j.seq == 0 {
		// In a folder with a mistyped name, the program would seem to have lost everything.
		var attrs []any
		if dir, ok := j.store.(fmt.Stringer); ok {
			path, err := filepath.Abs(dir.String())
			attrs = []any{"folder", cmp.Or(path, fmt.Sprint(err))}
		}
		j.config.Logger.Warn("journal: a new journal begins, because there is none here yet", attrs...)
		return
	}
	attrs := []any{"input", j.seq + 1, "incarnation", incarnation}
	if j.snapshots.last > 0 {
		attrs = append(attrs, "snapshot", j.snapshots.last)
	}
	if n := j.replayed - min(j.player.checked, j.replayed); n > 0 && !j.config.Adopt && !j.adopting {
		attrs = append(attrs, "unchecked", n)
	}
	if j.base.changed {
		j.config.Logger.Warn("journal: another build of the program goes on from here. What is before stays as it is, and is replayed by the build that has written it",
			"was", j.base.stretch.last(), "is", j.config.Program, "snapshot", j.base.seq, "inputs behind it", j.seq-j.base.seq)
	}
	j.config.Logger.Info("journal: the machine goes on", attrs...)
	if j.player.machine.Idle() {
		attrs := []any{"input", j.seq}
		if j.lastEnd != "" {
			attrs = append(attrs, "end", j.lastEnd)
		}
		j.config.Logger.Warn("journal: nothing can happen in the machine any more: all its devices have ended. To begin anew, use another journal", attrs...)
	}
}

// replay brings the machine to the end of the journal.
func (j *Journal) replay(ctx context.Context) error {
	if j.log.Last() == 0 {
		return nil
	}
	h, err := ReadStore(j.store)
	if err != nil {
		return err
	}
	h.sealer = j.config.sealer
	j.id, j.repairs, j.parts = h.id(), h.repairs(), h.parts
	for _, s := range h.stretches() {
		j.bases = append(j.bases, s.Base)
	}
	if refused := j.base.refused(); refused != nil && !j.config.Adopt {
		return j.changed(h, refused)
	}
	from, err := j.load()
	if err != nil {
		return err
	}
	j.seq = from - 1
	j.adopting = j.base.stretch.Adopts && j.base.stretch.First > h.Last()
	var last recordedInput // if its number is not zero
	trail := j.leaveTrail(h, from)
	err = j.player.replay(ctx, h.decodedInputs(from, &j.base.stretch, j.config.Upcast), replayOptions{
		last:      until(0),
		skipStops: true,
		unchecked: j.config.Adopt,
		total:     h.Last,
		progress:  j.config.Progress,
		slow:      func(in slowInput) { j.tellSlow(h, in) },
		before: func(e *recordedInput) {
			last = *e
			trail.before(e.Seq)
			if e.Kind == vm.End {
				j.lastEnd = e.Input.String()
			}
		},
		after: func(e *recordedInput) { j.replayed = e.Seq },
	})
	trail.end()
	if errors.As(err, new(*DivergenceError)) {
		if j.base.seq < j.base.stretch.Base {
			err = errors.Join(j.base.stretch.noBase(j.base.faults), err)
		}
		return j.changed(h, err)
	}
	if err != nil {
		return err
	}
	if last.Seq != 0 {
		j.seq = last.Seq
	}
	// The last results of the last input may be missing.
	if last.Seq != 0 && !last.Skipped && j.player.before == nil && !j.config.Adopt && !j.adopting && j.player.lost == 0 {
		j.changesWritten = len(last.changes)
		if len(j.player.changes) > j.changesWritten || !last.checks && j.due(last.Seq) {
			j.unfinished = true
		}
		j.player.steps = j.player.steps[:0]
	}
	j.player.expecting = expecting{checked: j.player.checked}
	return nil
}

// removeUnusable removes incomplete snapshots. It moves those aside that are bad, because
// they would count among those that are kept, and those after inputs that are lost, because
// they would pass for snapshots after the new inputs with the same numbers.
func (j *Journal) removeUnusable() error {
	names, err := j.store.List()
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	for _, name := range names {
		complete, half := strings.CutSuffix(name, partSuffix)
		if seq, ok := parseSnapshotName(complete); !ok || !half && seq <= j.seq && !slices.Contains(j.base.bad, seq) {
			continue
		}
		if half {
			err = j.store.Remove(name)
		} else {
			err = setAside(j.store, name)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("journal: %w", err)
		}
		if err := j.store.SyncDir(); err != nil {
			return fmt.Errorf("journal: %w", err)
		}
	}
	return nil
}
