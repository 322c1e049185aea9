package journal

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-marketplace/marketplace/journal/codec"
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
	types, err := image.NewTypes(c.Types...)
	if err != nil {
		return nil, err
	}
	log, recovery, begin, err := c.openLog(s, types)
	if err != nil {
		return nil, err
	}
	if cut := recovery.Cut; cut != nil {
		c.Logger.Warn("journal: the end of the journal was cut off, because it was torn, or damaged and Config.Cut (-cut) permitted it",
			"segment", cut.Segment, "offset", cut.Offset, "bytes", cut.Bytes, "reason", cut.Reason, "moved to", cut.Aside)
	}
	for _, h := range recovery.Headers {
		c.Logger.Warn("journal: the damaged header of a segment was rebuilt, nothing is lost", "segment", h.Segment, "reason", h.Reason)
	}
	if c.Cut != (Cut{}) && recovery.Cut == nil {
		c.Logger.Warn("journal: nothing was cut: the journal is not damaged, so Config.Cut (-cut) has no effect", "cut", c.Cut.String())
	}
	return &Journal{
		writer: writer{config: c, log: log, codec: &codec.Codec{Sealer: c.sealer}}, recovering: recovering{recovery: recovery, base: begin}, store: s,
		failed: make(chan error, 1), stop: make(chan struct{}), snapshots: snapshots{wake: make(chan struct{}, 1)},
	}, nil
}

// openLog opens the log, from the base of the recovery on. It opens a damaged log only if
// Config.Cut names the place behind its readable part.
func (c Config) openLog(s wal.Store, types image.Types) (*wal.Log, wal.Recovery, base, error) {
	var b base
	log, recovery, err := wal.Open(s, wal.Options{Begin: func(o *wal.Options) error {
		b = c.base(s, types)
		o.From = b.index
		return nil
	}})
	damage, damaged := errors.AsType[*wal.DamageError](err)
	if !damaged {
		if err != nil {
			err = fmt.Errorf("journal: %w", err)
		}
		return log, recovery, b, err
	}
	part, err := readable(s, b.index)
	if err != nil {
		return nil, recovery, b, errors.Join(damage, err)
	}
	if b.first != "" && b.at == nil {
		return nil, recovery, b, fmt.Errorf("journal: %w: the program cannot go on before it: %w", damage, c.noBase(b))
	}
	if !c.Cut.names(part) {
		other := ""
		if c.Cut != (Cut{}) {
			other = fmt.Sprintf(" (Config.Cut names another place, %v)", c.Cut)
		}
		return nil, recovery, b, fmt.Errorf("journal: %w: the last input before it is %d; to go on from there without what follows, which is moved aside, set Config.Cut to %v (-cut %v)%s", damage, part.seq, part.cut(), part.cut(), other)
	}
	head := part.head
	if head.Format == 0 { // there is none
		head = Head{Schema: c.Schema, Program: c.Program, Durability: c.Durability, Every: uint64(c.CheckEvery), ID: c.ID}
	}
	head.Seq = part.seq
	note := head.repaired(Repair{RepairCut, part.seq + 1, 0, time.Now().UTC()})
	log, recovery, err = wal.Open(s, wal.Options{From: b.index, Cut: part.end, Next: [][]byte{note}})
	if err != nil {
		return nil, recovery, b, fmt.Errorf("journal: %w", err)
	}
	return log, recovery, b, nil
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
	j.snapshots.end()
	return j.log.Close()
}
