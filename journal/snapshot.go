package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/go-marketplace/marketplace/journal/codec"
	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/vm/image"
)

// A snapshot is a file beside the segments of the log. It has the machine after an input,
// with which a recovery can begin, and the endpoints that were present, which can be read
// without the program. The journal writes it while the machine runs on, and gives it its
// name when it is complete. A complete log does not need snapshots.
type snapshot struct {
	Format  uint64    // of journals
	Seq     uint64    // of the last input of the machine
	Index   uint64    // of the last record of the log at that time
	Sum     vm.Digest // of what the digest of the machine leaves out
	Program string    // the fingerprint of the program that has written it
	Image   image.Image
}

const (
	snapshotMagic  = "marketplace snapshot\n"
	snapshotSuffix = ".snapshot"
	partSuffix     = ".part"
	kept           = 2 // snapshots; the older one is for the case that the newer is bad
	tooLong        = 8 // a snapshot begins a segment if the current one is larger than SegmentSize/tooLong
)

func snapshotName(seq uint64) string { return fmt.Sprintf("%020d%s", seq, snapshotSuffix) }

func parseSnapshotName(name string) (seq uint64, ok bool) {
	digits, ok := strings.CutSuffix(name, snapshotSuffix)
	seq, err := strconv.ParseUint(digits, 10, 64)
	return seq, ok && err == nil && name == snapshotName(seq)
}

// snapshotsIn returns the numbers of the inputs after which there are snapshots,
// the newest first.
func snapshotsIn(s wal.Store) ([]uint64, error) {
	names, err := s.List()
	if err != nil {
		return nil, err
	}
	var seqs []uint64
	for _, name := range names {
		if seq, ok := parseSnapshotName(name); ok {
			seqs = append(seqs, seq)
		}
	}
	slices.Sort(seqs)
	slices.Reverse(seqs)
	return seqs, nil
}

// marshal returns the content of the file: the magic, a section with the index and the
// present endpoints, which can be read by itself, and a section with the machine.
func (s *snapshot) marshal(presence []presenceChange) ([]byte, error) {
	data, err := codec.AppendValue(nil, *s)
	if err != nil {
		return nil, err
	}
	changes := binary.BigEndian.AppendUint64(nil, s.Index)
	for i := range presence {
		changes = appendText(changes, string(appendPresenceChange(nil, s.Seq, &presence[i])))
	}
	return appendSection(appendSection([]byte(snapshotMagic), changes), data), nil
}

const sectionHead = 8 + sha256.Size

// appendSection appends a part of a snapshot: its length, its hash, and itself.
func appendSection(dst, data []byte) []byte {
	sum := sha256.Sum256(data)
	dst = binary.BigEndian.AppendUint64(dst, uint64(len(data)))
	return append(append(dst, sum[:]...), data...)
}

// cutSection returns the data of the first section in b, and the rest of b.
func cutSection(b []byte) (data, rest []byte, err error) {
	if len(b) < sectionHead {
		return nil, nil, errors.New("it ends too early")
	}
	length, sum, b := binary.BigEndian.Uint64(b), b[8:sectionHead], b[sectionHead:]
	if length > uint64(len(b)) {
		return nil, nil, fmt.Errorf("a section has %d bytes, and should have %d", len(b), length)
	}
	data, rest = b[:length], b[length:]
	if is := sha256.Sum256(data); !bytes.Equal(is[:], sum) {
		return nil, nil, errors.New("its checksum does not match")
	}
	return data, rest, nil
}

// A sealed is an encoded snapshot whose checksums match.
type sealed struct {
	index             uint64
	presence, machine []byte
}

// readSnapshot reads the snapshot of the machine after an input.
func readSnapshot(store wal.Store, seq uint64) (s sealed, err error) {
	content, err := store.Open(snapshotName(seq))
	if err != nil {
		return s, err
	}
	defer content.Close()
	b := make([]byte, content.Size())
	if _, err := io.ReadFull(io.NewSectionReader(content, 0, content.Size()), b); err != nil {
		return s, err
	}
	b, ok := bytes.CutPrefix(b, []byte(snapshotMagic))
	if !ok {
		return s, errors.New("it is not a snapshot")
	}
	if s.presence, b, err = cutSection(b); err != nil {
		return s, err
	}
	if s.machine, b, err = cutSection(b); err != nil {
		return s, err
	}
	if len(b) > 0 {
		return s, fmt.Errorf("%d bytes follow it", len(b))
	}
	if len(s.presence) < 8 {
		return s, errors.New("it has no index")
	}
	s.index, s.presence = binary.BigEndian.Uint64(s.presence), s.presence[8:]
	return s, nil
}

