package journal

import (
	"errors"
	"fmt"

	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/vm/image"
)

// A base is where a recovery begins: with a snapshot, or, if it has none, with the first
// input.
type base struct {
	stretch    Stretch     // of the program that has written last; zero if there is none
	settings   []Setting   // with which it was started
	changed    bool        // that was another build
	resumes    bool        // the program that has opened the journal last was this one, with the same settings
	seq, index uint64      // of the last input and the last record before the snapshot
	at         *checkpoint // nil if there is no snapshot
	first      string      // what the history begins with, if its beginning has been dropped
	faults     []error     // why newer snapshots cannot be used
	bad        []uint64    // the inputs of newer snapshots that are of no use for any program
	newest     uint64      // the input of the newest snapshot that is not bad
}

// base returns the base of a recovery: the newest snapshot that can be used.
func (c Config) base(s wal.Store, types image.Types) base {
	var b base
	h, err := again(func() (*History, error) { return readStore(s, true) })
	if err != nil {
		return b // there is no journal yet, or it is damaged, which the log reports
	}
	h.sealer = c.sealer
	switch {
	case h.First() > 1:
		b.first = fmt.Sprint("input ", h.First())
	case len(h.parts) == 0 && h.reader.First() > 1: // all is damaged
		b.first = fmt.Sprint("record ", h.reader.First())
	}
	if all := h.stretches(); len(all) > 0 {
		b.stretch = all[len(all)-1]
		b.resumes = b.stretch.continuedBy(&Head{Program: c.Program, Settings: c.Settings})
		if n := len(all) - 2; n >= 0 && !b.resumes && b.stretch.Last < b.stretch.First {
			b.stretch = all[n] // the other program has had no inputs
		}
		b.changed = b.stretch.last() != c.Program
		b.settings = b.stretch.Settings
	}
	seqs, err := snapshotsIn(s)
	if err != nil {
		b.faults = append(b.faults, err)
	}
	for _, seq := range seqs {
		if len(c.Types) == 0 || seq > h.Last() || seq+1 < h.First() || !b.stretch.uses(seq, h.First() > 1) {
			continue
		}
		m, index, err := h.loadSnapshot(seq, types)
		if err == nil {
			b.seq, b.index, b.at = seq, index, m
			b.newest = max(b.newest, seq)
			return b
		}
		if errors.As(err, new(badSnapshot)) {
			b.bad = append(b.bad, seq)
		} else {
			b.newest = max(b.newest, seq)
		}
		err = fmt.Errorf("snapshot %s: %w", snapshotName(seq), err)
		b.faults = append(b.faults, err)
		c.Logger.Warn("journal: a snapshot cannot be used, so the recovery replays more inputs", "error", err)
	}
	return b
}

// load brings the machine to the base, and returns the number of the input that comes
// next.
func (j *Journal) load() (next uint64, err error) {
	b := j.base
	j.base.at = nil // it may be large
	switch {
	case b.at != nil:
		j.player.restore(b.at)
		j.player.checked = b.seq
		j.snapshots.last, j.snapshots.good, j.snapshots.size = b.seq, b.seq, sizeOf(j.store, snapshotName(b.seq))
		return b.seq + 1, nil
	case b.first != "":
		return 0, fmt.Errorf("journal: %w", j.config.noBase(b))
	case b.stretch.Adopts && b.stretch.Base > 0 && !j.config.Adopt:
		// It would live through what is before that snapshot as well, and nothing would be compared.
		return 0, b.stretch.noBase(b.faults)
	}
	return 1, nil
}

// noBase says why a recovery cannot begin, although the journal has inputs.
func (c Config) noBase(b base) error {
	if len(c.Types) == 0 {
		b.faults = append(b.faults, errors.New("a snapshot needs Config.Types"))
	}
	return fmt.Errorf("the history begins with %s, because what was before it has been dropped, and no snapshot can be used: %w", b.first, allOf(b.faults))
}

// sizeOf returns the size of a file in bytes, or 0 if it cannot be opened.
func sizeOf(s wal.Store, name string) int64 {
	c, err := s.Open(name)
	if err != nil {
		return 0
	}
	defer c.Close()
	return c.Size()
}
