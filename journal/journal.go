package journal

import (
	"errors"
	"sync"
	"time"

	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/vm"
)

// A Journal records the inputs of the machine of one ground.Ground, and recovers the
// machine to the state in which the journal ended. Make one with [Open].
type Journal struct {
	writer
	recovering
	snapshots snapshots
	archiver  *archiver // nil if there is no Config.Archive
	store     wal.Store
	failed    chan error
	batching  sync.WaitGroup
	stop      chan struct{} // ends batching
	begun     bool
}

// Append implements ground.Journal.
func (j *Journal) Append(in vm.Input) error {
	if err := j.finishInput(); err != nil {
		return err
	}
	if in.Kind == vm.StopAsked && j.seq > 0 && j.digested != j.seq {
		// The next run goes on from here.
		if err := j.check(); err != nil {
			return err
		}
	}
	if in.Kind == vm.StopAsked && !j.snapshots.stopping {
		j.snapshots.stopping = true
		j.keepMachine()
	}
	if j.full() {
		if err := j.rotate(); err != nil {
			return err
		}
	}
	if err := j.input(&in); err != nil {
		return err
	}
	j.config.Meter.wrote(&j.writer)
	j.arm()
	return nil
}

// writeSize is how many bytes a journal with Memory writes at a time.
const writeSize = 256 << 10

// Commit implements ground.Journal.
func (j *Journal) Commit(m *vm.Machine) (wait bool, err error) {
	// Commands that the world sees have a digest behind their input, so that another build of
	// the program, or a replay, can be compared with what has happened up to a crash.
	if j.config.Durability != Memory && j.unfinished {
		j.committing = true
	}
	if err := j.finishInput(); err != nil {
		return false, err
	}
	if err := j.snapshot(m); err != nil {
		return false, err
	}
	if j.config.Durability == Memory && j.unwritten < writeSize {
		return false, nil
	}
	j.unwritten = 0
	return j.config.Durability == Sync, j.log.Flush()
}

// Sync implements ground.Journal.
func (j *Journal) Sync() error { return j.config.Meter.sync(j.log.Sync) }

// batch syncs every BatchEvery.
func (j *Journal) batch() {
	ticker := time.NewTicker(j.config.BatchEvery)
	defer ticker.Stop()
	for {
		select {
		case <-j.stop:
			return
		case <-ticker.C:
		}
		if err := j.Sync(); err != nil {
			j.failed <- err
			return
		}
	}
}

// Failed implements ground.Journal.
func (j *Journal) Failed() <-chan error { return j.failed }

// End implements ground.Journal.
func (j *Journal) End(err error) error {
	close(j.stop)
	j.batching.Wait()
	defer j.archiver.end()
	defer j.snapshots.end()
	j.snapshots.writing.Wait()
	if err != nil {
		j.log.Abandon()
		return nil
	}
	// The last input always has a digest.
	j.ending = true
	err = j.finishLastInput()
	if err == nil {
		err = j.endSnapshot()
	}
	if err == nil {
		err = j.lastSnapshot()
	}
	j.config.Meter.wrote(&j.writer)
	return errors.Join(err, j.config.Meter.sync(j.log.Close))
}
