package wal

import (
	"encoding/binary"
	"fmt"
)

// badHeader is the reason that a header does not match its hash.
const badHeader = "the header of the segment does not match its hash"

// appendHeader appends the header of a segment. It ends with the hash of the
// record before, as everything does that a record can follow.
func appendHeader(b []byte, first uint64, before Hash) []byte {
	start := len(b)
	b = append(b, magic...)
	b = append(b, version)
	b = binary.LittleEndian.AppendUint64(b, first)
	own := headerHash(b[start:], before)
	b = append(b, own[:]...)
	return append(b, before[:]...)
}

// readHeader returns the hash of the record before a segment, and what is wrong with
// the header, if anything is.
func readHeader(w *window, seg segment) (before Hash, reason string, err error) {
	if w.size < int64(headerSize) {
		return Hash{}, "the file ends within the header of the segment", nil
	}
	b, err := w.bytes(0, int64(headerSize))
	if err != nil {
		return Hash{}, "", err
	}
	if before, reason, err = parseHeader(b, seg.first); err != nil {
		err = fmt.Errorf("%w: %s", err, seg.name)
	}
	return before, reason, err
}

// rebuildHeader returns the hash of the record before a segment whose header does not
// match its hash, and reports whether the first record proves it. Everything else in a
// header is in the name of the segment.
func rebuildHeader(w *window, written Hash, seg segment, from place, tail func() (Hash, bool)) (before Hash, ok bool, err error) {
	candidates := []Hash{written}
	switch h, known := tail(); {
	case from.known:
		candidates = []Hash{from.hash}
	case seg.first == 1:
		candidates = []Hash{{}}
	case known:
		candidates = append(candidates, h)
	default: // what was before it has been dropped
		b, err := w.bytes(0, int64(headerSize))
		if err != nil {
			return before, false, err
		}
		candidates = append(candidates, mended(written, seg.first, Hash(b[16:32]))...)
	}
	for _, before := range candidates {
		f, reason, err := frameAt(w, int64(headerSize), &before)
		if err != nil {
			return before, false, err
		}
		if reason == "" && f.synced <= 1 {
			return before, true, nil
		}
	}
	return Hash{}, false, nil
}

// lostHeaderOf returns the header of segment i, if it is damaged and can be rebuilt. It does
// not check the rest of the segment.
func lostHeaderOf(s Store, segs []segment, i int) *lostHeader {
	c, err := s.Open(segs[i].name)
	if err != nil {
		return nil // reading the segment yields the error
	}
	defer c.Close()
	w := &window{r: c, size: min(int64(headerSize), c.Size())}
	written, reason, err := readHeader(w, segs[i])
	if err != nil || reason != badHeader {
		return nil
	}
	w = &window{r: c, size: c.Size()}
	if before, ok, err := rebuildHeader(w, written, segs[i], place{}, tailOf(s, segs, i)); err == nil && ok {
		return &lostHeader{segs[i], before}
	}
	return nil
}

// mended returns the hash before a segment if a single byte of it has changed, and the hash
// of the header has not.
func mended(written Hash, first uint64, own Hash) []Hash {
	start := appendHeader(nil, first, written)[:16]
	for i, was := range written {
		for x := 1; x < 256; x++ {
			written[i] = was ^ byte(x)
			if headerHash(start, written) == own {
				return []Hash{written}
			}
		}
		written[i] = was
	}
	return nil
}

// tailOf returns a function that returns the hash with which the segment before segment
// i ends, if there is one.
func tailOf(s Store, segs []segment, i int) func() (Hash, bool) {
	return func() (h Hash, ok bool) {
		if i == 0 {
			return h, false
		}
		c, err := s.Open(segs[i-1].name)
		if err != nil {
			return h, false
		}
		defer c.Close()
		if c.Size() < int64(headerSize) {
			return h, false
		}
		_, err = c.ReadAt(h[:], c.Size()-int64(hashSize))
		return h, err == nil
	}
}

// replaceHeader gives a segment a header again. After a crash, the segment has the
// former header or this one.
func replaceHeader(s Store, seg segment, before Hash) error {
	c, err := s.Open(seg.name)
	if err != nil {
		return err
	}
	return writeFile(s, seg.name, appendHeader(nil, seg.first, before), c, int64(headerSize))
}
