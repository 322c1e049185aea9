package journal

import (
	"github.com/go-marketplace/marketplace/journal/codec"
	"github.com/go-marketplace/marketplace/journal/wal"
)

// A shorthand is what an input leaves out because the inputs before it have it: the beginning of
// its time, and the names of types and fields in its value. It begins anew, with an input that
// has everything in full, behind each head, and with each input whose number is a multiple of
// seekEvery. So reading can begin there, and damage hides no more than what comes before that.
type shorthand struct {
	names   codec.Names
	last    int64  // time of the last input
	timed   bool   // there is one
	scratch []byte // for values
}

// reset makes the shorthand begin anew.
func (h *shorthand) reset() {
	h.names.Reset()
	h.timed = false
}

// clone returns a copy.
func (h *shorthand) clone() shorthand {
	return shorthand{names: h.names.Clone(), last: h.last, timed: h.timed}
}

// lose notes that an input cannot be read.
func (h *shorthand) lose() {
	h.names.Lose()
	h.timed = false
}

// next begins an input that is written, and reports whether it is brief.
func (h *shorthand) next(seq uint64) bool {
	if seq%seekEvery == 0 {
		h.reset()
	}
	return h.timed
}

// since returns a time of an input as an entry has it.
func (h *shorthand) since(now int64) int64 {
	last := h.last
	if !h.timed {
		last = 0
	}
	h.last, h.timed = now, true
	return now - last
}

// time returns the time of an input that is read, from what the entry has. It reports false if
// the time depends on an input that could not be read.
func (h *shorthand) time(t int64, brief bool) (int64, bool) {
	switch {
	case brief && !h.timed:
		return 0, false
	case brief:
		t += h.last
	default:
		h.reset()
	}
	h.last, h.timed = t, true
	return t, true
}

// keepScratch is how much memory a shorthand keeps, in bytes.
const keepScratch = 64 << 10

// shorten appends a value. It reports false if the value cannot be shortened.
func (h *shorthand) shorten(dst, value []byte) ([]byte, bool) {
	if len(value) > wal.DefaultMaxRecord {
		return dst, false // so expand has a limit
	}
	return h.names.Shorten(dst, value)
}

// expand returns a value that was shortened. It is valid until the next call.
func (h *shorthand) expand(short []byte) (value []byte, err error) {
	value, err = h.names.Expand(h.scratch[:0], short, wal.DefaultMaxRecord)
	h.keep(value)
	return value, err
}

// keep keeps memory for the next value, unless it is much.
func (h *shorthand) keep(value []byte) {
	if cap(value) <= keepScratch {
		h.scratch = value
	}
}