func (s *sealed) unmarshal() (*snapshot, error) {
	v, rest, err := codec.DecodeValue(s.machine, reflect.TypeFor[snapshot]())
	if err != nil {
		return nil, err
	}
	m := v.(snapshot)
	switch {
	case m.Format > format:
		return nil, fmt.Errorf("it has format %d, and this program knows formats up to %d", m.Format, format)
	case len(rest) > 0 || m.Index != s.index:
		return nil, errors.New("its sections are not of one snapshot")
	}
	return &m, nil
}

// loadPresence returns the endpoints that were present after an input, from the snapshot.
func loadPresence(store wal.Store, seq uint64) (presence []presenceChange, err error) {
	sealed, err := readSnapshot(store, seq)
	if err != nil {
		return nil, err
	}
	s := scanner{data: sealed.presence}
	for len(s.data) > 0 && s.err == nil {
		entry := scanner{data: s.bytes()}
		if kind := entryKind(entry.byte()); kind != presenceEntry {
			s.fail(fmt.Sprintf("there is a %v among its presence changes", kind))
		}
		of, call := readPresenceChange(&entry)
		if of != seq {
			s.fail(fmt.Sprintf("its presence changes are of input %d", of))
		}
		if entry.err != nil {
			return nil, entry.err
		}
		presence = append(presence, call)
	}
	return presence, s.err
}

// indexOfNewest returns the index of the last record before the newest snapshot,
// or zero if there is none.
func indexOfNewest(store wal.Store) uint64 {
	seqs, err := snapshotsIn(store)
	if err != nil || len(seqs) == 0 {
		return 0
	}
	content, err := store.Open(snapshotName(seqs[0]))
	if err != nil {
		return 0
	}
	defer content.Close()
	head := make([]byte, min(content.Size(), int64(len(snapshotMagic)+sectionHead)))
	if _, err := io.ReadFull(io.NewSectionReader(content, 0, int64(len(head))), head); err != nil {
		return 0
	}
	length, ok := bytes.CutPrefix(head, []byte(snapshotMagic))
	if !ok || len(length) < sectionHead {
		return 0
	}
	// Check the section: with a damaged index, the log would be opened from a wrong
	// record.
	n := min(binary.BigEndian.Uint64(length), uint64(content.Size()-int64(len(head))))
	section := make([]byte, sectionHead+int(n))
	if _, err := io.ReadFull(io.NewSectionReader(content, int64(len(snapshotMagic)), int64(len(section))), section); err != nil {
		return 0
	}
	presence, _, err := cutSection(section)
	if err != nil || len(presence) < 8 {
		return 0
	}
	return binary.BigEndian.Uint64(presence)
}

// removeUnusable removes incomplete snapshots, and those after inputs that are lost.
// Otherwise they would pass for snapshots after the new inputs with the same numbers.
func (j *Journal) removeUnusable() error {
	names, err := j.store.List()
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	for _, name := range names {
		complete, half := strings.CutSuffix(name, partSuffix)
		if seq, ok := parseSnapshotName(complete); !ok || !half && seq <= j.seq {
			continue
		}
		if err := j.store.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("journal: %w", err)
		}
		if err := j.store.SyncDir(); err != nil {
			return fmt.Errorf("journal: %w", err)
		}
	}
	return nil
}

// loadSnapshot returns the checkpoint in a snapshot.
func loadSnapshot(store wal.Store, seq uint64, types image.Types) (*checkpoint, error) {
	sealed, err := readSnapshot(store, seq)
	if err != nil {
		return nil, err
	}
	s, err := sealed.unmarshal()
	if err != nil {
		return nil, err
	}
	if s.Seq != seq {
		return nil, fmt.Errorf("it is of input %d", s.Seq)
	}
	state, err := s.Image.State(types, decodeState)
	if err != nil {
		return nil, err
	}
	return &checkpoint{state, s.Sum, versionOf(s.Format)}, nil
}

