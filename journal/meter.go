package journal

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-marketplace/marketplace/journal/wal"
)

// A Meter has the counters of a [Journal] while it runs and afterwards: see Config.Meter. The zero
// Meter is ready to use, for one Journal. It is safe for concurrent use. Reading it does not make
// the machine wait.
//
// Stats can be published with package expvar as it is:
//
//	expvar.Publish("journal", expvar.Func(func() any { return meter.Stats() }))
//
// For Prometheus, a collector makes a constant histogram of Stats.Syncs: its buckets are counted
// in the same way.
type Meter struct {
	input, synced, bytes     atomic.Uint64
	snapshot                 atomic.Uint64
	snapshotTime             atomic.Int64 // in nanoseconds since 1970; 0 if there is no snapshot
	syncTime                 atomic.Int64 // in nanoseconds
	buckets                  [len(syncBounds) + 1]atomic.Uint64
	archived, archiveFailure atomic.Uint64

	mu    sync.Mutex
	store wal.Store // nil before the journal is open
	disk  diskUse
}

// Stats are the counters of a journal. Those that count begin with the run.
type Stats struct {
	// Input is the number of the last input. Backlog is how many inputs are not known to be on
	// disk: with Sync, those that wait for a sync.
	Input, Backlog uint64

	// Bytes is how many bytes of entries were written. The log adds about 21 bytes for each.
	Bytes uint64

	// Syncs is how long syncs of the disk took for which commands waited, or, with Batch, that
	// came with time, from the call to its end. Those of snapshots and of new segments are not in it.
	Syncs Histogram

	// Snapshot is the last input that the newest snapshot has, and SnapshotTime when it was
	// taken: of one that was there before the run, it is the time of that input. Both are zero
	// if there is none.
	Snapshot     uint64
	SnapshotTime time.Time

	// Segments and Snapshots are how many of these files there are, and DiskBytes is how many
	// bytes they take, together.
	Segments, Snapshots int
	DiskBytes           int64

	// Archived is how many files Config.Archive has taken, and ArchiveFailures how often it has
	// failed.
	Archived, ArchiveFailures uint64
}

// A Histogram counts durations.
type Histogram struct {
	Count   uint64        // how many there are
	Sum     time.Duration // of all
	Buckets []Bucket      // with growing bounds; what is longer than the last is only in Count
}

// A Bucket is how many durations of a [Histogram] are not longer than a bound.
type Bucket struct {
	UpTo  time.Duration
	Count uint64
}

// syncBounds are the bounds of buckets of syncs.
var syncBounds = [...]time.Duration{
	50 * time.Microsecond, 100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2500 * time.Millisecond, 5 * time.Second,
}

// Stats returns the counters. It lists the files of the journal, which takes some system calls for
// each; if that fails, it returns what it has found before.
func (m *Meter) Stats() Stats {
	synced := m.synced.Load() // before the input, which is not less
	s := Stats{
		Input: m.input.Load(), Bytes: m.bytes.Load(), Snapshot: m.snapshot.Load(),
		Archived: m.archived.Load(), ArchiveFailures: m.archiveFailure.Load(),
	}
	s.Backlog = s.Input - synced
	if ns := m.snapshotTime.Load(); ns != 0 {
		s.SnapshotTime = time.Unix(0, ns).UTC()
	}
	s.Syncs.Sum = time.Duration(m.syncTime.Load())
	for i, bound := range syncBounds {
		s.Syncs.Count += m.buckets[i].Load()
		s.Syncs.Buckets = append(s.Syncs.Buckets, Bucket{bound, s.Syncs.Count})
	}
	s.Syncs.Count += m.buckets[len(syncBounds)].Load()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.store != nil {
		if d, err := diskUseOf(m.store); err == nil {
			m.disk = d
		}
	}
	s.Segments, s.Snapshots, s.DiskBytes = m.disk.segments, m.disk.snapshots, m.disk.bytes
	return s
}

// A diskUse is what the files of a journal take.
type diskUse struct {
	segments, snapshots int
	bytes               int64
}

func diskUseOf(s wal.Store) (d diskUse, err error) {
	segments, err := wal.Segments(s)
	if err != nil {
		return d, err
	}
	for _, s := range segments {
		d.bytes += s.Size
	}
	d.segments = len(segments)
	seqs, err := snapshotsIn(s)
	if err != nil {
		return d, err
	}
	for _, seq := range seqs {
		size, _, err := glance(s, seq)
		if err != nil {
			return d, err
		}
		d.bytes += size
	}
	d.snapshots = len(seqs)
	return d, nil
}

// begin connects a meter to a journal that is open. Like the other methods, it does nothing if m
// is nil.
func (m *Meter) begin(j *Journal) {
	if m == nil {
		return
	}
	m.mu.Lock()
	m.store = j.store
	m.mu.Unlock()
	m.input.Store(j.seq)
	m.synced.Store(j.seq)
	if seq := j.snapshots.good; seq > 0 {
		m.tookSnapshot(seq, timeOf(j.store, seq))
	}
}

// timeOf returns the time of an input, or zero if it is not there any more.
func timeOf(s wal.Store, seq uint64) time.Time {
	h, err := ReadStore(s)
	if err != nil {
		return time.Time{}
	}
	for in, err := range h.Inputs(seq) {
		if err == nil {
			return in.Time
		}
		break
	}
	if seq+1 == h.First() { // it has been dropped; the segment began right after it
		return h.Head().Time
	}
	return time.Time{}
}

// wrote counts an input, and the bytes that were written until now.
func (m *Meter) wrote(w *writer) {
	if m != nil {
		m.input.Store(w.seq)
		m.bytes.Store(w.written)
	}
}

// sync calls a function that syncs the log, and measures it.
func (m *Meter) sync(f func() error) error {
	if m == nil {
		return f()
	}
	covers := m.input.Load() // the log has these already
	begun := time.Now()
	if err := f(); err != nil {
		return err
	}
	took := time.Since(begun)
	i := 0
	for i < len(syncBounds) && took > syncBounds[i] {
		i++
	}
	m.buckets[i].Add(1)
	m.syncTime.Add(int64(took))
	for {
		was := m.synced.Load()
		if was >= covers || m.synced.CompareAndSwap(was, covers) {
			return nil
		}
	}
}

func (m *Meter) tookSnapshot(seq uint64, at time.Time) {
	if m != nil {
		m.snapshot.Store(seq)
		m.snapshotTime.Store(at.UnixNano())
	}
}

func (m *Meter) triedArchive(err error) {
	switch {
	case m == nil:
	case err == nil:
		m.archived.Add(1)
	default:
		m.archiveFailure.Add(1)
	}
}
