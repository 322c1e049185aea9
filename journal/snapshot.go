package journal

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/vm"
)

// snapshots is the state of taking snapshots.
type snapshots struct {
	last     uint64            // input after which the last one was taken, also if it could not be written
	good     uint64            // input of the last one that the log has
	indexes  map[uint64]uint64 // of the log's last record before each one of this run, by its input
	size     int64             // of the last one, in bytes
	written  uint64            // writer.written when it was taken
	complain string            // the last error that was logged

	writing  sync.WaitGroup
	done     chan written     // gets the result of the snapshot that is being written; nil if there is none
	serves   []chan<- written // callers of Journal.Snapshot that wait for it
	stopping bool             // a stop of the machine has begun
	kept     *machineAt       // from where the next run goes on, if that is known
	timer    *time.Timer      // makes a snapshot due; nil if there has been no input since the last one
	due      atomic.Bool      // time has made it due, or a caller of Journal.Snapshot has
	wake     chan struct{}    // makes the ground call Commit
	asking   sync.Mutex       // for what follows
	asked    []chan<- written // callers that wait for the next snapshot
	over     bool             // there is none
}

// machineAt is a machine between two inputs.
type machineAt struct {
	written
	checkpoint
}

// written is the result of writing a snapshot.
type written struct {
	seq, index uint64
	hash       wal.Hash  // of the record index
	time       time.Time // when the machine was taken
	seal       seal
	image      vm.Digest
	size       int64 // of the file
	err        error
}

// rouse makes the ground call Commit soon.
func (s *snapshots) rouse() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Due implements ground.Journal.
func (j *Journal) Due() <-chan struct{} { return j.snapshots.wake }

// ErrOver says that a journal takes no snapshot any more, because the run with it is over.
var ErrOver = errors.New("journal: the run is over")