// load brings the machine to the newest snapshot that can be used, and returns
// the number of the input that comes next.
func (j *Journal) load(h *History) (next uint64, err error) {
	seqs, err := snapshotsIn(j.store)
	if err != nil {
		return 0, fmt.Errorf("journal: %w", err)
	}
	var faults []error
	for _, seq := range seqs {
		if len(j.config.Types) == 0 || seq > h.Last() || seq+1 < h.First() {
			continue
		}
		if h.First() == 1 && (j.config.Adopt || seq <= h.adopted()) {
			continue // it is of another program
		}
		m, err := loadSnapshot(j.store, seq, j.player.types)
		if err != nil {
			err = fmt.Errorf("snapshot %s: %w", snapshotName(seq), err)
			faults = append(faults, err)
			j.config.Logger.Warn("journal: a snapshot cannot be used, so the recovery replays more inputs", "error", err)
			continue
		}
		j.player.restore(m)
		j.player.checked = seq
		j.snapshots.last = seq
		return seq + 1, nil
	}
	if h.First() > 1 {
		if len(j.config.Types) == 0 {
			faults = append(faults, errors.New("a snapshot needs Config.Types"))
		}
		return 0, fmt.Errorf("journal: the history begins with input %d, because what was before it has been dropped, and no snapshot can be used: %w", h.First(), errors.Join(faults...))
	}
	return 1, nil
}

// snapshots is the state of taking snapshots.
type snapshots struct {
	last     uint64 // input after which the last one was taken
	index    uint64 // of the log's last record then, if it is of this run
	stopping bool   // a stop of the machine has begun
	complain string // the last error that was logged

	writing sync.WaitGroup
	busy    bool         // a snapshot is being written
	done    chan written // gets the result
}

// written is the result of writing a snapshot.
type written struct {
	seq, index uint64
	err        error
}

func (s *snapshots) wait() { s.writing.Wait() }

// snapshot takes a snapshot if one is due, after it has finished the one before.
func (j *Journal) snapshot(m *vm.Machine) error {
	s := &j.snapshots
	if err := j.endSnapshot(); err != nil || s.busy {
		return err
	}
	if len(j.config.Types) == 0 || j.config.SnapshotEvery < 0 || s.stopping ||
		j.seq-s.last < uint64(j.config.SnapshotEvery) || m.Busy() {
		return nil
	}
	if j.log.SegmentSize() > j.config.SegmentSize/tooLong {
		if err := j.rotate(); err != nil {
			return err
		}
	}
	s.last, s.busy = j.seq, true
	s.done = make(chan written, 1)
	w, at := written{seq: j.seq, index: j.log.Last()}, checkpoint{m.Snapshot(), j.player.sum, j.player.version}
	s.writing.Go(func() {
		w.err = j.writeSnapshot(w, at)
		s.done <- w
	})
	return nil
}

// endSnapshot finishes the snapshot that was being written, if its result is there.
func (j *Journal) endSnapshot() error {
	s := &j.snapshots
	if !s.busy {
		return nil
	}
	select {
	case w := <-s.done:
		s.busy = false
		return j.noteSnapshot(w)
	default:
		return nil
	}
}

// writeSnapshot writes a snapshot, while the machine runs on.
func (j *Journal) writeSnapshot(w written, at checkpoint) error {
	image, err := image.Of(at.state, j.player.types, encodeState)
	if err != nil {
		return err
	}
	s := snapshot{Format: format, Seq: w.seq, Index: w.index, Sum: at.sum, Program: j.config.Program, Image: *image}
	data, err := s.marshal(appendEndpoints(nil, at.state.Machine(nil)))
	if err != nil {
		return err
	}
	// The log must have all records up to the snapshot first.
	reach := j.log.Sync
	if j.config.Durability == Memory {
		reach = j.log.Flush
	}
	if err := reach(); err != nil {
		return err
	}
	return writeFile(j.store, snapshotName(w.seq), data)
}

// writeFile writes a file atomically: after a crash it is complete, or does not exist.
func writeFile(s wal.Store, name string, data []byte) error {
	part := name + partSuffix
	if err := s.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := s.Create(part)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = s.Rename(part, name)
	}
	if err != nil {
		_ = s.Remove(part) // to free its space; if this fails, the next run removes it
		return err
	}
	return s.SyncDir()
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
	e := binary.AppendUvarint(append(j.buf[:0], byte(snapshotEntry)), w.seq)
	if err := j.put(appendText(e, snapshotName(w.seq))); err != nil {
		return err
	}
	return j.dropOld(w)
}

// dropOld removes snapshots that are older than the last two, and, with DropOld, the
// segments before them.
func (j *Journal) dropOld(w written) error {
	seqs, err := snapshotsIn(j.store)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	for _, seq := range seqs[min(kept, len(seqs)):] {
		if err := j.store.Remove(snapshotName(seq)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			j.config.Logger.Warn("journal: an old snapshot cannot be removed", "error", err)
		}
	}
	before := j.snapshots.index
	j.snapshots.index = w.index
	if !j.config.DropOld || before == 0 || len(seqs) < kept {
		return nil
	}
	if err := j.log.DropBefore(before + 1); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}
