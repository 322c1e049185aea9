package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/vm"
)

// Settle recovers the machine of the journal in a folder, and takes a snapshot of it, without
// running it: nothing is opened, no command is carried out, and the machine gets no input. It
// returns the number of the last input that the snapshot has, from which another build of the
// program can then go on. It is for a program that has crashed, because one that was stopped
// has left a snapshot. If there is one already, Settle takes none.
//
// The Types and Upcast of the Config come from the program. Settle fails as Open and a run do,
// and if there can be no snapshot: the program has adopted the journal, and has had no inputs;
// a process is of no known type; the machine has come to its end; or it was in the middle of a
// long piece of work when the program crashed.
func (c Config) Settle(ctx context.Context, dir string, p Program) (seq uint64, err error) {
	return c.SettleStore(ctx, wal.Dir(dir), p)
}

// SettleStore is [Config.Settle] for a journal that is not in a folder.
func (c Config) SettleStore(ctx context.Context, s wal.Store, p Program) (seq uint64, err error) {
	if _, err := ReadStore(s); errors.Is(err, wal.ErrNoLog) {
		return 0, err // or OpenStore would begin a journal
	}
	c.Types, c.Upcast = p.Types, p.Upcast
	if p.Boot == nil {
		_, err := newPlayer(p)
		return 0, err
	}
	j, err := c.OpenStore(s)
	if err != nil {
		return 0, err
	}
	j.begun = true
	defer j.snapshots.end()
	if seq, err = j.settle(ctx, p.Boot); err != nil {
		j.log.Abandon()
		return 0, err
	}
	if err := j.log.Close(); err != nil {
		return 0, fmt.Errorf("journal: %w", err)
	}
	return seq, nil
}

func (j *Journal) settle(ctx context.Context, boot func(self actions.PID) actions.Process) (seq uint64, err error) {
	if err := j.recover(ctx, vm.Limits{}, boot); err != nil {
		return 0, err
	}
	if j.adopting || j.config.Adopt {
		return 0, errors.New("journal: there is no snapshot to take: the program adopts the journal, and has had no inputs. Start it, and stop it; or start the build that has written the inputs")
	}
	if seq = max(j.replayed, j.base.seq); seq == 0 || seq == j.snapshots.good {
		return seq, nil
	}
	adopts, err := j.takeOver()
	if err == nil {
		err = j.beginWriting(adopts)
	}
	var at *machineAt
	switch {
	case err != nil:
	case j.player.before != nil: // the next run goes on from before the stop
		at = &machineAt{written{seq: seq, time: time.Now()}, *j.player.before}
		at.index, at.hash, err = j.recordBefore(seq + 1)
	default:
		err = j.finishLastInput()
		at = j.machineNow()
	}
	if err != nil {
		return 0, err
	}
	if err = j.put(appendTaking(j.buf[:0], seq)); err != nil {
		return 0, err
	}
	if err = j.writeSnapshot(at); err != nil {
		return 0, fmt.Errorf("journal: %w", err)
	}
	return seq, j.noteSnapshot(at.written)
}

// recordBefore returns the index and the hash of the last record before an input.
func (j *Journal) recordBefore(seq uint64) (index uint64, hash wal.Hash, err error) {
	h, err := ReadStore(j.store)
	if err != nil {
		return 0, hash, err
	}
	for e, err := range h.entriesFrom(h.partOf(seq), seekPoint{}) {
		if err != nil {
			return 0, hash, err
		}
		if e.kind == inputEntry && e.seq == seq {
			index = e.index - 1
			break
		}
	}
	for r, err := range h.reader.Records(index) {
		if err != nil {
			return 0, hash, fmt.Errorf("journal: %w", err)
		}
		return index, r.Hash, nil
	}
	return 0, hash, fmt.Errorf("journal: there is no input %d", seq)
}
