package journal

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// A Journal records the inputs of the machine of one ground.Ground, and recovers the
// machine to the state in which the journal ended. Make one with [Open].
type Journal struct {
	config   Config
	store    wal.Store
	log      *wal.Log
	recovery wal.Recovery
	base     base
	failed   chan error
	batching sync.WaitGroup
	stop     chan struct{} // ends batching

	// Only the goroutine that runs the machine uses what follows.
	begun          bool
	player         *player
	id             ID
	repairs        []Repair
	seq            uint64             // of the last input
	unfinished     bool               // its results are not written yet
	ending         bool               // and it is the last one
	known          openings[struct{}] // openings whose addresses the segment has
	replayed       uint64             // the last input that the recovery has replayed; it does not replay a stop
	adopting       bool               // another program has adopted the journal, but has no inputs yet
	lastEnd        string             // describes the last end of a device before this run
	changesWritten int                // presence changes of the last input that the journal already has
	buf            []byte
	unwritten      int
	now            time.Time // when the last input came
	checked        time.Time // when a digest was written last
	digested       uint64    // the input after which that was, if it was in this run
	snapshots      snapshots
}

// writeHead begins a segment, or a run.
func (j *Journal) writeHead(adopts bool) error {
	return j.put(appendHead(j.buf[:0], Head{
		Format:     format,
		Schema:     j.config.Schema,
		Program:    j.config.Program,
		Time:       time.Now(),
		Durability: j.config.Durability,
		Every:      uint64(j.config.CheckEvery),
		Trace:      j.config.Trace,
		States:     j.player.keepsStates,
		Adopts:     adopts,
		Seq:        j.seq,
		ID:         j.id,
		Repairs:    j.repairs,
	}))
}

// put writes an entry.
func (j *Journal) put(e []byte) error {
	j.buf = e
	j.unwritten += len(e)
	_, err := j.log.Append(e)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

// checkAfter is the longest time between two digests, if there are inputs.
const checkAfter = time.Second

// due reports whether to write a digest after an input.
func (j *Journal) due(seq uint64) bool {
	return j.ending || j.now.Sub(j.checked) >= checkAfter || j.config.Trace || seq%uint64(j.config.CheckEvery) == 0
}

// finishInput writes the results of the last input.
func (j *Journal) finishInput() error {
	if !j.unfinished {
		return nil
	}
	j.unfinished = false
	p := j.player
	p.finishInput()
	for i := j.changesWritten; i < len(p.changes); i++ {
		if err := j.put(appendPresenceChange(j.buf[:0], j.seq, &p.changes[i])); err != nil {
			return err
		}
	}
	for next, rest := cutTrace(p.steps); len(next) > 0; next, rest = cutTrace(rest) {
		if err := j.put(appendTrace(j.buf[:0], j.seq, next)); err != nil {
			return err
		}
	}
	if j.due(j.seq) {
		return j.check()
	}
	return nil
}

// finishLastInput writes the results of the last input, with a digest.
func (j *Journal) finishLastInput() error {
	if j.unfinished || j.seq == 0 || j.digested == j.seq {
		return j.finishInput()
	}
	return j.check()
}

// check writes the digest of the machine after the last input.
func (j *Journal) check() error {
	j.checked, j.digested = j.now, j.seq
	return j.put(appendCheck(j.buf[:0], j.seq, j.player.digest()))
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
	if j.log.SegmentSize() >= j.config.SegmentSize {
		if err := j.rotate(); err != nil {
			return err
		}
	}
	full, late := false, false
	if in.Address != nil {
		_, known := j.known.of[in.Address.Generation]
		full = !known
		late = j.player.machine.Held(in.Address.Generation) == nil
	}
	j.now = time.Now()
	e, err := appendInput(j.buf[:0], j.seq+1, j.now, &in, full, late)
	if err != nil {
		return fmt.Errorf("%w: %v of %s: %w", world.ErrNotRecordable, in.Kind, in.Address.Device.DeviceName(), err)
	}
	if len(e) > wal.DefaultMaxRecord {
		return fmt.Errorf("%w: %v of %s: it takes %d bytes, and a record has at most %d", world.ErrNotRecordable, in.Kind, in.Address.Device.DeviceName(), len(e), wal.DefaultMaxRecord)
	}
	if err := j.put(e); err != nil {
		return err
	}
	if full {
		j.known.set(j.player.machine, in.Address.Generation, struct{}{})
	}
	j.seq++
	j.snapshots.stopping = j.snapshots.stopping || in.Kind == vm.StopAsked
	j.changesWritten, j.unfinished = 0, true
	j.player.useFormat(format)
	j.player.beginInput()
	return nil
}

// rotate begins another segment.
func (j *Journal) rotate() error {
	if err := j.log.Rotate(); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	j.known.clear()
	return j.writeHead(false)
}

// writeSize is how many bytes a journal with Memory writes at a time.
const writeSize = 256 << 10

// Commit implements ground.Journal.
func (j *Journal) Commit(m *vm.Machine) (wait bool, err error) {
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
func (j *Journal) Sync() error { return j.log.Sync() }

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
		if err := j.log.Sync(); err != nil {
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
	j.snapshots.wait()
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
	return errors.Join(err, j.log.Close())
}
