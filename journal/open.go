package journal

import (
	"errors"
	"fmt"

	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/vm/image"
)

// Open opens the journal in a folder, or begins one there, to be the Journal of a
// ground.Ground. The ground closes it at the end of its run.
//
// It fails with [wal.ErrLocked] if the journal is open already, and with a
// [*wal.DamageError] if it is damaged and the Config does not permit a cut. It also
// fails if the format of the journal is unknown to this program, and if the Config is
// invalid.
func Open(dir string) (*Journal, error) { return Config{}.Open(dir) }

// Open is the function [Open], with a Config.
func (c Config) Open(dir string) (*Journal, error) { return c.OpenStore(wal.Dir(dir)) }

// OpenStore is [Config.Open] for a journal that is not in a folder.
func (c Config) OpenStore(s wal.Store) (*Journal, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	if _, err := image.NewTypes(c.Types...); err != nil {
		return nil, err
	}
	log, recovery, err := c.openLog(s)
	if err != nil {
		return nil, err
	}
	if cut := recovery.Cut; cut != nil {
		c.Logger.Warn("journal: the end of the journal was cut off, because it was torn, or damaged and Config.Cut (-cut) permitted it",
			"segment", cut.Segment, "offset", cut.Offset, "bytes", cut.Bytes, "reason", cut.Reason)
	}
	if c.Cut > 0 && (recovery.Cut == nil || !recovery.Cut.Permitted) {
		c.Logger.Warn("journal: nothing was cut: the journal is not damaged, so Config.Cut (-cut) has no effect", "cut", c.Cut)
	}
	return &Journal{
		config: c, store: s, log: log, recovery: recovery,
		failed: make(chan error, 1), stop: make(chan struct{}),
		known: map[uint64]struct{}{},
	}, nil
}

// openLog opens the log. It opens a damaged log only if the readable part reaches as
// far as Config.Cut demands.
func (c Config) openLog(s wal.Store) (*wal.Log, wal.Recovery, error) {
	// A recovery that begins with a snapshot needs only what follows it. If the user
	// permits a cut and the snapshot is unusable, the log before it counts too.
	o := wal.Options{}
	if len(c.Types) > 0 && (c.Cut == 0 || c.newestLoads(s)) {
		o.From = indexOfNewest(s)
	}
	log, recovery, err := wal.Open(s, o)
	damage, damaged := errors.AsType[*wal.DamageError](err)
	if !damaged {
		if err != nil {
			err = fmt.Errorf("journal: %w", err)
		}
		return log, recovery, err
	}
	seq, end, err := readable(s, o.From)
	switch {
	case err != nil:
		return nil, recovery, errors.Join(damage, err)
	case c.Cut == 0 || c.Cut > seq+1:
		return nil, recovery, fmt.Errorf("journal: %w: the last input before it is %d; to go on from there, and lose what follows, set Config.Cut to %d (-cut)", damage, seq, seq+1)
	}
	o.Cut = end
	if log, recovery, err = wal.Open(s, o); err != nil {
		err = fmt.Errorf("journal: %w", err)
	}
	return log, recovery, err
}

// newestLoads reports whether the newest snapshot can be used.
func (c Config) newestLoads(s wal.Store) bool {
	seqs, err := snapshotsIn(s)
	if err != nil || len(seqs) == 0 {
		return false
	}
	types, err := image.NewTypes(c.Types...)
	if err != nil {
		return false
	}
	_, err = loadSnapshot(s, seqs[0], types)
	return err == nil
}

// Recovery says what [Open] found in the log.
func (j *Journal) Recovery() wal.Recovery { return j.recovery }

// Close closes a journal that no Ground has begun to run with. It returns an error if
// a Ground has.
func (j *Journal) Close() error {
	if j.begun {
		return errors.New("journal: Close of a journal with which a Ground runs: stop the Ground instead")
	}
	j.begun = true
	return j.log.Close()
}

// readable returns the number of the last input that can be read in a log, and the index
// of the record behind the readable part. It begins to read with the segment of the record
// from, or with the first segment.
func readable(s wal.Store, from uint64) (seq, end uint64, err error) {
	r, err := wal.Read(s)
	if errors.Is(err, wal.ErrNoLog) {
		return 0, 1, nil
	}
	if err != nil {
		return 0, 0, fmt.Errorf("journal: %w", err)
	}
	end = r.First()
	for _, first := range r.Segments() {
		if first <= from {
			end = first
		}
	}
	for e, err := range (&History{store: s, reader: r}).entries(end, newSegment()) {
		if err != nil {
			return seq, end, nil
		}
		switch e.kind {
		case headEntry:
			seq = e.head.Seq
		case inputEntry:
			seq = e.seq
		}
		end = e.index + 1
	}
	return seq, end, nil
}
