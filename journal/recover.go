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
	replayed uint64 // the last input that was replayed; a stop is not
	adopting bool   // another program has adopted the journal, but has no inputs yet
	lastEnd  string // describes the last end of a device
}

// Begin implements ground.Journal.
func (j *Journal) Begin(ctx context.Context, limits vm.Limits, boot func(self actions.PID) actions.Process) (*vm.Machine, vm.Input, error) {
	if j.begun {
		return nil, vm.Input{}, errors.New("journal: a Journal is for one run: open it again for the next")
	}
	j.begun = true
	start, err := j.begin(ctx, limits, boot)
	if err != nil {
		j.log.Abandon()
		return nil, start, err
	}
	if j.config.Durability == Batch {
		j.batching.Go(j.batch)
	}
	return j.player.machine, start, nil
}

func (j *Journal) begin(ctx context.Context, limits vm.Limits, boot func(self actions.PID) actions.Process) (start vm.Input, err error) {
	start = vm.Input{Kind: vm.Start, Limits: &limits}
	if err := world.CheckRequired(); err != nil {
		return start, fmt.Errorf("journal: %w", err)
	}
	if j.player, err = newPlayer(Program{Boot: boot, Types: j.config.Types}); err != nil {
		return start, err
	}
	j.player.setMachine(vm.Config{Limits: limits, Digest: true}.NewFunc(boot))
	if err := j.replay(ctx); err != nil {
		return start, err
	}
	if err := j.removeUnusable(); err != nil {
		return start, err
	}
	// The head of an adopting program has no effect before its first input.
	adopts := (j.config.Adopt || j.adopting) && j.seq > 0
	identify := j.id == ID{} // the ID is in the head of the current segment
	if identify {
		j.id = cmp.Or(j.config.ID, newID())
	}
	if adopts || identify {
		if err := j.log.Rotate(); err != nil {
			return start, fmt.Errorf("journal: %w", err)
		}
	}
	if adopts {
		j.player.adopt()
	}
	j.player.trace = j.config.Trace
	j.player.keepsStates = j.config.Trace && len(j.config.Types) > 0
	start.Incarnation = j.player.machine.Incarnation() + 1
	if j.player.before != nil {
		j.player.resumed = true
		j.player.restore(j.player.before)
		j.player.before = nil
	}
	j.player.updateWatch()
	j.now = time.Now()
	j.checked = j.now
	j.tell(start.Incarnation)
	if j.config.Durability != Memory {
		// There is nothing to sync yet. But from now on the log knows that it is
		// synced, and that a record may be torn before it is.
		if err := j.log.Sync(); err != nil {
			return start, fmt.Errorf("journal: %w", err)
		}
	}
	return start, j.writeHead(adopts)
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
	j.id, j.repairs = h.id(), h.repairs()
	from, err := j.load()
	if err != nil {
		return err
	}
	j.seq = from - 1
	j.adopting = h.adopted() == h.Last()
	var last recordedInput // if its number is not zero
	trail := j.leaveTrail(h, from)
	err = j.player.replay(ctx, h.decodedInputs(from, j.config.Upcast), replayOptions{
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
	if err != nil {
		return err
	}
	if last.Seq != 0 {
		j.seq = last.Seq
	}
	// The last results of the last input may be missing.
	if last.Seq != 0 && !last.Skipped && j.player.before == nil && !j.config.Adopt && !j.adopting {
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
