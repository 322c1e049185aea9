package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/go-marketplace/marketplace/journal/wal"
)

// dropOld removes snapshots that are of no use any more, and, with DropOld, the segments before
// those that are. It tries again after the next snapshot to remove what it cannot.
func (j *Journal) dropOld(w written) error {
	seqs, err := snapshotsIn(j.store)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	if j.snapshots.indexes == nil {
		j.snapshots.indexes = map[uint64]uint64{}
	}
	j.snapshots.indexes[w.seq] = w.index
	bases := append(slices.Clone(j.bases), j.headBase) // or the stretches could not be replayed
	var chain []uint64
	floor := uint64(0)
	if j.config.DropOld {
		chain, floor = apart(seqs, uint64(j.config.SnapshotEvery))
	}
	for _, seq := range seqs[min(kept, len(seqs)):] {
		if slices.Contains(chain, seq) || seq > floor && slices.Contains(bases, seq) {
			continue
		}
		delete(j.snapshots.indexes, seq)
		if err := j.store.Remove(snapshotName(seq)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			j.config.Logger.Warn("journal: an old snapshot cannot be removed", "error", err)
		}
	}
	if floor == 0 {
		return nil
	}
	before, err := j.indexOf(floor)
	if err == nil {
		err = j.log.DropBefore(before + 1)
	}
	switch {
	case errors.Is(err, wal.ErrFailed):
		return fmt.Errorf("journal: %w", err)
	case err != nil: // on Windows, for example, as long as somebody reads the file
		j.config.Logger.Warn("journal: an old segment cannot be removed", "error", err)
	}
	return nil
}

// apart returns the snapshots to keep, beside the newest, so that a history goes back far
// enough: a chain of them that are some inputs apart, from the newest one on that is so far
// behind the newest of all. Without that, each stop, which leaves a snapshot, would shorten the
// history. The oldest snapshot to keep is the floor, or 0 if all are to be kept, with what is before
// them. Seqs are the inputs of all snapshots, the newest first.
func apart(seqs []uint64, inputs uint64) (chain []uint64, floor uint64) {
	for _, seq := range slices.Backward(seqs) {
		if len(chain) > 0 && seq-chain[len(chain)-1] < inputs {
			continue
		}
		if chain = append(chain, seq); seqs[0]-seq >= inputs {
			chain, floor = chain[len(chain)-1:], seq
		}
	}
	return chain, floor
}

// indexOf returns the index of the last record of the log before a snapshot.
func (j *Journal) indexOf(seq uint64) (uint64, error) {
	if index, ok := j.snapshots.indexes[seq]; ok {
		return index, nil
	}
	h, err := ReadStore(j.store)
	if err != nil {
		return 0, err
	}
	s, _, err := h.sealed(seq)
	if err != nil {
		return 0, fmt.Errorf("journal: snapshot %s: %w", snapshotName(seq), err)
	}
	j.snapshots.indexes[seq] = s.index
	return s.index, nil
}
