package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/vm/image"
)

// snapshots is the state of taking snapshots.
type snapshots struct {
	last     uint64 // input after which the last one was taken
	index    uint64 // of the log's last record then, if it is of this run
	stopping bool   // a stop of the machine has begun
	complain string // the last error that was logged

	writing sync.WaitGroup
	busy    bool         // a snapshot is being written
	done    chan written // gets the result
}

// written is the result of writing a snapshot.
type written struct {
	seq, index uint64
	hash       wal.Hash // of the record index
	seal       seal
	err        error
}

func (s *snapshots) wait() { s.writing.Wait() }

// snapshot takes a snapshot if one is due, after it has finished the one before.
func (j *Journal) snapshot(m *vm.Machine) error {
	s := &j.snapshots
	if err := j.endSnapshot(); err != nil || s.busy {
		return err
	}
	if len(j.config.Types) == 0 || j.config.SnapshotEvery < 0 || s.stopping ||
		j.seq-s.last < uint64(j.config.SnapshotEvery) || m.Busy() {
		return nil
	}
	if j.log.SegmentSize() > j.config.SegmentSize/tooLong {
		if err := j.rotate(); err != nil {
			return err
		}
	}
	s.last, s.busy = j.seq, true
	s.done = make(chan written, 1)
	w, at := written{seq: j.seq, index: j.log.Last(), hash: j.log.Hash()}, checkpoint{m.Snapshot(), j.player.sum, j.player.version}
	s.writing.Go(func() {
		w.seal, w.err = j.writeSnapshot(w, at)
		s.done <- w
	})
	return nil
}

// endSnapshot finishes the snapshot that was being written, if its result is there.
func (j *Journal) endSnapshot() error {
	s := &j.snapshots
	if !s.busy {
		return nil
	}
	select {
	case w := <-s.done:
		s.busy = false
		return j.noteSnapshot(w)
	default:
		return nil
	}
}

// writeSnapshot writes a snapshot, while the machine runs on.
func (j *Journal) writeSnapshot(w written, at checkpoint) (seal, error) {
	image, err := image.Of(at.state, j.player.types, encodeState)
	if err != nil {
		return seal{}, err
	}
	s := snapshot{Format: format, Seq: w.seq, Index: w.index, Sum: at.sum, Program: j.config.Program, Image: *image, Journal: j.id[:], Hash: w.hash[:]}
	data, seal, err := s.marshal(appendEndpoints(nil, at.state.Machine(nil)))
	if err != nil {
		return seal, err
	}
	// The log must have all records up to the snapshot first.
	reach := j.log.Sync
	if j.config.Durability == Memory {
		reach = j.log.Flush
	}
	if err := reach(); err != nil {
		return seal, err
	}
	return seal, writeFile(j.store, snapshotName(w.seq), data)
}

// noteSnapshot adds an entry for a snapshot that was written, or logs why it was not, which
// does not harm the journal.
func (j *Journal) noteSnapshot(w written) error {
	if w.err != nil {
		if text := w.err.Error(); text != j.snapshots.complain {
			j.snapshots.complain = text
			j.config.Logger.Warn("journal: no snapshot can be taken of the machine, so a recovery replays more inputs", "input", w.seq, "error", w.err)
		}
		return nil
	}
	if err := j.put(appendNote(j.buf[:0], w.seq, w.seal)); err != nil {
		return err
	}
	return j.dropOld(w)
}

// dropOld removes snapshots that are older than the last two, and, with DropOld, the
// segments before them. It tries again after the next snapshot to remove what it cannot.
func (j *Journal) dropOld(w written) error {
	seqs, err := snapshotsIn(j.store)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	for _, seq := range seqs[min(kept, len(seqs)):] {
		if err := j.store.Remove(snapshotName(seq)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			j.config.Logger.Warn("journal: an old snapshot cannot be removed", "error", err)
		}
	}
	before := j.snapshots.index
	j.snapshots.index = w.index
	if !j.config.DropOld || before == 0 || len(seqs) < kept {
		return nil
	}
	switch err := j.log.DropBefore(before + 1); {
	case errors.Is(err, wal.ErrFailed):
		return fmt.Errorf("journal: %w", err)
	case err != nil: // on Windows, for example, as long as somebody reads the file
		j.config.Logger.Warn("journal: an old segment cannot be removed", "error", err)
	}
	return nil
}
