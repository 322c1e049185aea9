package journal

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/vm/image"
	"github.com/go-marketplace/marketplace/world"
)

// A Journal records the inputs of the machine of one ground.Ground, and recovers the
// machine to the state in which the journal ended. Make one with [Open].
type Journal struct {
	config   Config
	store    wal.Store
	log      *wal.Log
	recovery wal.Recovery
	failed   chan error
	batching sync.WaitGroup
	stop     chan struct{} // ends batching

	// Only the goroutine that runs the machine uses what follows.
	begun          bool
	player         *player
	seq            uint64              // of the last input
	unfinished     bool                // its results are not written yet
	ending         bool                // and it is the last one
	known          map[uint64]struct{} // openings whose addresses the segment has
	replayed       uint64              // the last input that the recovery has replayed; it does not replay a stop
	adopting       bool                // another program has adopted the journal, but has no inputs yet
	lastEnd        string              // describes the last end of a device before this run
	changesWritten int                 // presence changes of the last input that the journal already has
	buf            []byte
	unwritten      int
	now            time.Time // when the last input came
	checked        time.Time // when a digest was written last
	digested       uint64    // the input after which that was, if it was in this run
	snapshots      snapshots
}

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

// Begin implements ground.Journal.
func (j *Journal) Begin(ctx context.Context, limits vm.Limits, boot func(self actions.PID) actions.Process) (*vm.Machine, vm.Input, error) {
	if j.begun {
		return nil, vm.Input{}, errors.New("journal: a Journal is for one run: open it again for the next")
	}
	j.begun = true
	start, err := j.begin(ctx, limits, boot)
	if err != nil {
		j.log.Abandon()
		return nil, start, err
	}
	if j.config.Durability == Batch {
		j.batching.Go(j.batch)
	}
	return j.player.machine, start, nil
}

func (j *Journal) begin(ctx context.Context, limits vm.Limits, boot func(self actions.PID) actions.Process) (start vm.Input, err error) {
	start = vm.Input{Kind: vm.Start, Limits: &limits}
	if j.player, err = newPlayer(Program{Boot: boot, Types: j.config.Types}); err != nil {
		return start, err
	}
	j.player.setMachine(vm.Config{Limits: limits, Digest: true}.NewFunc(boot))
	if err := j.replay(ctx); err != nil {
		return start, err
	}
	if err := j.removeUnusable(); err != nil {
		return start, err
	}
	// The head of an adopting program has no effect before its first input.
	adopts := (j.config.Adopt || j.adopting) && j.seq > 0
	if adopts {
		if err := j.log.Rotate(); err != nil {
			return start, fmt.Errorf("journal: %w", err)
		}
		j.player.adopt()
	}
	j.player.trace = j.config.Trace
	j.player.keepsStates = j.config.Trace && len(j.config.Types) > 0
	start.Incarnation = j.player.machine.Incarnation() + 1
	if j.player.before != nil {
		j.player.resumed = true
		j.player.restore(j.player.before)
		j.player.before = nil
	}
	j.player.updateWatch()
	j.now = time.Now()
	j.checked = j.now
	j.tell(start.Incarnation)
	if j.config.Durability != Memory {
		// There is nothing to sync yet. But from now on the log knows that it is
		// synced, and that a record may be torn before it is.
		if err := j.log.Sync(); err != nil {
			return start, fmt.Errorf("journal: %w", err)
		}
	}
	return start, j.writeHead(adopts)
}

// tell logs from where the machine goes on.
func (j *Journal) tell(incarnation uint64) {
	if j.seq == 0 {
		j.config.Logger.Info("journal: a new journal begins")
		return
	}
	attrs := []any{"input", j.seq + 1, "incarnation", incarnation}
	if j.snapshots.last > 0 {
		attrs = append(attrs, "snapshot", j.snapshots.last)
	}
	if n := j.replayed - min(j.player.checked, j.replayed); n > 0 && !j.config.Adopt && !j.adopting {
		attrs = append(attrs, "unchecked", n)
	}
	j.config.Logger.Info("journal: the machine goes on", attrs...)
	if j.player.machine.Idle() {
		attrs := []any{"input", j.seq}
		if j.lastEnd != "" {
			attrs = append(attrs, "end", j.lastEnd)
		}
		j.config.Logger.Warn("journal: nothing can happen in the machine any more: all its devices have ended. To begin anew, use another journal", attrs...)
	}
}

// replay brings the machine to the end of the journal.
func (j *Journal) replay(ctx context.Context) error {
	if j.log.Last() == 0 {
		return nil
	}
	h, err := ReadStore(j.store)
	if err != nil {
		return err
	}
	from, err := j.load(h)
	if err != nil {
		return err
	}
	j.seq = from - 1
	j.adopting = h.adopted() == h.Last()
	var last recordedInput // if its number is not zero
	err = j.player.replay(ctx, h.decodedInputs(from, j.config.Upcast), replayOptions{
		last:      until(0),
		skipStops: true,
		unchecked: j.config.Adopt,
		total:     h.Last,
		progress:  j.config.Progress,
		before: func(e *recordedInput) {
			last = *e
			if e.Kind == vm.End {
				j.lastEnd = e.Input.String()
			}
		},
		after: func(e *recordedInput) { j.replayed = e.Seq },
	})
	if err != nil {
		return err
	}
	if last.Seq != 0 {
		j.seq = last.Seq
	}
	// The last results of the last input may be missing.
	if last.Seq != 0 && j.player.before == nil && !j.config.Adopt && !j.adopting {
		j.changesWritten = len(last.changes)
		if len(j.player.changes) > j.changesWritten || !last.checks && j.due(last.Seq) {
			j.unfinished = true
		}
		j.player.steps = j.player.steps[:0]
	}
	j.player.expected = nil
	return nil
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
	if len(p.steps) > 0 {
		if err := j.put(appendTrace(j.buf[:0], j.seq, p.steps)); err != nil {
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
		_, known := j.known[in.Address.Generation]
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
		j.known[in.Address.Generation] = struct{}{}
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
	clear(j.known)
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
