package journal

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-marketplace/marketplace/journal/wal"
)

// A Cut names the one place at which a journal may be cut off: see [Config].Cut. The zero
// Cut names none.
type Cut struct {
	Seq  uint64 // the first input that is lost
	Hash string // how the hash of the last record before it begins, with 8 digits or more
}

const cutDigits = 8

// ParseCut reads a Cut as [Cut.String] writes it.
func ParseCut(s string) (Cut, error) {
	number, hash, ok := strings.Cut(s, "@")
	seq, err := strconv.ParseUint(number, 10, 64)
	if !ok || err != nil || seq == 0 || len(hash) < cutDigits || strings.Trim(hash, "0123456789abcdef") != "" {
		return Cut{}, fmt.Errorf("journal: %q is no place for a cut: it must be the number of an input and the beginning of a hash, as in 43@3fa9c1d2, which the error about the damage has", s)
	}
	return Cut{seq, hash}, nil
}

// String returns the number of the input and the hash, as in 43@3fa9c1d2.
func (c Cut) String() string { return fmt.Sprintf("%d@%s", c.Seq, c.Hash) }

// names reports whether c names the place behind the readable part of a journal.
func (c Cut) names(r readablePart) bool {
	return c.Seq == r.seq+1 && len(c.Hash) >= cutDigits && strings.HasPrefix(r.hash.String(), c.Hash)
}

// A readablePart is the part of a damaged journal that can be read.
type readablePart struct {
	seq  uint64   // the last input
	end  uint64   // index of the record behind it
	hash wal.Hash // of its last record
	head Head     // of its last segment; zero if there is none
}

func (r readablePart) cut() Cut { return Cut{r.seq + 1, r.hash.String()[:cutDigits]} }

// readable returns the readable part of a journal. It begins to read with the segment of
// the record from, or, if that has no input, with one before it.
func readable(s wal.Store, from uint64) (readablePart, error) {
	r, err := wal.Read(s)
	if errors.Is(err, wal.ErrNoLog) {
		return readablePart{end: 1}, nil
	}
	if err != nil {
		return readablePart{}, fmt.Errorf("journal: %w", err)
	}
	firsts := r.Segments()
	i := len(firsts) - 1
	for i > 0 && firsts[i] > from {
		i--
	}
	for ; i >= 0; i-- {
		if part, ok := readableFrom(r, firsts[i]); ok {
			return part, nil
		}
	}
	return readablePart{end: firsts[0]}, nil
}

// readableFrom returns the readable part of a journal from the beginning of a segment on.
// It reports false if that has no entry.
func readableFrom(r *wal.Reader, first uint64) (part readablePart, ok bool) {
	g := newSegment()
	segment := ""
	for rec, err := range r.Records(first) {
		if err != nil {
			break
		}
		if rec.Segment != segment {
			segment = rec.Segment
			g.forget()
		}
		var e entry
		if e.read(rec.Payload, g) != nil {
			break
		}
		switch e.kind {
		case headEntry:
			part.head, part.seq = e.head, e.head.Seq
		case inputEntry:
			part.seq = e.seq
		}
		part.end, part.hash, ok = rec.Index+1, rec.Hash, true
	}
	return part, ok
}
