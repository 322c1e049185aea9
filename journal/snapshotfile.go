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
	Journal []byte // the ID of the journal; none before format 3
	Hash    []byte // of the record Index of the log; none before format 3
}

// A seal stands for the content of a snapshot: it is a hash of the lengths and the hashes
// of its sections. The log has it.
type seal [16]byte

const (
	snapshotMagic  = "marketplace snapshot 3\n"
	oldMagic       = "marketplace snapshot\n" // before format 3; lengths are big-endian
	snapshotSuffix = ".snapshot"
	partSuffix     = ".part"
	asideSuffix    = ".cut" // of files that are kept, but not used any more
	kept           = 2      // snapshots; the older one is for the case that the newer is bad
	tooLong        = 8      // a snapshot begins a segment if the current one is larger than SegmentSize/tooLong
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
func (s *snapshot) marshal(presence []presenceChange) ([]byte, seal, error) {
	data, err := codec.AppendValue(nil, *s)
	if err != nil {
		return nil, seal{}, err
	}
	changes := binary.LittleEndian.AppendUint64(nil, s.Index)
	for i := range presence {
		changes = appendText(changes, string(appendPresenceChange(nil, s.Seq, &presence[i])))
	}
	b := appendSection([]byte(snapshotMagic), changes)
	at := len(b)
	b = appendSection(b, data)
	return b, sealOf(b[len(snapshotMagic):], b[at:]), nil
}

const sectionHead = 8 + sha256.Size

// appendSection appends a part of a snapshot: its length, its hash, and itself.
func appendSection(dst, data []byte) []byte {
	sum := sha256.Sum256(data)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(len(data)))
	return append(append(dst, sum[:]...), data...)
}

// cutSection returns the data of the first section in b, and the rest of b.
func cutSection(b []byte, order binary.ByteOrder) (data, rest []byte, err error) {
	if len(b) < sectionHead {
		return nil, nil, badSnapshot("it ends too early")
	}
	length, sum, b := order.Uint64(b), b[8:sectionHead], b[sectionHead:]
	if length > uint64(len(b)) {
		return nil, nil, badSnapshot(fmt.Sprintf("a section has %d bytes, and should have %d", len(b), length))
	}
	data, rest = b[:length], b[length:]
	if is := sha256.Sum256(data); !bytes.Equal(is[:], sum) {
		return nil, nil, badSnapshot("its checksum does not match")
	}
	return data, rest, nil
}

// A badSnapshot says why a snapshot is of no use for any program.
type badSnapshot string

func (b badSnapshot) Error() string { return string(b) }

// A sealed is an encoded snapshot whose checksums match.
type sealed struct {
	index             uint64
	presence, machine []byte
	seal              seal
}

// sealOf returns the seal of a snapshot with two sections.
func sealOf(presence, machine []byte) (s seal) {
	h := sha256.New()
	h.Write([]byte(snapshotMagic))
	h.Write(presence[:sectionHead])
	h.Write(machine[:sectionHead])
	copy(s[:], h.Sum(nil))
	return s
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
	var order binary.ByteOrder = binary.LittleEndian
	presence, ok := bytes.CutPrefix(b, []byte(snapshotMagic))
	if !ok {
		order = binary.BigEndian
		presence, ok = bytes.CutPrefix(b, []byte(oldMagic))
	}
	if !ok {
		return s, badSnapshot("it is not a snapshot")
	}
	var machine []byte
	if s.presence, machine, err = cutSection(presence, order); err != nil {
		return s, err
	}
	if s.machine, b, err = cutSection(machine, order); err != nil {
		return s, err
	}
	if len(b) > 0 {
		return s, badSnapshot(fmt.Sprintf("%d bytes follow it", len(b)))
	}
	if len(s.presence) < 8 {
		return s, badSnapshot("it has no index")
	}
	s.seal = sealOf(presence, machine)
	s.index, s.presence = order.Uint64(s.presence), s.presence[8:]
	return s, nil
}

// glance returns the size of a snapshot, and what it says is the last record of the log before it.
// It checks nothing.
func glance(store wal.Store, seq uint64) (size int64, index uint64, err error) {
	c, err := store.Open(snapshotName(seq))
	if err != nil {
		return 0, 0, err
	}
	defer c.Close()
	b := make([]byte, min(c.Size(), int64(len(snapshotMagic)+sectionHead+8)))
	if _, err := io.ReadFull(io.NewSectionReader(c, 0, c.Size()), b); err != nil {
		return 0, 0, err
	}
	var order binary.ByteOrder = binary.LittleEndian
	rest, ok := bytes.CutPrefix(b, []byte(snapshotMagic))
	if !ok {
		order = binary.BigEndian
		rest, _ = bytes.CutPrefix(b, []byte(oldMagic))
	}
	if len(rest) < sectionHead+8 {
		return c.Size(), 0, nil
	}
	return c.Size(), order.Uint64(rest[sectionHead:]), nil
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

// endpoints returns the endpoints that were present after input seq.
func (sealed *sealed) endpoints(seq uint64) (presence []presenceChange, err error) {
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

// checkpoint returns the machine in the snapshot of input seq, which is one of h.
func (s *sealed) checkpoint(seq uint64, types image.Types, h *History) (*checkpoint, error) {
	m, err := s.unmarshal()
	if err != nil {
		return nil, err
	}
	if m.Seq != seq {
		return nil, badSnapshot(fmt.Sprintf("it is of input %d", m.Seq))
	}
	lost := uint64(0)
	state, err := m.Image.State(types, stateDecoder(h.codec(func(string) { lost = seq })))
	if err != nil {
		return nil, err
	}
	return &checkpoint{state, m.Sum, versionOf(m.Format), lost}, nil
}

// setAside gives a file another name, under which it is kept, but not used any more.
func setAside(s wal.Store, name string) error {
	names, err := s.List()
	if err != nil {
		return err
	}
	aside := name + asideSuffix
	for n := 2; slices.Contains(names, aside); n++ {
		aside = fmt.Sprintf("%s.%d%s", name, n, asideSuffix)
	}
	if err := s.Rename(name, aside); err != nil {
		return err
	}
	return s.SyncDir()
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
