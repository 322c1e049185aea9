package journal

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/vm/image"
)

// An unattested says that the log does not have a snapshot: the program has crashed
// before it could note it, or somebody has put it there.
const unattested = badSnapshot("the log does not have it: the program has ended before it noted the snapshot, or has not noted it yet, or the snapshot is not of this journal")

// appendNote appends the entry for a snapshot.
func appendNote(dst []byte, seq uint64, s seal, image vm.Digest) []byte {
	dst = binary.AppendUvarint(append(dst, byte(snapshotEntry)), seq)
	dst = append(appendText(dst, snapshotName(seq)), s[:]...)
	return binary.LittleEndian.AppendUint64(dst, uint64(image))
}

// appendTaking appends the entry for a snapshot that begins. A replay knows by it of which
// machine it needs the digest, before it comes to the entry that has the digest.
func appendTaking(dst []byte, seq uint64) []byte {
	return binary.AppendUvarint(append(dst, byte(takingEntry)), seq)
}

// loadSnapshot returns the checkpoint in the snapshot of an input, and the index of the
// last record of the log before it.
func (h *History) loadSnapshot(seq uint64, types image.Types) (at *checkpoint, index uint64, err error) {
	s, _, err := h.sealed(seq)
	if err != nil {
		return nil, 0, err
	}
	at, err = s.checkpoint(seq, types, h)
	return at, s.index, err
}

// loadPresence returns the endpoints that were present after an input, from the snapshot.
func (h *History) loadPresence(seq uint64) ([]presenceChange, error) {
	s, _, err := h.sealed(seq)
	if err != nil {
		return nil, err
	}
	return s.endpoints(seq)
}

// sealed reads the snapshot of an input, and returns the record of the log that has its
// hash. It returns a badSnapshot if the snapshot is not the one that the log has.
func (h *History) sealed(seq uint64) (s sealed, noted uint64, err error) {
	s, err = readSnapshot(h.store, seq)
	if err == nil {
		noted, err = h.attest(seq, &s)
	}
	return s, noted, err
}

// attest compares a snapshot with the log, and returns the index of the record that has
// its hash. The log of a journal before format 3 has nothing to compare it with but the
// number of the input: there it returns the index of the last record before the snapshot.
func (h *History) attest(seq uint64, s *sealed) (noted uint64, err error) {
	if len(h.parts) == 0 {
		return 0, unattested
	}
	at := len(h.parts) - 1
	for at > 0 && h.parts[at].index > s.index {
		at--
	}
	head := h.parts[at].head
	last := head.Seq // input
	var e entry
	var other uint64 // a record with another hash
	for r, err := range h.reader.Records(h.parts[at].index) {
		if err != nil {
			return 0, fmt.Errorf("the log cannot be read as far as it has the snapshot: %w", err)
		}
		if len(r.Payload) == 0 {
			return 0, fmt.Errorf("the log cannot be read as far as it has the snapshot: record %d is empty", r.Index)
		}
		switch kind := entryKind(r.Payload[0]); {
		case kind == headEntry && r.Index <= s.index:
			if err := e.read(r.Payload, nil); err != nil {
				return 0, err
			}
			head, last = e.head, e.head.Seq
		case kind == inputEntry && r.Index <= s.index:
			last, _ = binary.Uvarint(r.Payload[1:])
		case kind == snapshotEntry && r.Index > s.index:
			if err := e.read(r.Payload, nil); err != nil {
				return 0, err
			}
			if e.seq == seq && e.seal == s.seal {
				return r.Index, nil
			}
			if e.seq == seq {
				other = r.Index // or of an earlier snapshot of the same input, which is gone
			}
		}
		if r.Index == s.index && last != seq {
			return 0, badSnapshot(fmt.Sprintf("it says that record %d is the last one before it, and there input %d is the last one", s.index, last))
		}
		if r.Index == s.index && !head.attests() {
			return r.Index, nil
		}
	}
	if other > 0 {
		return 0, h.unlike(s, other)
	}
	if err := h.foreign(s); err != nil {
		return 0, err
	}
	return 0, unattested
}

// unlike returns the error for a snapshot for which the log has another seal.
func (h *History) unlike(s *sealed, index uint64) error {
	if err := h.foreign(s); err != nil {
		return err
	}
	return badSnapshot(fmt.Sprintf("it has changed: record %d of the log has another hash of it", index))
}

// foreign returns an error if a snapshot says that it is of another journal, or of another
// history of this one.
func (h *History) foreign(s *sealed) error {
	m, err := s.unmarshal()
	if err != nil {
		return badSnapshot(err.Error())
	}
	id := h.id()
	if len(m.Journal) > 0 && !bytes.Equal(m.Journal, id[:]) {
		return badSnapshot(fmt.Sprintf("it is of another journal, %x; this is %v", m.Journal, id))
	}
	for r, err := range h.reader.Records(m.Index) {
		if err == nil && len(m.Hash) > 0 && !bytes.Equal(m.Hash, r.Hash[:]) {
			return badSnapshot(fmt.Sprintf("it is of another history: record %d before it has the hash %x there, and %v here", m.Index, m.Hash, r.Hash))
		}
		break
	}
	return nil
}

// id returns the identity of the journal; it is zero if it has none.
func (h *History) id() ID {
	if len(h.parts) == 0 {
		return ID{}
	}
	return h.parts[len(h.parts)-1].head.ID
}
