package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/go-marketplace/marketplace/journal/wal"
)

// dropOld removes snapshots that are of no use any more, and, if there is a Retention, the
// segments before those that are. It tries again after the next snapshot to remove what it cannot.
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
	p, err := j.past(seqs, bases)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	chain, floor := j.config.Retention.cut(p)
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
		err = j.log.DropBefore(j.droppable(before + 1))
	}
	switch {
	case errors.Is(err, wal.ErrFailed):
		return fmt.Errorf("journal: %w", err)
	case err != nil: // on Windows, for example, as long as somebody reads the file
		j.config.Logger.Warn("journal: an old segment cannot be removed", "error", err)
	}
	first := j.log.First()
	for len(j.parts) > 1 && j.parts[1].index <= first {
		j.parts = j.parts[1:]
	}
	return nil
}

// past returns what the journal has kept so far, as far as its Retention asks for it.
func (j *Journal) past(seqs, bases []uint64) (p *past, err error) {
	p = &past{seqs: seqs, always: bases, parts: j.parts, every: int64(j.config.SnapshotEvery), now: time.Now(), sizes: map[uint64]int64{}, indexes: map[uint64]uint64{}}
	if j.config.Retention.Age == 0 && j.config.Retention.Bytes == 0 {
		return p, nil
	}
	if p.segments, err = wal.Segments(j.store); err != nil {
		return nil, err
	}
	for _, seq := range seqs {
		if p.sizes[seq], p.indexes[seq], err = glance(j.store, seq); err != nil {
			return nil, err
		}
	}
	return p, nil
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
