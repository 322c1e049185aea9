package wal

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

const (
	magic   = "mpjourn"
	version = 1

	hashSize   = len(Hash{})
	headerSize = 16 + 2*hashSize
	lengthSize = 4
	minFrame   = lengthSize + 1 + hashSize
	maxPayload = 1 << 30
	maxBody    = maxPayload + binary.MaxVarintLen64

	suffix     = ".journal"
	nameDigits = 20
)

// A Hash is the hash of a record, and thereby of all records up to it.
type Hash [16]byte

// String returns the hash in hexadecimal digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

func segmentName(first uint64) string {
	return fmt.Sprintf("%0*d%s", nameDigits, first, suffix)
}

// parseName returns the index of the first record of a segment, if this is the
// name of one.
func parseName(name string) (first uint64, ok bool) {
	digits, ok := strings.CutSuffix(name, suffix)
	if !ok || len(digits) != nameDigits || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	first, err := strconv.ParseUint(digits, 10, 64)
	return first, err == nil && first > 0
}

// Encrypted stands in the place of the version in a log whose store is encrypted, so that nobody
// who opens it without the key takes it for a damaged one.
const Encrypted byte = 0xff

// headerHash is the hash of a header, given its first 16 bytes.
func headerHash(start []byte, before Hash) Hash {
	var b [32]byte
	copy(b[:16], start)
	copy(b[16:], before[:])
	sum := sha256.Sum256(b[:])
	return Hash(sum[:hashSize])
}

// parseHeader returns the hash of the record before the segment, and what is
// wrong with the header, if anything is.
func parseHeader(b []byte, first uint64) (before Hash, reason string, err error) {
	before = Hash(b[32:headerSize])
	if string(b[:7]) != magic || headerHash(b[:16], before) != Hash(b[16:32]) {
		return before, badHeader, nil
	}
	if b[7] == Encrypted {
		return Hash{}, "", fmt.Errorf("%w: the log is encrypted, and is opened without its key", ErrVersion)
	}
	if b[7] != version {
		return Hash{}, "", fmt.Errorf("%w: %d", ErrVersion, b[7])
	}
	if got := binary.LittleEndian.Uint64(b[8:]); got != first {
		return Hash{}, fmt.Sprintf("the segment begins with record %d, not the one of its name", got), nil
	}
	if first == 1 && before != (Hash{}) {
		return Hash{}, "the first record cannot follow from another", nil
	}
	return before, "", nil
}

// appendFrame appends a record to b, which ends with the hash of the record before.
// The result ends with the hash of the new record.
func appendFrame(b []byte, synced uint64, payload []byte) []byte {
	start := len(b)
	b = append(b, 0, 0, 0, 0)
	b = binary.AppendUvarint(b, synced)
	b = append(b, payload...)
	binary.LittleEndian.PutUint32(b[start:], uint32(len(b)-start-lengthSize))
	sum := sha256.Sum256(b[start-hashSize:])
	return append(b, sum[:hashSize]...)
}

// A frame is a record in a segment.
type frame struct {
	offset, end int64  // end is 0 if the length cannot be right
	synced      uint64 // the synced count: see the format
	payload     []byte // in the window
	hash        Hash
}

// bodyAt returns the length of the body of a record at an offset, if there is
// room for it in the file, or the reason why there cannot be a record.
func bodyAt(w *window, offset int64) (body int64, reason string, err error) {
	left := w.size - offset
	if left < int64(minFrame) {
		return 0, "the file ends within the record", nil
	}
	b, err := w.bytes(offset, lengthSize)
	if err != nil {
		return 0, "", err
	}
	body = int64(binary.LittleEndian.Uint32(b))
	switch {
	case body == 0 || body > maxBody:
		return 0, fmt.Sprintf("%d is no length of a record", body), nil
	case body > left-int64(lengthSize+hashSize):
		return 0, "the file ends within the record", nil
	}
	return body, "", nil
}

// sumAt returns the hash of a record with a body of that length, as it should
// be, and the record, from the hash before it to its own. If before is not nil, the
// record should follow from it instead of the hash written before the record.
func sumAt(w *window, offset, body int64, before *Hash) (Hash, []byte, error) {
	n := int64(hashSize+lengthSize) + body
	b, err := w.bytes(offset-int64(hashSize), n+int64(hashSize))
	if err != nil {
		return Hash{}, nil, err
	}
	if before == nil {
		sum := sha256.Sum256(b[:n])
		return Hash(sum[:hashSize]), b, nil
	}
	h := sha256.New()
	h.Write(before[:])
	h.Write(b[hashSize:n])
	return Hash(h.Sum(nil)[:hashSize]), b, nil
}

// frameAt returns the record at an offset, which is not before the end of the
// header, or the reason why there is none. There is none at the end of the file.
// For before see sumAt.
func frameAt(w *window, offset int64, before *Hash) (f frame, reason string, err error) {
	body, reason, err := bodyAt(w, offset)
	if err != nil || reason != "" {
		return frame{}, reason, err
	}
	sum, b, err := sumAt(w, offset, body, before)
	if err != nil {
		return frame{}, "", err
	}
	f = frame{offset: offset, end: offset + int64(lengthSize+hashSize) + body}
	b = b[hashSize+lengthSize:]
	f.hash = Hash(b[body:])
	if f.hash != sum {
		return f, "the record does not match its hash, which includes that of the record before", nil
	}
	synced, n := binary.Uvarint(b[:body])
	if n <= 0 {
		return f, "the record has no synced count", nil
	}
	f.synced, f.payload = synced, b[n:body:body]
	return f, "", nil
}

// possible reports whether the synced count of an intact record can be right: no
// more records can be synced before it than have room there.
func (f frame) possible() bool { return f.synced <= uint64(f.offset)/uint64(minFrame) }