// Snapshot takes a snapshot of the machine that runs with j, soon. When Snapshot returns, the
// snapshot is on disk, and has all inputs that the machine had when Snapshot was called. It
// returns the number of the last input that the snapshot has. It may be called from any
// goroutine, but not from a transition function or a device, for which the machine would wait.
//
// The error says why there is no snapshot: a process is of a type that the journal does not
// know, the disk is full, the run is over ([ErrOver]), or ctx is done. If the machine does not
// come to rest, Snapshot waits until ctx is done.
func (j *Journal) Snapshot(ctx context.Context) (seq uint64, err error) {
	if !j.takesSnapshots() {
		return 0, errors.New("journal: there are no snapshots, because Config.Types is empty, or Config.SnapshotEvery is negative")
	}
	done := make(chan written, 1)
	s := &j.snapshots
	s.asking.Lock()
	if s.over {
		s.asking.Unlock()
		return 0, ErrOver
	}
	s.asked = append(s.asked, done)
	s.asking.Unlock()
	s.due.Store(true)
	s.rouse()
	select {
	case w := <-done:
		return w.seq, w.err
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

func (j *Journal) takesSnapshots() bool {
	return len(j.config.Types) > 0 && j.config.SnapshotEvery > 0
}

// arm makes a snapshot due some time after the first input behind the last one.
func (j *Journal) arm() {
	if s := &j.snapshots; s.timer == nil && j.config.SnapshotAfter > 0 && j.takesSnapshots() {
		s.timer = time.AfterFunc(j.config.SnapshotAfter, func() { s.due.Store(true); s.rouse() })
	}
}

func (s *snapshots) disarm() {
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
}

// snapshot takes a snapshot if one is due, after it has finished the one before.
func (j *Journal) snapshot(m *vm.Machine) error {
	s := &j.snapshots
	if err := j.endSnapshot(); err != nil || s.done != nil {
		return err
	}
	if !j.takesSnapshots() || s.stopping || m.Busy() {
		return nil
	}
	if !s.due.Load() && (j.seq-s.last < uint64(j.config.SnapshotEvery) || s.size > largeSnapshot && j.written-s.written < uint64(s.size)) {
		return nil
	}
	if j.log.SegmentSize() > j.config.SegmentSize/tooLong {
		if err := j.rotate(); err != nil {
			return err
		}
	}
	return j.take(j.machineNow())
}

// largeSnapshot is the size in bytes above which a snapshot waits until the log has grown as much.
const largeSnapshot = 1 << 20

// machineNow returns the machine as it is.
func (j *Journal) machineNow() *machineAt {
	return &machineAt{written{seq: j.seq, index: j.log.Last(), hash: j.log.Hash(), time: time.Now()}, *j.player.checkpoint()}
}

// take begins to write a snapshot, unless the log has one of the same machine.
func (j *Journal) take(at *machineAt) error {
	s := &j.snapshots
	s.disarm()
	s.due.Store(false)
	s.asking.Lock()
	s.serves, s.asked = s.asked, nil
	s.asking.Unlock()
	if s.good == at.seq {
		j.answer(at.written)
		return nil
	}
	if err := j.put(appendTaking(j.buf[:0], at.seq)); err != nil {
		return err
	}
	done := make(chan written, 1)
	s.last, s.written, s.done = at.seq, j.written, done
	s.writing.Go(func() {
		at.err = j.writeSnapshot(at)
		done <- at.written
		s.rouse()
	})
	return nil
}

// answer tells those who wait for a snapshot its result, when the entry for it is safe: without
// that, nobody would go on from the snapshot.
func (j *Journal) answer(w written) {
	if w.err == nil && len(j.snapshots.serves) > 0 {
		w.err = j.secure()
	}
	j.snapshots.answer(w)
}

// secure makes safe what the log has, as far as the Durability has it.
func (j *Journal) secure() error {
	if j.config.Durability == Memory {
		return j.log.Flush()
	}
	return j.log.Sync()
}

// answer tells those who wait for a snapshot its result.
func (s *snapshots) answer(w written) {
	for _, c := range s.serves {
		c <- w
	}
	s.serves = nil
}

// endSnapshot finishes the snapshot that was being written, if its result is there.
func (j *Journal) endSnapshot() error {
	select {
	case w := <-j.snapshots.done:
		j.snapshots.done = nil
		err := j.noteSnapshot(w)
		if w.err == nil {
			w.err = err
		}
		j.answer(w)
		return err
	default:
		return nil
	}
}

// keepMachine keeps the machine as it is for the snapshot at the end of the run.
func (j *Journal) keepMachine() {
	if at := j.machineNow(); j.takesSnapshots() && at.state.AtRest() == nil {
		j.snapshots.kept = at
	}
}

// lastSnapshot takes a snapshot at the end of a run: of the machine as it was when its stop
// began, from where the next run goes on. Then the next run replays nothing, and may be of
// another build of the program.
func (j *Journal) lastSnapshot() error {
	s := &j.snapshots
	if !s.stopping && j.wrote {
		j.keepMachine()
	}
	if s.kept != nil && s.kept.seq > s.good {
		if err := j.take(s.kept); err != nil {
			return err
		}
		s.writing.Wait()
		return j.endSnapshot()
	}
	return nil
}

// end ends the taking of snapshots.
func (s *snapshots) end() {
	s.disarm()
	s.writing.Wait()
	s.asking.Lock()
	defer s.asking.Unlock()
	s.over = true
	s.serves = append(s.serves, s.asked...)
	s.answer(written{err: ErrOver})
}

// writeSnapshot writes a snapshot, while the machine runs on.
func (j *Journal) writeSnapshot(at *machineAt) error {
	image, digest, err := j.image(at)
	if err != nil {
		return err
	}
	s := snapshot{Format: format, Seq: at.seq, Index: at.index, Sum: at.sum, Program: j.config.Program, Image: *image, Journal: j.id[:], Hash: at.hash[:]}
	var data []byte
	if data, at.seal, err = s.marshal(appendEndpoints(nil, at.state.Machine(nil))); err != nil {
		return err
	}
	at.size, at.image = int64(len(data)), digest
	// The log must have all records up to the snapshot first.
	if err := j.secure(); err != nil {
		return err
	}
	return writeFile(j.store, snapshotName(at.seq), data)
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
	if err := j.put(appendNote(j.buf[:0], w.seq, w.seal, w.image)); err != nil {
		return err
	}
	j.snapshots.good, j.snapshots.size = w.seq, w.size
	j.config.Meter.tookSnapshot(w.seq, w.time)
	return j.dropOld(w)
}
